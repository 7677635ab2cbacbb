"""Received bytes are packed by what they have in common with earlier ones, and come back exactly; old rows stay."""

import subprocess
from collections.abc import Callable
from hashlib import sha256
from random import Random

import pytest
from zstandard import ZstdCompressor

from storage.archive import dictionaries
from storage.archive.database import Archive
from storage.media.rehash import rehash_raw
from storage.posts import reading, rereading, saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states
from tests.desk import run_program

MARKUP = '<div class="bubble" data-post="desk/{0}"><i class="tail"></i><p>{1}</p><span class="meta">seen</span></div>'

OLD = 10  # posts as an older version has packed them


def post(number: int, make: Callable[..., FetchedPost]) -> FetchedPost:
    plain = make(number, f"report {number} of the river town")
    data = MARKUP.format(number, plain.text).encode()
    return FetchedPost(str(number), Raw(data, "text/html"), plain.text, number, plain.posted_at)


@pytest.fixture
def learnt(archive: Archive, make_post: Callable[..., FetchedPost], now: int) -> Archive:
    """An archive with posts from before there was a dictionary, some by that of a first page, some by a better one."""
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
    with archive.writing() as writer:
        for number in range(OLD):
            frame = ZstdCompressor().compress(many[number].raw.data)
            writer.execute("DROP TRIGGER IF EXISTS raw_stay_as_they_are")
            writer.execute(
                "UPDATE raw SET zstd = :frame, text_id = NULL WHERE rowid = :row", {"frame": frame, "row": number + 1}
            )
    return archive


def test_what_comes_after_a_dictionary_takes_less_room_and_comes_back_exactly(learnt: Archive) -> None:
    with learnt.reading() as reader:
        rows = reader.rows("SELECT sha256, bytes, zstd FROM raw ORDER BY rowid")
        old, early, new = rows[:OLD], rows[OLD : dictionaries.SAMPLES], rows[dictionaries.SAMPLES :]
        assert {dictionaries.number_of(row["zstd"]) for row in old} == {0}
        numbers = [{dictionaries.number_of(row["zstd"]) for row in part} for part in (early, new)]
        known = reader.column("SELECT id FROM dictionaries ORDER BY samples")
        assert numbers == [{number} for number in known], "one of a page, one of many"
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
        with pytest.raises(dictionaries.DamagedBytes, match="is missing"):
            reading.read_raw(reader, last)
    found = rehash_raw(learnt, None)
    assert (found.damaged, "cannot be decompressed" in found.faults[0]) == (dictionaries.SAMPLES + 40 - OLD, True)


@pytest.mark.parametrize("length", [1, 64])
def test_bytes_that_have_nothing_in_common_get_no_dictionary(length: int) -> None:
    chance = Random(1)
    assert dictionaries.learn({"image/x": [chance.randbytes(length) for _ in range(600)]}) == {}


def damage(archive: Archive, change: str) -> None:
    with archive.writing() as writer:
        writer.execute("DROP TRIGGER IF EXISTS dictionaries_stay_as_they_are")
        writer.execute(f"UPDATE dictionaries SET bytes = {change}")


DAMAGES = ("CAST(substr(bytes, 1, length(bytes) - 9) || x'212121212121212121' AS BLOB)", "substr(bytes, 1, 100)", "x''")


def test_a_damaged_dictionary_is_never_used_and_posts_are_stored_all_the_same(
    learnt: Archive, make_post: Callable[..., FetchedPost], now: int
) -> None:
    for place, change in enumerate(DAMAGES):
        damage(learnt, change)
        new = post(7_000 + place, make_post)
        with learnt.writing() as writer:
            saving.save(writer, 1, Batch(posts=(new,)), now=now, method="replay", alerts=False)
            writer.execute("DELETE FROM jobs")
        with learnt.reading() as reader:
            assert len(dictionaries.find_damaged(reader)) == 2
            assert reading.read_raw(reader, sha256(new.raw.data).hexdigest()) == new.raw.data
            packed = reader.value(f"SELECT sha256 FROM raw WHERE rowid = {dictionaries.SAMPLES + 5}")
            with pytest.raises(dictionaries.DamagedBytes, match=r"dictionary \d+ is damaged"):
                reading.read_raw(reader, packed)


