"""The real Datasette on an exported directory: it finds words in every script, counts by facets, shows the files."""

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from storage.language.zawgyi import convert
from tests.cli.conftest import environment
from tests.export.exported import Exports
from tests.web.archive import ZAWGYI, Seeded

pytestmark = pytest.mark.skipif(find_spec("datasette") is None, reason="datasette is missing; make setup-web brings it")


@pytest.fixture(scope="module")
def served(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a Datasette that serves the export as a directory, and the directory."""
    home = tmp_path_factory.mktemp("datasette")
    directory = Exports(seeded.data_dir).make("datasette", home / "out").path
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "datasette", "serve", str(directory), "--port", str(port)]
    env = environment(home, {"PYTHONWARNINGS": "default"})
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home, env=env
    ) as process:
        try:
            assert process.stdout is not None
            assert any("Uvicorn running" in line for line in process.stdout)
            yield f"http://127.0.0.1:{port}", directory
        finally:
            process.terminate()


def _get(url: str) -> Any:
    with urlopen(url, timeout=60) as reply:
        return json.load(reply)


@pytest.mark.parametrize("typed", ["bridge", "TAUNGKYAR", "တိုင်းစစ်ဌာနချုပ်", "军区司令部", "กองบัญชาการภาค", "القيادة"])
def test_the_search_box_finds_words_in_every_script(served: tuple[str, Path], typed: str) -> None:
    found = _get(f"{served[0]}/posts/posts.json?_search={quote(typed)}&_shape=array")
    assert found
    assert all(typed.lower() in " ".join(map(str, row.values())).lower() for row in found)


def test_words_in_zawgyi_are_found_in_both_encodings(served: tuple[str, Path]) -> None:
    for typed in (ZAWGYI[20:40], convert(ZAWGYI)[20:40]):
        found = _get(f"{served[0]}/posts/posts.json?_search={quote(typed)}&_shape=array")
        assert ZAWGYI in [row["text"] for row in found], typed


def test_facets_count_the_posts(served: tuple[str, Path]) -> None:
    facets = _get(f"{served[0]}/posts/posts.json")["facet_results"]
    counted = {row["value"]: row["count"] for row in facets["source"]["results"]}
    assert sum(counted.values()) == _get(f"{served[0]}/posts/posts.json")["filtered_table_rows_count"]
    assert {"side", "language"} <= set(facets)
    one = _get(f"{served[0]}/posts/posts.json?source=valley-radio&_shape=array")
    assert len(one) == counted["valley-radio"]


def test_three_queries_are_there_and_answer(served: tuple[str, Path]) -> None:
    assert [query["name"] for query in _get(f"{served[0]}/posts.json")["queries"]] == ["find", "per_day", "changed"]
    assert _get(f"{served[0]}/posts/find.json?words={quote('军区')}&_shape=array")
    assert _get(f"{served[0]}/posts/per_day.json?_shape=array")[0]["day"].startswith("2025-11-2")
    changed = _get(f"{served[0]}/posts/changed.json?_shape=array")
    assert any(row["deleted_at"] for row in changed)
    assert any(row["first_said"] not in (None, row["says_now"]) for row in changed)


def test_files_are_there_under_their_hash(served: tuple[str, Path]) -> None:
    files = [row for row in _get(f"{served[0]}/posts/files.json?_shape=array&_size=max") if row["file"]]
    assert files
    for row in files:
        with urlopen(served[0] + row["file"], timeout=60) as reply:
            assert hashlib.sha256(reply.read()).hexdigest() == row["sha256"]
    assert {path.stem for path in (served[1] / "static").iterdir()} == {row["sha256"] for row in files}


def test_what_datasette_did_changed_nothing(served: tuple[str, Path], seeded: Seeded) -> None:
    Exports(seeded.data_dir).make("datasette", served[1])  # an unchanged export may be replaced


def test_pages_show_words_as_words(served: tuple[str, Path]) -> None:
    with urlopen(f"{served[0]}/posts", timeout=60) as reply:
        page = reply.read().decode()
    assert "Find words" in page
    assert "<script>alert" not in page
