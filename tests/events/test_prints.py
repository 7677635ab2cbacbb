"""The texts that have a fingerprint, wherever they are: in memory, in a row that waits, in the index; and how they go."""

import random
from collections.abc import Collection, Sequence
from threading import Thread

import pytest

from bot.events.finding import EventRules
from bot.events.placing import place_arrived
from storage.archive.database import Archive
from storage.events import members
from storage.events.prints import NEIGHBOURS, Prints, forget_prints
from storage.language.fold import fold
from storage.language.version import FOLD_VERSION
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

PHRASES = range(50)  # fingerprints that texts share
MUCH = range(1_000, 68_000)  # a text of so many that all is moved into the index
NOW = 1_763_800_000_000_000
TABLES = ("event_words", "event_prints", "event_waiting_prints")
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
            (elsewhere if number == 60 else add)(archive, number, prints | {*MUCH})
            texts[number] = prints
        elif what == "undone":
            with pytest.raises(ZeroDivisionError):
                add(archive, number, prints, undone=True)
        elif what == "forgotten":
            gone = chance.choice([*texts, 0])
            with archive.writing() as writer:
                forget_prints(writer, {gone: {*PHRASES, *(MUCH if gone % 100 == 60 else ())}})
            texts.pop(gone, None)
        else:
            text = chance.choice([*texts]) if what == "again" and texts else number
            (elsewhere if what == "elsewhere" else add)(archive, text, prints)
            texts[text] = texts.get(text, set()) | prints
        if number % 5 == 0 or what == "undone":
            assert found(archive) == expected(texts)
    assert found(archive) == expected(texts)
    assert expected(texts)[1] == {0}


def test_how_many_fingerprints_a_text_has_is_no_longer_known_once_that_may_be_wrong(archive: Archive) -> None:
    for number in (1, 2):
        add(archive, number, PHRASES)
        with archive.writing() as writer:
            Prints(writer).sizes[number] = len(PHRASES)
    with archive.writing() as writer:
        assert Prints(writer).sizes == {1: 50, 2: 50}
        forget_prints(writer, {1: PHRASES})
        assert Prints(writer).sizes == {2: 50}
    elsewhere(archive, 3, PHRASES)
    with archive.writing() as writer:
        assert Prints(writer).sizes == {}


def test_of_a_phrase_that_many_have_the_newest_are_found_from_the_index_and_before_it(archive: Archive) -> None:
    with archive.writing() as writer:
        known = Prints(writer)
        for text in range(150):
            known.add(text, frozenset({1} | ({*MUCH} if text == 120 else set())))
            known.move()
        known.write()
        assert Prints(writer).find_newest(1) == list(range(149, 49, -1))
        assert writer.value("SELECT count(*) FROM event_waiting_prints") == 29


def place(archive: Archive, texts: Sequence[str], first: int = 0) -> None:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "replay")], 0)
        posts = tuple(
            FetchedPost(str(number), Raw(b"%d" % number, "text/plain"), text, posted_at=NOW)
            for number, text in enumerate(texts, first)
        )
        saving.save(writer, 1, Batch(posts=posts), now=NOW, method="test", alerts=True)
        place_arrived(writer, EventRules())


def test_with_the_words_of_closed_events_all_their_fingerprints_go(archive: Archive) -> None:
    phrase = " ".join(f"word{number}" for number in range(100))
    place(archive, [f"{phrase} {number} dead" for number in range(12)])
    add(archive, 1, MUCH)
    place(archive, ["statement of the regional command about the bridge near the old market in the north"], first=12)
    with archive.writing() as writer:
        assert 0 not in [writer.value(f"SELECT count(*) FROM {table}") for table in TABLES]
        sizes = writer.column("SELECT prints FROM event_words ORDER BY text_id LIMIT 12")
        assert max(sizes) > 2 * min(sizes)  # among stock phrases each shingle leads to a text
        members.forget_words(writer, NOW + 2 * members.AT_MOST)
        forget_prints(writer, {1: MUCH})
        assert [writer.value(f"SELECT count(*) FROM {table}") for table in TABLES] == [0, 0, 0]


@pytest.mark.parametrize(
    ("version", "tokens"), [(FOLD_VERSION, "as stored"), (FOLD_VERSION - 1, "said by an older one")]
)
def test_words_are_not_folded_again_where_their_folded_form_is_stored(
    archive: Archive, version: int, tokens: str
) -> None:
    post = "Said by an older one" if version < FOLD_VERSION else "Said"
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "replay")], 0)
        said = FetchedPost("1", Raw(b"1", "text/plain"), post, posted_at=NOW)
        saving.save(writer, 1, Batch(posts=(said,)), now=NOW, method="test", alerts=True)
        writer.execute("UPDATE texts SET folded = 'as stored', packed = NULL, fold_version = :v", {"v": version})
        for number in range(2_000):
            fold(f"{number:900}")  # so many that what was folded before is in memory no more
        place_arrived(writer, EventRules())
        assert writer.column("SELECT tokens FROM event_words") == [tokens]
