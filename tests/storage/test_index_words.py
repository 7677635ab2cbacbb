"""The table of the index's words has every word of every text, also after what was undone, and from two processes."""

import re
from collections.abc import Callable
from contextlib import closing
from string import ascii_lowercase
from typing import Any

import pytest

from storage.archive.database import Archive, Reader
from storage.archive.packed_words import FOLDED
from storage.archive.sqlite import sqlite3
from storage.language.query import parse
from storage.posts.index_words import note
from storage.records import FetchedPost
from storage.search import search


def words(archive: Archive) -> set[str]:
    with archive.reading() as reader:
        return set(reader.column("SELECT word FROM words"))


def missing(archive: Archive) -> set[str]:
    with archive.reading() as reader:
        folded = " ".join(reader.column(f"SELECT {FOLDED.format('')} FROM texts"))
    return {word for word in re.split("[-+' ]", folded) if word and not word.isdecimal()} - words(archive)


# Words with one beginning, more than are asked for one by one.
MANY = " ".join(f"com{one}{two}{three}" for one in "ab" for two in ascii_lowercase for three in ascii_lowercase)


class UndoneError(Exception):
    """What undoes a transaction."""


def undo(archive: Archive, text: str) -> None:
    with archive.writing() as writer:
        note(writer, [text])
        raise UndoneError


def test_every_word_of_every_text_is_there(desk: Any, make_post: Callable[..., FetchedPost]) -> None:
    desk.save(make_post(1, "The regional cease-fire of 1998 fell; commanders' words"), make_post(2, "လားရှိုးမြို့"))
    desk.save(make_post(1, "The regional truce fell", edited=True))
    assert missing(desk.archive) == set()
    assert {"truce", "cease", "\ue000ceasefire", "လား"} <= words(desk.archive)
    assert "1998" not in words(desk.archive)


def test_what_an_undone_transaction_added_is_added_again(archive: Archive) -> None:
    with archive.writing() as writer:
        note(writer, ["army"])
    with pytest.raises(UndoneError):
        undo(archive, "army town")
    with archive.writing() as writer:
        note(writer, ["army town"])
    assert words(archive) == {"army", "town"}


def test_two_archives_of_one_process_do_not_share_what_they_know(archive: Archive, tmp_path: Any) -> None:
    from storage.migrations import migrate

    with archive.writing() as writer:
        note(writer, ["army"])
    with Archive(tmp_path / "other" / "communique.db") as other:
        migrate.ensure(other, now=1)
        with other.writing() as writer:
            note(writer, ["army town"])
        assert words(other) == {"army", "town"}
    with archive.writing() as writer:
        note(writer, ["town"])
    assert words(archive) == {"army", "town"}


def test_beginnings_wildcards_and_fuzzy_words_are_found_by_them(
    desk: Any, make_post: Callable[..., FetchedPost]
) -> None:
    texts = ["commander", "common ground", "a cease-fire", "comrade", "the year 2019", "2019th", "kommander"]
    desk.save(*(make_post(number, text) for number, text in enumerate(texts, 1)))
    wanted = {
        "comm*": 2,
        "co*": 3,
        "ceasef*": 1,
        "201*": 2,
        "c*er": 1,
        "commander~": 2,
        "2018~": 2,
        "-comm*": 5,
        "201?": 2,
    }
    with desk.archive.reading() as reader:
        for query, posts in wanted.items():
            assert len(list(search.search(reader, parse(query), limit=None))) == posts, query
            assert search.count(reader, parse(query)) == posts, query


def test_a_beginning_of_very_many_words_is_found_in_new_posts_and_in_old_ones(
    desk: Any, make_post: Callable[..., FetchedPost]
) -> None:
    desk.save(
        make_post(1, MANY), *(make_post(number, "nothing") for number in range(2, 450)), make_post(450, "comrade")
    )
    wanted = {
        "com*": 2,
        "comrade*": 1,
        "-com*": 448,
        "com* nothing": 0,
        "combz*": 1,
        "com* (comaaa OR comrade)": 2,
        "(com* -comrade) OR (com* nothing)": 1,
        "nothing OR com*": 450,
        "nothing -com*": 448,
    }
    with desk.archive.reading() as reader:
        for query, posts in wanted.items():
            assert len(list(search.search(reader, parse(query), limit=None))) == posts, query
            assert search.count(reader, parse(query)) == posts, query
        assert len(list(search.search(reader, parse("com*"), limit=1))) == 1


def test_the_newest_posts_are_looked_at_before_the_rows_of_very_many_words_are_gathered(
    desk: Any, make_post: Callable[..., FetchedPost]
) -> None:
    desk.save(make_post(1, MANY), *(make_post(number, "combat zone") for number in range(2, 30)))
    asked: list[str] = []
    with closing(sqlite3.connect(desk.archive.path)) as connection:
        connection.row_factory = sqlite3.Row
        connection.set_trace_callback(asked.append)
        for query in ("com*", "com* zone", "(zone com*) OR nothing", "zone -comz*"):
            assert len(list(search.search(Reader(connection), parse(query), limit=20))) == 20, query
    assert not [statement for statement in asked if '" *' in statement]
