"""The texts that have a fingerprint, wherever they are: in memory, in a row that waits, in the index."""

import random
from collections.abc import Collection
from threading import Thread

import pytest

from storage.archive.database import Archive
from storage.events.prints import NEIGHBOURS, Prints, forget_prints

PHRASES = range(50)  # fingerprints that texts share
MUCH = range(1_000, 18_000)  # a text of so many that all is moved into the index
Texts = dict[int, set[int]]


def add(archive: Archive, text: int, prints: Collection[int], *, undone: bool = False) -> None:
    with archive.writing() as writer:
        known = Prints(writer)
        known.add(text, frozenset(prints))
        known.write()
        known.move()
        if undone:
            raise ZeroDivisionError


def found(archive: Archive) -> tuple[dict[int, set[int]], set[int]]:
    """The texts of each phrase, and those phrases that many have."""
    with archive.writing() as writer:
        sharing = Prints(writer).find(PHRASES)
    return {value: set(texts) for value, texts in sharing.texts.items()}, set(sharing.hot)


def expected(texts: Texts) -> tuple[dict[int, set[int]], set[int]]:
    having = {value: {text for text, prints in texts.items() if value in prints} for value in PHRASES}
    hot = {value for value, of in having.items() if len(of) >= NEIGHBOURS}
    return {value: of for value, of in having.items() if of and value not in hot}, hot


def elsewhere(*args: object) -> None:
    """As another process, which remembers nothing of what this one did."""
    thread = Thread(target=add, args=args)
    thread.start()
    thread.join()


def test_a_text_is_found_whatever_was_moved_undone_forgotten_or_written_elsewhere(archive: Archive) -> None:
    chance, texts = random.Random(4), Texts()
    for number in range(250):
        prints = set(chance.sample(PHRASES, 5)) | ({0} if number % 4 else set())
        what = chance.choices(("here", "elsewhere", "undone", "again", "forgotten"), (10, 2, 2, 1, 1))[0]
        if number % 100 == 60:
            add(archive, number, prints | {*MUCH})
            texts[number] = prints
        elif what == "undone":
            with pytest.raises(ZeroDivisionError):
                add(archive, number, prints, undone=True)
        elif what == "forgotten":
            gone = chance.choice([*texts, 0])
            with archive.writing() as writer:
                forget_prints(writer, {gone: {*PHRASES, *MUCH}})
            texts.pop(gone, None)
        else:
            text = chance.choice([*texts]) if what == "again" and texts else number
            (elsewhere if what == "elsewhere" else add)(archive, text, prints)
            texts[text] = texts.get(text, set()) | prints
        if number % 5 == 0 or what == "undone":
            assert found(archive) == expected(texts)
    assert found(archive) == expected(texts)
    assert expected(texts)[1] == {0}


def test_of_a_phrase_that_many_have_the_newest_are_found_from_the_index_and_before_it(archive: Archive) -> None:
    with archive.writing() as writer:
        known = Prints(writer)
        for text in range(150):
            known.add(text, frozenset({1} | ({*MUCH} if text == 120 else set())))
            known.move()
        known.write()
        assert Prints(writer).find_newest(1) == list(range(149, 49, -1))
        assert writer.value("SELECT count(*) FROM event_waiting_prints") == 29
