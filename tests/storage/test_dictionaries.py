"""Received bytes are packed by what they have in common with earlier ones, and come back exactly; old rows stay."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from zstandard import ZstdError, get_frame_parameters

from storage.archive import dictionaries
from storage.archive.database import Archive
from storage.media.rehash import rehash_raw
from storage.posts import reading, rereading, saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

MARKUP = '<div class="bubble" data-post="desk/{0}"><i class="tail"></i><p>{1}</p><span class="meta">seen</span></div>'


def post(number: int, make: Callable[..., FetchedPost]) -> FetchedPost:
    plain = make(number, f"report {number} of the river town")
    data = MARKUP.format(number, plain.text).encode()
    return FetchedPost(str(number), Raw(data, "text/html"), plain.text, number, plain.posted_at)


@pytest.fixture
def learnt(archive: Archive, make_post: Callable[..., FetchedPost], now: int) -> Archive:
    """An archive with posts from before there was a dictionary, and some from after that."""
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "replay")], now)
    many = [post(number, make_post) for number in range(dictionaries.SAMPLES + 40)]
    for part in (many[: dictionaries.SAMPLES], many[dictionaries.SAMPLES :]):
        with archive.writing() as writer:
            saving.save(writer, 1, Batch(posts=tuple(part)), now=now, method="replay", alerts=False)
        with archive.reading() as reader:
            samples = dictionaries.find_samples(reader)
        with archive.writing() as writer:
            dictionaries.save(writer, dictionaries.learn(samples), now)
    return archive


def test_what_comes_after_a_dictionary_takes_less_room_and_comes_back_exactly(learnt: Archive) -> None:
    with learnt.reading() as reader:
        rows = reader.rows("SELECT sha256, bytes, zstd FROM raw ORDER BY rowid")
        old, new = rows[: dictionaries.SAMPLES], rows[dictionaries.SAMPLES :]
        assert {get_frame_parameters(row["zstd"]).dict_id for row in old} == {0}
        [number] = {get_frame_parameters(row["zstd"]).dict_id for row in new}
        assert reader.column("SELECT id FROM dictionaries") == [number], "one is enough"
        assert 2 * max(len(row["zstd"]) for row in new) < min(len(row["zstd"]) for row in old)
        for row, place in ((old[3], 3), (new[3], dictionaries.SAMPLES + 3)):
            assert (
                reading.read_raw(reader, row["sha256"])
                == MARKUP.format(place, f"report {place} of the river town").encode()
            )
        stored = rereading.find_shown(reader, 1, ["3", str(dictionaries.SAMPLES + 3)], 9)
        assert {one.native_id: one.raw.data[:40] for one in stored} == {
            number: MARKUP.format(number, "").encode()[:40] for number in ("3", str(dictionaries.SAMPLES + 3))
        }
    found = rehash_raw(learnt, None)
    assert (found.compared, found.damaged) == (dictionaries.SAMPLES + 40, 0)


def test_a_dictionary_is_never_changed_or_removed(learnt: Archive) -> None:
    for statement in ("UPDATE dictionaries SET bytes = x'00'", "DELETE FROM dictionaries"):
        with pytest.raises(Exception, match="never changed or removed"), learnt.writing() as writer:
            writer.execute(statement)


def test_bytes_whose_dictionary_is_missing_are_damaged_and_never_something_else(learnt: Archive) -> None:
    with learnt.writing() as writer:
        writer.execute("DROP TRIGGER dictionaries_stay")
        writer.execute("DELETE FROM dictionaries")
    with learnt.reading() as reader:
        last = reader.value("SELECT sha256 FROM raw ORDER BY rowid DESC LIMIT 1")
        with pytest.raises(ZstdError):
            reading.read_raw(reader, last)
    found = rehash_raw(learnt, None)
    assert (found.damaged, "cannot be decompressed" in found.faults[0]) == (40, True)


@pytest.mark.parametrize("length", [1, 64])
def test_bytes_that_have_nothing_in_common_get_no_dictionary(length: int) -> None:
    chance = Random(1)
    assert dictionaries.learn({"image/x": [chance.randbytes(length) for _ in range(600)]}) == {}


def test_the_raw_bytes_of_a_post_are_shown_whichever_way_they_are_packed(learnt: Archive) -> None:
    for number in (3, dictionaries.SAMPLES + 3):
        ran = subprocess.run(
            [sys.executable, "-m", "bot", "--data-dir", str(learnt.path.parent), "show", f"desk/{number}", "--raw"],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert MARKUP.format(number, f"report {number} of the river town") in ran.stdout
