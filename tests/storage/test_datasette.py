"""The real Datasette on a living archive: its search finds what people type."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from storage.language.zawgyi import is_zawgyi
from storage.records import FetchedPost
from tests.cli.conftest import environment

pytestmark = pytest.mark.skipif(find_spec("datasette") is None, reason="datasette is not installed")

BURMESE = "တိုင်းစစ်ဌာနချုပ်ကို တိုက်ခိုက်ခဲ့သည်။"
ZAWGYI = "ျမန္မာႏိုင္ငံသည္ ျပည္ေထာင္စုသမၼတျမန္မာႏိုင္ငံေတာ္ဟု ေခၚတြင္သည္"
TEXTS = {
    1: BURMESE,
    2: ZAWGYI,
    3: "部隊在昨天夜裡炸毀了河上的大橋",
    4: "กองทัพโจมตีสะพานข้ามแม่น้ำเมื่อคืนนี้",
    5: "The regional command's bridges were lost.",
    6: "Генерал сообщил о мосте",
}
TYPED = {
    "တိုင်းစစ်ဌာနချုပ်": 1,
    "စစ်ဌာန": 1,
    "မြန်မာနိုင်ငံ": 2,
    "ျမန္မာႏိုင္ငံ": 2,
    "大橋": 3,
    "สะพาน": 4,
    "bridge": 5,
    '"REGIONAL COMMAND"': 5,
    "генерал": 6,
}


@contextmanager
def serving(database: Path, home: Path) -> Iterator[str]:
    """The address of a Datasette that serves this file; nothing but its installation says that the plug-in is there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "datasette", "serve", str(database), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env=environment(home, {"PYTHONWARNINGS": "default"}),
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Uvicorn running" in line:
                break
        else:
            pytest.fail(said)
        yield f"http://127.0.0.1:{port}/{database.stem}"
    finally:
        process.terminate()
        process.communicate()


def get(url: str) -> Any:
    try:
        with urlopen(url, timeout=120) as reply:
            return json.load(reply)
    except HTTPError as problem:
        problem.add_note(f"{url}: {problem.read().decode()}")
        raise


def natives(url: str, path: str) -> list[str]:
    return [row["native_id"] for row in get(f"{url}/{path}&_shape=objects")["rows"]]


@pytest.fixture
def written(desk: Any, make_post: Callable[..., FetchedPost]) -> Any:
    assert is_zawgyi(ZAWGYI)
    desk.save(*(make_post(number, text) for number, text in TEXTS.items()))
    desk.archive.close()
    return desk


def test_what_people_type_is_found_in_every_script_while_a_writer_writes(
    written: Any, make_post: Callable[..., FetchedPost], tmp_path: Path
) -> None:
    ended = threading.Event()

    def write() -> None:
        number = 100
        while not ended.wait(0.01):
            number += 1
            written.save(make_post(number, f"Filler {number}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with serving(written.archive.path, tmp_path) as url:
            for typed, number in TYPED.items():
                assert natives(url, f"search.json?q={quote(typed)}") == [str(number)], typed
                assert natives(url, f"texts_readable.json?_search={quote(typed)}") == [str(number)], typed
            written.save(make_post(7, "A new sentence: 這座大橋已經重建"))
            assert natives(url, f"search.json?q={quote('大橋')}") == ["7", "3"]
            own = "SELECT count(*) AS n FROM posts_index WHERE posts_index MATCH communique_query(:q)"
            assert get(f"{url}.json?sql={quote(own)}&q={quote('大橋')}&_shape=array") == [{"n": 2}]
            assert "Search the posts" in urlopen(f"{url}/search?q=bridge", timeout=120).read().decode()
            for view in ("posts_words", "received", "posts_readable"):
                assert urlopen(f"{url}/{view}", timeout=120).status == 200, view
    finally:
        ended.set()
        writer.join()


def test_a_search_box_takes_every_string_and_facets_count_what_it_finds(written: Any, tmp_path: Path) -> None:
    with serving(written.archive.path, tmp_path) as url:
        assert natives(url, f"search.json?q={quote('bridge AND (')}") == []
        assert natives(url, f"search.json?q={quote('bridge (')}") == ["5"]
        assert natives(url, f"search.json?q={quote('source:spokesman генерал')}") == ["6"]
        facets = get(f"{url}/posts_readable.json?_search={quote('大橋')}&_facet=source&_facet=language")[
            "facet_results"
        ]
        assert [(one["value"], one["count"]) for one in facets["source"]["results"]] == [("spokesman", 1)]
        assert [(one["value"], one["count"]) for one in facets["language"]["results"]] == [("zh", 1)]
        for typed in ("", '"', "NOT", "*", "\\", "a" * 3000):
            assert natives(url, f"search.json?q={quote(typed)}") == []
            assert natives(url, f"texts_readable.json?_search={quote(typed)}&_size=1") == []


def test_another_database_is_left_as_it_is(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "other.db"
    made = sqlite3.connect(path)
    made.execute("CREATE VIRTUAL TABLE notes USING fts5(words)")
    made.execute("INSERT INTO notes VALUES ('one bridge')")
    made.commit()
    made.close()
    with serving(path, tmp_path) as url:
        assert [row["words"] for row in get(f"{url}/notes.json?_search=bridge&_shape=objects")["rows"]] == [
            "one bridge"
        ]
        with pytest.raises(HTTPError, match="404"):
            get(f"{url}/search.json?q=bridge")


def test_the_plug_in_is_found_by_its_entry_point() -> None:
    assert [point.value for point in entry_points(group="datasette", name="communique")] == ["bot.datasette_plugin"]
