"""Lists are whole where a machine reads them; where a person reads them, what was left out is said."""

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli.terminal.output import Form, Session, write
from bot.config.environment import Environment
from storage.alerts import matches
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedMedia, FetchedPost, Hit, MatchRow, Raw

Program = Callable[..., subprocess.CompletedProcess[str]]
NOW = 1_762_000_000_000_000
POSTS = 603  # more than a slice


@pytest.fixture
def many(fresh: Archive, inside: Program) -> Program:
    """Run the program on an archive of many posts, each with a file and an alert."""
    posts = tuple(
        FetchedPost(
            str(number),
            Raw(str(number).encode(), "text/plain"),
            f"the bridge {number}",
            posted_at=NOW + number * 1_000_000,
            media=(FetchedMedia("photo", f"p{number}", url=f"http://127.0.0.1/{number}.jpg"),),
        )
        for number in range(POSTS)
    )
    with fresh.writing() as writer:
        saved = saving.save(writer, 1, Batch(posts), now=NOW, method="page", alerts=True)
        for post_id in saved.new:
            hit = Hit(post_id << 14, "body", 4, 10, "bridge")
            matches.save(
                writer,
                MatchRow("bridges", "v1", post_id, "d", "match", NOW, (hit,), alerting=True, why="new post"),
                ["console"],
                NOW,
            )
    directory = str(fresh.path.parent)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return inside("--data-dir", directory, *arguments)

    return run


LISTS = [("search", "bridge"), ("alerts", "list"), ("media", "list")]


@pytest.mark.parametrize("command", [*LISTS, ("tail",)], ids=" ".join)
def test_machine_forms_are_whole_unless_a_limit_is_given(many: Program, command: tuple[str, ...]) -> None:
    ran = many(*command, "--jsonl")
    assert (len(ran.stdout.splitlines()), ran.stderr) == (POSTS, "")
    if command == ("tail",):
        assert len(many(*command, "--jsonl", "-n", "7").stdout.splitlines()) == 7
        return
    whole = json.loads(many(*command, "--json").stdout)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == whole
    assert len(list(csv.reader(io.StringIO(many(*command, "--csv").stdout)))) == POSTS + 1
    assert len(json.loads(many(*command, "--json", "--limit", "501").stdout)) == 501


@pytest.mark.parametrize(("command", "shown"), [(LISTS[0], 20), (LISTS[1], 50), (LISTS[2], 50)])
def test_a_person_is_shown_the_newest_and_how_many_there_are(
    many: Program, command: tuple[str, ...], shown: int
) -> None:
    assert f"{shown} of 603; --limit N shows more" in many(*command).stderr
    assert "2 of 603; --limit N" in many(*command, "--limit", "2").stderr
    assert many(*command, "--limit", "603").stderr == ""


def test_what_was_left_out_is_counted_with_every_filter(many: Program) -> None:
    assert "20 of 603;" in many("search", "bridge", "--source", "spokesman").stderr
    assert "20 of 202;" in many("search", "bridge", "--since", "2025-11-01T12:33:21Z").stderr
    assert "50 of 603;" in many("alerts", "list", "--state", "pending").stderr
    assert many("alerts", "list", "--state", "dead").stderr == "no alerts found\n"


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_each_document_is_written_before_the_next_one_is_made(form: Form) -> None:
    out = io.StringIO()
    session = Session(None, None, Environment(), colour=False, out=out, err=io.StringIO())

    def documents() -> Iterator[dict[str, object]]:
        for number in range(3):
            assert number == 0 or f"post {number - 1}" in out.getvalue()
            yield {"text": f"post {number}\n", "links": [{"url": "x"}]}

    write(session, form, documents(), ("text",))
    if form == "json":
        assert out.getvalue() == json.dumps(list(documents()), indent=2) + "\n"


def test_a_json_list_of_nothing_is_a_list(program: Program, data_dir: Path) -> None:
    assert program("search", "neverwritten", "--json").stdout == "[]\n"
