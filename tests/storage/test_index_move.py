"""The full-text index of an older archive moves to one row a post: step by step, and search finds the same meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.archive import full_text, integrity
from storage.archive.database import REVISIONS, Archive, Writer
from storage.language.query import parse
from storage.migrations import migrate
from storage.posts import index_move, texts
from storage.posts.texts import MachineText
from storage.records import FetchedPost
from storage.search import search
from tests.older_archive import OlderSource, write_archive

SECOND = 1_000_000
NOW = 1_764_000_000 * SECOND
QUERIES = ("army -town", "town", "army town", "-army", "heard", "said OR heard", "in:transcript -army", '"army left"')


@pytest.fixture
def upgraded(tmp_path: Path, make_post: Callable[..., FetchedPost]) -> Iterator[Archive]:
    """An archive of the version before, at the current schema: its old index is full, its new one empty."""
    path = tmp_path / "data" / "communique.db"
    posts = [
        make_post(number, "The army left the town." if number % 3 else "The army said nothing.")
        for number in range(1, 1_301)
    ]
    write_archive(path, REVISIONS[-2], NOW, [OlderSource("wire", "feed", posts)], [])
    with Archive(path) as archive:
        migrate.ensure(archive, now=NOW)
        yield archive


def answers(archive: Archive) -> dict[str, list[int]]:
    with archive.reading() as reader:
        found = {query: [one.post_id for one in search.search(reader, parse(query), limit=None)] for query in QUERIES}
        assert {query: search.count(reader, parse(query)) for query in QUERIES} == {
            query: len(ids) for query, ids in found.items()
        }
    return found


def hear(writer: Writer, post_id: int, words: str) -> None:
    texts.save_machine_text(writer, None, MachineText("transcript", words, "en", 0.9, "ears", "m"), post_id=post_id)


def test_search_is_right_before_during_and_after_the_move_whatever_is_stored_meanwhile(upgraded: Archive) -> None:
    before = answers(upgraded)
    assert before["army town"], "the old index is asked"
    with upgraded.reading() as reader:
        ids = reader.column("SELECT id FROM posts ORDER BY id")
        first = index_move.read_move_progress(reader)
        assert first
        assert (first.done, first.total, first.seconds_left) == (0, 1_300, None)
        assert index_move.count_needed_bytes(reader) > 0
    with upgraded.writing() as writer:
        index_move.begin(writer, 100, lacking=0)
        assert index_move.move_some(writer, 110)
        hear(writer, ids[-1], "heard in the hills")  # its row is in the new index already
        hear(writer, ids[0], "heard at the river")  # this one is not
    during = answers(upgraded)
    assert during["heard"] == [ids[-1], ids[0]]
    assert during["army town"] == before["army town"]
    assert full_text.agrees(upgraded)
    with upgraded.reading() as reader:
        halfway = index_move.read_move_progress(reader)
        assert halfway
        assert halfway.done == 500
        assert halfway.seconds_left == 16
    moves = 0
    while True:
        with upgraded.writing() as writer:
            if not index_move.move_some(writer, 120):
                break
        moves += 1
    assert moves == 2
    assert answers(upgraded) == during
    assert integrity.find_problems(upgraded) == []
    with upgraded.writing() as writer:
        hear(writer, ids[3], "heard last")
        assert not index_move.has_leftover(writer, 130), "a search that began before may still ask it"
        assert index_move.has_leftover(writer, 1_000)
        index_move.drop_leftover(writer)
        assert not index_move.has_leftover(writer, 9_000)
        assert writer.value("SELECT count(*) FROM sqlite_master WHERE name LIKE 'texts_index%'") == 0
    assert answers(upgraded)["heard"] == [ids[-1], ids[3], ids[0]]
    assert integrity.find_problems(upgraded) == []


def test_a_step_that_is_not_committed_is_done_again(upgraded: Archive) -> None:
    class KilledError(Exception):
        """The process is gone."""

    with upgraded.writing() as writer:
        index_move.move_some(writer, 1)

    def be_killed() -> None:
        with upgraded.writing() as writer:
            index_move.move_some(writer, 2)
            raise KilledError

    with pytest.raises(KilledError):
        be_killed()
    with upgraded.writing() as writer:
        while index_move.move_some(writer, 3):
            pass
    assert full_text.agrees(upgraded)
    with upgraded.reading() as reader:
        assert full_text.name_index(reader) == "posts_index"
        assert search.count(reader, parse("army")) == 1_300


def test_a_row_that_an_edit_forgot_is_noticed(upgraded: Archive) -> None:
    with upgraded.writing() as writer:
        while index_move.move_some(writer, 1):
            pass
    assert full_text.agrees(upgraded)
    with upgraded.writing() as writer:
        writer.execute("UPDATE texts SET current = 0 WHERE id = (SELECT max(id) FROM texts)")
    assert not full_text.agrees(upgraded)
    full_text.rebuild(upgraded)
    assert full_text.agrees(upgraded)
