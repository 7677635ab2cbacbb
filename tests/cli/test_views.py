"""The views of the archive show what the JSON output shows, under the same names."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.archive.connections import connect
from storage.archive.views import VIEWS
from tests.cli.conftest import ROOT, Program
from tests.docs.reading import blocks

LISTS = ("tags", "links", "rules", "deliveries", "acked")
TRUTHS = ("enabled", "paused", "alerting")


def rows(data_dir: Path, question: str) -> list[dict[str, Any]]:
    """The answer, with lists and truths as in JSON."""
    with closing(connect(data_dir / "communique.db", mode="ro")) as reader:
        cursor = reader.execute(question)
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        row |= {name: json.loads(row[name] or "null") for name in LISTS if name in row}
        row |= {name: bool(row[name]) for name in TRUTHS if name in row}
        row |= {name: str(row[name]) for name in ("id", "post_id") if name in row}
    return found


def shared(said: list[dict[str, Any]], shown: list[dict[str, Any]], *, without: tuple[str, ...] = ()) -> set[str]:
    """The fields of both, which must be equal; a document is found by its id or its name."""
    key = "id" if "id" in said[0] else "name"
    by_key = {row[key]: row for row in shown}
    names = set(said[0]) & set(shown[0]) - set(without)
    assert {row[key] for row in said} <= set(by_key)
    for row in said:
        assert {name: row[name] for name in names} == {name: by_key[row[key]][name] for name in names}
    return set(said[0]) - names


def test_posts(program: Program, data_dir: Path) -> None:
    said = [
        json.loads(line)
        for line in program(
            "search", "bridge OR hostile OR command OR claim", "--jsonl", "--limit", "99"
        ).stdout.splitlines()
    ]
    shown = rows(data_dir, "SELECT * FROM posts_readable")
    lists = ("media", "texts", "forwarded_from")  # lists and objects; the view has one word of each
    assert shared(said, shown, without=lists) == {*lists, "zawgyi", "matched"}


def test_sources(program: Program, data_dir: Path) -> None:
    said = json.loads(program("sources", "list", "--json").stdout)
    only_json = {
        "mode",
        "lag_s",
        "account",
        "account_name",
        "stands_in",
        "flood_waits",
    }  # not of the archive, or not of one source
    assert shared(said, rows(data_dir, "SELECT * FROM sources_readable")) <= only_json


def test_alerts(program: Program, data_dir: Path) -> None:
    said = json.loads(program("alerts", "list", "--json").stdout)
    # Both statements with their passages, and the states of its messages: views have these in rows of their own.
    only_json = {"facing", "delivered"}
    assert shared(said, rows(data_dir, "SELECT * FROM alerts_readable")) == only_json


def test_files(program: Program, data_dir: Path) -> None:
    said = json.loads(program("media", "list", "--json").stdout)
    shown = rows(data_dir, "SELECT * FROM files_readable ORDER BY post_id DESC, id")
    assert [{name: row[name] for name in said[0]} for row in shown] == said


def test_revisions_and_observations(program: Program, data_dir: Path) -> None:
    posts = ("desk/guid/7", "desk/8", "spokesman/1")
    for post in posts:
        said = json.loads(program("show", post, "--history", "--json").stdout)
        for view, field in (("revisions_readable", "history"), ("observations_readable", "observations")):
            shown = rows(data_dir, f"SELECT * FROM {view} WHERE post_id = {said['id']} ORDER BY id")
            seen = [{name: row[name] for name in one} for one, row in zip(said[field], shown, strict=True)]
            for one, row in zip(said[field], seen, strict=True):
                if one.get("fetch") is not None:  # an object; the view has it as JSON, without the headers
                    del one["fetch"]["headers"]
                    row["fetch"] = json.loads(row["fetch"])
            assert seen == said[field]
            assert {(row["source"], row["native_id"]) for row in shown} <= {(said["source"], said["native_id"])}


def test_texts(program: Program, data_dir: Path) -> None:
    said = json.loads(program("show", "spokesman/1", "--json").stdout)
    [body] = rows(data_dir, f"SELECT * FROM texts_readable WHERE post_id = {said['id']} AND kind = 'body'")
    assert (body["text"], body["language"], body["current"]) == (said["text"], said["language"], 1)


PAGE = ROOT / "docs" / "archive.md"
QUERIES = [block.text for block in blocks(PAGE) if block.language == "sql" and block.runs]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_page_has_an_answer(data_dir: Path, query: str) -> None:
    assert rows(data_dir, query.strip().removesuffix(";")) != []


def test_there_are_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_names_every_view_and_what_json_does_not_have(data_dir: Path, view: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith(f"| `{view}` |")]
    with closing(connect(data_dir / "communique.db", mode="ro")) as reader:
        columns = {row[1] for row in reader.execute(f"PRAGMA table_info({view})")}
    named = set(re.findall(r"`(\w+)`", line))
    in_json = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "json-output.md").read_text(encoding="utf-8")))
    assert columns <= named | in_json