def test_posts_whose_bytes_are_damaged_are_set_aside_when_a_newer_reader_comes(learnt: Archive) -> None:
    damage(learnt, DAMAGES[0])
    with learnt.writing() as writer:
        writer.execute("DELETE FROM jobs")
    with learnt.reading() as reader:
        whole, damaged = rereading.find_next(reader, "desk", 9, 10_000)
        assert (len(whole), len(damaged)) == (OLD, dictionaries.SAMPLES + 40 - OLD)
    with learnt.writing() as writer:
        rereading.set_unreadable(writer, damaged, 9)
    with learnt.reading() as reader:
        assert rereading.find_next(reader, "desk", 9, 10_000) == (whole, [])


def test_a_reply_that_is_damaged_teaches_nothing_and_stops_nothing(
    archive: Archive, make_post: Callable[..., FetchedPost], now: int
) -> None:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "replay")], now)
        many = tuple(post(number, make_post) for number in range(dictionaries.SAMPLES))
        saving.save(writer, 1, Batch(posts=many), now=now, method="replay", alerts=False)
        writer.execute("DROP TRIGGER raw_stay_as_they_are")
        writer.execute("UPDATE raw SET zstd = x'00' WHERE rowid = 5")
    with archive.reading() as reader:
        [samples] = dictionaries.find_samples(reader).values()
        assert len(samples) == dictionaries.SAMPLES - 1
        assert dictionaries.find_samples(reader, {"text/html"}) == {}


def test_whatever_bytes_come_they_come_back(learnt: Archive, now: int) -> None:
    chance = Random(1).randbytes(8 << 20)
    many = [b"", b"\0", chance, b"a" * (8 << 20), ZstdCompressor().compress(b"report" * 99), chance[:1]]
    odd = (FetchedPost(f"odd {place}", Raw(data, "text/html"), "odd", 1, now) for place, data in enumerate(many))
    with learnt.writing() as writer:
        saving.save(writer, 1, Batch(posts=tuple(odd)), now=now, method="replay", alerts=False)
    with learnt.reading() as reader:
        last = reader.rows("SELECT sha256, zstd FROM raw ORDER BY rowid DESC LIMIT 6")[::-1]
        assert [dictionaries.number_of(row["zstd"]) > 0 for row in last] == [len(data) < 1 << 16 for data in many]
        assert [reading.read_raw(reader, row["sha256"]) for row in last] == many


def run(archive: Archive, *words: str) -> "subprocess.CompletedProcess[str]":
    return run_program("--data-dir", archive.path.parent, *words, cwd=archive.path.parent)


def test_the_raw_bytes_of_a_post_are_shown_whichever_way_they_are_packed(learnt: Archive) -> None:
    for number in (3, dictionaries.SAMPLES + 3):
        ran = run(learnt, "show", f"desk/{number}", "--raw")
        assert MARKUP.format(number, f"report {number} of the river town") in ran.stdout


def test_show_and_doctor_say_that_a_dictionary_is_damaged_and_the_way_out(learnt: Archive) -> None:
    damage(learnt, DAMAGES[0])
    shown = run(learnt, "show", f"desk/{dictionaries.SAMPLES + 3}", "--raw")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "is damaged: restore a backup" in shown.stderr
    checked = run(learnt, "doctor")
    assert "packed by a damaged dictionary" in checked.stdout
    assert "communique restore" in checked.stdout


def test_bytes_that_lean_on_a_damaged_text_are_damaged_and_never_something_else(
    archive: Archive, make_post: Callable[..., FetchedPost], now: int
) -> None:
    few = tuple(post(number, make_post) for number in range(3))
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "replay")], now)
        saving.save(writer, 1, Batch(posts=few), now=now, method="replay", alerts=False)
        writer.execute("DELETE FROM jobs")
        writer.execute("DROP TRIGGER texts_stay_as_they_are")
        writer.execute("UPDATE texts SET text = replace(text, '1 of the river', '2 of the river')")
    with archive.reading() as reader:
        assert reader.value("SELECT count(text_id) FROM raw") == 3
        assert reading.read_raw(reader, sha256(few[0].raw.data).hexdigest()) == few[0].raw.data
        with pytest.raises(dictionaries.DamagedBytes, match="cannot be decompressed"):
            reading.read_raw(reader, sha256(few[1].raw.data).hexdigest())
        whole, damaged = rereading.find_next(reader, "desk", 9, 10)
        assert (len(whole), len(damaged)) == (2, 1)
    assert rehash_raw(archive, None).damaged == 1
