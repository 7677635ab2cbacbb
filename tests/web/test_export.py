"""The pages /export and /export/file: the files of the command, of what the reader may read, on the press of a button."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.testclient import TestClient

from bot.export import FORMATS, load
from bot.web.viewer import Viewer
from storage.archive.database import Archive
from tests.export.exported import INSTALLED, Exports, files_of
from tests.web.archive import Seeded
from tests.web.serving import asking, opened

HIDDEN = ("state-spokesman", "gulf-observer")
TRACES = ("state-spokesman", "state_spokesman", "gulf-observer", "government", "junta", "order.wav", "convoy left")


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


@pytest.fixture(scope="module")
def seen(seeded: Seeded) -> frozenset[int]:
    """The sources that a restricted reader may read."""
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        rows = reader.rows("SELECT id, name FROM sources")
        return frozenset(row["id"] for row in rows if row["name"] not in HIDDEN)


@pytest.fixture(scope="module")
def restricted(seeded: Seeded, seen: frozenset[int]) -> Iterator[TestClient]:
    with opened(seeded, Viewer("guest", "reader", seen)) as room, asking(room) as client:
        yield client


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_gives_the_file_of_the_command(ask: TestClient, seeded: Seeded, tmp_path: Path, name: str) -> None:
    if name not in INSTALLED:
        pytest.skip(f"{name}: its package is missing; make setup-web brings it")
    done = Exports(seeded.data_dir).make(name, tmp_path / "out", "bridge OR တံတား")
    answer = ask.get("/export/file", params={"format": name, "q": "bridge OR တံတား"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="posts.')
    if load(name).file is not None:
        assert answer.content == done.path.read_bytes()
    else:
        assert answer.content == ask.get(str(answer.url)).content
        with ZipFile(BytesIO(answer.content)) as packed:
            assert {one.date_time for one in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            found = {one: packed.read(one) for one in packed.namelist()}
        assert json.loads(found.pop("manifest.json"))["query"] == "bridge OR တံတား"
        assert found == files_of(done)


def test_a_reader_of_some_sources_gets_the_files_of_these(
    restricted: TestClient, seeded: Seeded, tmp_path: Path, seen: frozenset[int]
) -> None:
    for name in INSTALLED:
        answer = restricted.get("/export/file", params={"format": name, "zip": "1"})
        assert answer.status_code == 200, answer.text
        with ZipFile(BytesIO(answer.content)) as packed:
            whole = b"\n".join([*map(str.encode, packed.namelist()), *map(packed.read, packed.namelist())])
        assert [trace for trace in TRACES if trace.encode() in whole] == []
    done = Exports(seeded.data_dir).make("jsonl", tmp_path / "out", may_read=seen)
    assert restricted.get("/export/file?format=jsonl").content == done.path.read_bytes()
    hidden, unknown = (
        restricted.get(f"/export/file?format=csv&source={name}") for name in ("state-spokesman", "no-such-source")
    )
    assert (hidden.status_code, hidden.content) == (unknown.status_code, unknown.content)


def test_the_form_keeps_what_was_searched_and_works_without_javascript(ask: TestClient) -> None:
    address = next(
        str(link.attributes["href"])
        for link in LexborHTMLParser(ask.get("/search?q=bridge&source=valley-radio").text).css("a")
        if str(link.attributes.get("href", "")).startswith("/export")
    )
    form = LexborHTMLParser(ask.get(address).text).css_first("form.export")
    assert form is not None
    assert (form.attributes["action"], form.attributes["method"]) == ("/export/file", "get")
    given = {str(field.attributes["name"]): str(field.attributes.get("value") or "") for field in form.css("input")}
    assert (given["q"], given["source"]) == ("bridge", "valley-radio")
    assert [option.attributes["value"] for option in form.css("option")] == list(FORMATS)
    assert all(form.css(f"label[for={name}]") for name in ("q", "since", "until", "format"))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("format=doc", "choose one of the formats"),
        ("format=csv&q=(bridge", "The query cannot be read"),
        ("format=csv&since=someday", "is not a time"),
        ("format=csv&day=someday", "is not a"),
    ],
)
def test_a_mistake_is_one_sentence(ask: TestClient, asked: str, says: str) -> None:
    answer = ask.get(f"/export/file?{asked}")
    assert answer.status_code == 400
    assert says in answer.text


def test_days_are_included_whole(ask: TestClient) -> None:
    def lines(asked: str) -> int:
        return ask.get(f"/export/file?format=jsonl&{asked}").text.count("\n")

    assert lines("since=2025-11-22&until=2025-11-22") == lines("day=2025-11-22") == lines("") > 20
    assert lines("until=2025-11-21") == 0


def test_nothing_is_left_behind(ask: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ask.get("/export/file?format=edges").status_code == 200
    assert ask.get("/export/file?format=csv&q=/(/").status_code == 400
    assert list(tmp_path.iterdir()) == []
