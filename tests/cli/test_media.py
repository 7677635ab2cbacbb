"""How files stand, told by `status`, `show` and `media list`; and what `media read` and `media fetch` ask for."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import jobs
from storage.archive.database import Archive
from storage.jobs import NewJob
from storage.media import readings
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.media.stored import NO_ROOM
from storage.posts import texts
from storage.records import Batch, FetchedMedia, FetchedPost, LedgerChange, Raw, Segment
from storage.sources import states

Program = Callable[..., subprocess.CompletedProcess[str]]
NOON = 1_762_000_000_000_000
DAY = 86_400_000_000
ENGINES = """
[[engines]]
name = "ears"
kind = "program"
program = ["/bin/true"]
sources = ["spokesman"]
[[engines]]
name = "eyes"
kind = "program"
makes = "ocr"
program = ["/bin/true"]
"""
SOURCES = """
[[sources]]
name = "spokesman"
kind = "replay"
path = "-"
[[sources]]
name = "agency"
kind = "replay"
path = "a.jsonl"
"""


class Shelf:
    """An archive whose files are put into any state, and a config beside it."""

    def __init__(self, archive: Archive, program: Program, config: Path) -> None:
        self.archive, self._program, self._config = archive, program, config
        self.write("")
        with archive.writing() as writer:
            states.declare(writer, [states.Declared(name, "replay") for name in ("spokesman", "agency")], NOON)

    def write(self, config: str) -> None:
        self._config.write_text(SOURCES + config)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._program(*arguments, config=self._config, COMMUNIQUE_DATA_DIR=str(self.archive.path.parent))

    def told(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def post(self, native_id: str, *kinds: str, source: str = "spokesman", at: int = NOON) -> list[int]:
        """A post with a file of each kind; their rows."""
        from storage.posts import saving

        files = tuple(
            FetchedMedia(kind, f"{kind}{place}", url=f"https://cdn.example/{place}", duration_s=61.0)  # type: ignore[arg-type]
            for place, kind in enumerate(kinds)
        )
        post = FetchedPost(native_id, Raw(native_id.encode(), "text/plain"), "", posted_at=at, media=files)
        with self.archive.writing() as writer:
            row = states.find_source(writer, source)
            assert row is not None
            saving.save(writer, row.id, Batch((post,)), now=NOON, method="replay", alerts=True, change=LedgerChange())
            found = writer.column("SELECT id FROM media ORDER BY id DESC")
        return sorted(found[: len(kinds)])

    def store(self, *media_ids: int, size: int = 1_000) -> None:
        with self.archive.writing() as writer:
            for media_id in media_ids:
                digest = f"{media_id:02x}" * 32
                kind = writer.value(f"SELECT kind FROM media WHERE id = {media_id}")
                mime = "image/png" if kind == "photo" else "audio/ogg"
                media_rows.mark_stored(writer, media_id, Kept(digest, size, f"media/{digest}", mime), NOON)

    def give_up(self, media_id: int, reason: str) -> None:
        with self.archive.writing() as writer:
            post_id = writer.value(f"SELECT post_id FROM media WHERE id = {media_id}")
            jobs.enqueue(writer, [NewJob("transcript", post_id, 0, str(media_id), False)])
            job = jobs.claim_newest(writer, "transcript", 1, lease=10)
            assert job is not None
            jobs.give_up(writer, job.id, NOON, reason)
            readings.mark_read(writer, media_id, "ears 1", NOON)

    def read(self, media_id: int, text: str, segments: tuple[Segment, ...] = (), engine: str = "ears") -> None:
        made = texts.MachineText("transcript", text, "en", 0.5, engine, "base", segments=segments)
        with self.archive.writing() as writer:
            post_id = writer.value(f"SELECT post_id FROM media WHERE id = {media_id}")
            texts.save_machine_text(writer, media_id, made, post_id=post_id)
            readings.mark_read(writer, media_id, f"{engine} 1", NOON)

    def jobs(self) -> list[tuple[Any, ...]]:
        with self.archive.reading() as reader:
            rows = reader.execute("SELECT kind, slot, patient FROM jobs WHERE slot <> '' ORDER BY kind, id").fetchall()
        return [tuple(row) for row in rows]


@pytest.fixture
def shelf(fresh: Archive, program: Program, tmp_path: Path) -> Shelf:
    return Shelf(fresh, program, tmp_path / "config.toml")


def test_status_counts_files_by_state_and_their_bytes_against_the_caps(shelf: Shelf) -> None:
    shelf.write('[media]\nper_source = "10KB"\ntotal = "20KB"\nkeep_free = 0\n')
    voices = shelf.post("1", "voice", "voice", "voice", "voice")
    [photo] = shelf.post("2", "photo", source="agency")
    shelf.store(voices[0], size=7_000)
    shelf.store(photo, size=2_048)
    with shelf.archive.writing() as writer:
        media_rows.mark_given_up(writer, voices[1], "too big", "60,000,000 bytes", NOON)
        media_rows.mark_given_up(writer, voices[2], "gone", "its server answered 404, 3 times", NOON)
    told = shelf("status").stdout
    assert "media       2 stored, 1 pending, 1 too big, 1 gone; 8.8 KB of 20.0 KB" in told
    assert "    media: 1 stored, 1 pending, 1 too big, 1 gone; 6.8 KB of 10.0 KB" in told
    assert "    media: 1 stored; 2.0 KB of 10.0 KB" in told
    found = shelf.told("status")
    assert found["media"]["states"] == {
        "stored": 2, "pending": 1, "too_big": 1, "gone": 1, "refused": 0, "not_downloadable": 0,
    }  # fmt: skip
    assert (found["media"]["bytes"], found["media"]["bytes_at_most"]) == (9_048, 20_480)
    assert (found["media"]["stopped"], found["media"]["keep_free"]) == (None, 0)
    assert {source["name"]: source["media"]["bytes"] for source in found["sources"]} == {
        "agency": 2_048,
        "spokesman": 7_000,
    }


def test_a_content_that_two_sources_show_counts_once_for_all_and_for_each(shelf: Shelf) -> None:
    for source in ("spokesman", "agency"):
        [media_id] = shelf.post("1", "voice", source=source)
        with shelf.archive.writing() as writer:
            media_rows.mark_stored(writer, media_id, Kept("ab" * 32, 5_000, "media/ab", "audio/ogg"), NOON)
    found = shelf.told("status")
    assert found["media"]["bytes"] == 5_000
    assert [source["media"]["bytes"] for source in found["sources"]] == [5_000, 5_000]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ('keep_free = "900TB"', "[media] keep_free (900.0 TB)"),
        ('keep_free = 0\ntotal = "4KB"', "[media] total (4.0 KB) is full"),
    ],
)
def test_what_stops_files_is_told_although_all_else_is_well(shelf: Shelf, limits: str, why: str) -> None:
    shelf.write(f"[media]\n{limits}\n")
    shelf.store(*shelf.post("1", "voice"), size=4_096)
    assert why in shelf("status").stdout
    assert any(why in warning for warning in shelf.told("status")["warnings"])


def test_files_that_wait_for_room_are_counted_by_what_is_used_up(shelf: Shelf) -> None:
    shelf.write('[media]\nkeep_free = 0\nper_source = "4KB"\n')
    stored, *waiting = shelf.post("1", "voice", "voice", "voice")
    shelf.store(stored, size=4_096)
    with shelf.archive.writing() as writer:
        for media_id in waiting:
            media_rows.set_reason(writer, f"{NO_ROOM}[media] per_source (4KB) is full", NOON, media_id=media_id)
    told = shelf("status").stdout
    assert "4.0 KB of 4.0 KB (full, nothing more is fetched)" in told
    assert "warning  2 files wait for space: [media] per_source (4KB) is full" in told
    [row] = shelf.told("status")["media"]["no_room"]
    assert row["files"] == 2


def test_a_broken_config_costs_status_only_the_caps(shelf: Shelf) -> None:
    shelf.write("[media]\ntotal = 'much'\n")
    shelf.store(*shelf.post("1", "voice"))
    ran = shelf("status")
    assert ran.returncode == 0
    assert "media       1 stored; 1,000 bytes\n" in ran.stdout
    assert shelf.told("status")["media"]["bytes_at_most"] is None


def test_what_waits_to_be_read_and_what_was_given_up_is_told_with_its_reason(shelf: Shelf) -> None:
    notes = shelf.post("1", "voice", "voice", "voice", "photo")
    shelf.store(*notes)
    shelf.give_up(notes[0], "too long: 4,000 s\x1b[2J")
    with shelf.archive.writing() as writer:
        post_id = writer.value("SELECT post_id FROM media")
        assert post_id is not None
        jobs.enqueue(writer, [NewJob("transcript", post_id, NOON, str(notes[1]), False)])
        jobs.enqueue(writer, [NewJob("ocr", post_id, NOON, str(notes[3]), True)])
    told = shelf("status").stdout
    assert "2 files to be read (1 recording, 1 picture, since " in told
    assert "1 given up, 1 not read by any engine" in told
    assert "not read  spokesman/1  voice: too long: 4,000 s\\u{001b}[2J" in told
    found = shelf.told("status")["media"]
    assert [(one["made"], one["files"]) for one in found["waiting"]] == [("transcript", 1), ("ocr", 1)]
    assert found["unread"] == 1
    assert [(one["native_id"], one["reason"]) for one in found["given_up"]] == [("1", "too long: 4,000 s\x1b[2J")]


def test_show_says_of_each_file_how_it_stands_and_why(shelf: Shelf) -> None:
    notes = shelf.post("1", *["voice"] * 7)
    shelf.store(*notes[:3])
    shelf.give_up(notes[0], "too long")
    shelf.read(notes[1], "Good day.")
    with shelf.archive.writing() as writer:
        media_rows.mark_given_up(writer, notes[3], "refused", "its server answered 403, 3 times", NOON)
        media_rows.schedule_retry(writer, [notes[4]], "its server answered 503", NOON + DAY, NOON, failed=True)
    lines = [line for line in shelf("show", "spokesman/1").stdout.splitlines() if "voice  " in line]
    assert len(lines) == 7
    for line, words in zip(
        lines,
        (
            "stored  not read: too long",
            "stored  read by ears 2025-11-01 12:26 UTC",
            "stored  media/",
            "refused: its server answered 403, 3 times",
            "pending: its server answered 503  next try 2025-11-02 12:26:40 UTC",
            "pending  not fetched yet",
            "pending  not fetched yet",
        ),
        strict=True,
    ):
        assert words in line
    found = shelf.told("show", "spokesman/1")["media"]
    assert [one["given_up"] for one in found[:2]] == ["too long", None]
    assert (found[1]["read_by"], found[1]["read_at"]) == ("ears 1", "2025-11-01T12:26:40Z")
    assert found[4]["next_try_at"] == "2025-11-02T12:26:40Z"


def test_show_gives_each_word_of_a_transcript_whatever_its_time_codes_cover(shelf: Shelf) -> None:
    first, second = shelf.post("1", "voice", "voice")
    shelf.store(first, second)
    words = "Before it. The first piece. Between them. The second piece. After it."
    pieces = tuple(
        Segment(start_s, start_s + 1, words.index(piece), words.index(piece) + len(piece))
        for start_s, piece in ((3_675.4, "The second piece."), (1.0, "The first piece."))
    )
    shelf.read(first, words, pieces)
    shelf.read(second, "Nothing else.")
    told = shelf("show", "spokesman/1").stdout
    assert (
        "        Before it.\n  0:01  The first piece.\n        Between them.\n 61:15  The second piece.\n        After it."
        in told
    )
    assert "[transcript of file 1 ears en, confidence 0.50]" in told
    assert "[transcript of file 2 ears en, confidence 0.50]" in told


def test_what_another_engine_heard_before_is_kept_and_shown_in_the_history(shelf: Shelf) -> None:
    [note] = shelf.post("1", "voice")
    shelf.store(note)
    shelf.read(note, "The regional commend fell.")
    shelf.read(note, "The regional command fell.", engine="better-ears")
    told = shelf("show", "spokesman/1", "--history").stdout
    assert "[transcript ears en, confidence 0.50] replaced\nThe regional commend fell." in told
    assert "regional commend" not in shelf("show", "spokesman/1").stdout
    [before] = shelf.told("show", "spokesman/1", "--history")["earlier_texts"]
    assert (before["engine"], before["text"]) == ("ears", "The regional commend fell.")
    assert shelf.told("search", '"regional commend"', "--history")


def test_files_are_listed_by_state_newest_first_with_the_reason(shelf: Shelf) -> None:
    old, older = shelf.post("1", "voice", "voice", at=NOON - DAY)
    [new] = shelf.post("2", "photo", source="agency")
    shelf.store(old, new)
    shelf.give_up(old, "=too long")
    with shelf.archive.writing() as writer:
        media_rows.mark_given_up(writer, older, "too big", "60,000,000 bytes", NOON)
    rows = [row.split("\t") for row in shelf("media", "list", "--no-header").stdout.splitlines()]
    assert [(row[0], row[2], row[4], row[5]) for row in rows] == [
        ("agency/2", "photo", "stored", ""),
        ("spokesman/1", "voice", "stored", "not read: =too long"),
        ("spokesman/1", "voice", "too big", "60,000,000 bytes"),
    ]
    assert [one["reason"] for one in shelf.told("media", "list", "--state", "too big")] == ["60,000,000 bytes"]
    assert [one["native_id"] for one in shelf.told("media", "list", "--state", "given up", "--state", "gone")] == ["1"]
    assert len(shelf.told("media", "list", "--source", "spokesman")) == 2
    assert len(shelf.told("media", "list", "--since", "2025-11-01", "--tz", "UTC")) == 1
    [row] = csv.DictReader(io.StringIO(shelf("media", "list", "--state", "given up", "--csv").stdout))
    assert row["given_up"] == "'=too long"
    assert "no files found" in shelf("media", "list", "--state", "gone").stderr


def test_reading_is_asked_for_what_was_not_read_and_again_for_all(shelf: Shelf) -> None:
    shelf.write(ENGINES)
    read, given_up, unread, picture = shelf.post("1", "voice", "voice", "voice", "photo")
    [elsewhere] = shelf.post("2", "voice", source="agency", at=NOON - 2 * DAY)
    shelf.store(read, given_up, unread, picture, elsewhere)
    shelf.read(read, "Good day.")
    shelf.give_up(given_up, "too long")
    ran = shelf("media", "read")
    assert ran.stdout == "3 files queued for reading; `communique run` does it\n"
    wanted = [("ocr", str(picture), 1), ("transcript", str(unread), 1), ("transcript", str(given_up), 1)]
    assert shelf.jobs() == wanted, "no engine hears the agency"
    assert shelf.told("status")["media"]["given_up"] == []
    assert shelf("media", "read", "--again", "--engine", "ears").stdout.startswith("3 files")
    assert sorted(shelf.jobs()) == sorted([*wanted, ("transcript", str(read), 1)])


def test_reading_is_asked_for_a_time_and_for_sources(shelf: Shelf) -> None:
    shelf.write(ENGINES)
    [old] = shelf.post("1", "voice", at=NOON - 3 * DAY)
    [new] = shelf.post("2", "photo", source="agency")
    shelf.store(old, new)
    assert shelf("media", "read", "--since", "2025-11-02").stdout == "0 files queued for reading\n"
    assert shelf("media", "read", "--since", "2025-11-01", "--tz", "UTC").stdout.startswith("1 file ")
    assert shelf.jobs() == [("ocr", str(new), 1)]
    assert shelf("media", "read", "--source", "spokesman").stdout.startswith("1 file ")


def test_mistakes_are_one_sentence(shelf: Shelf) -> None:
    ran = shelf("media", "read")
    assert (ran.returncode, "[[engines]]" in ran.stderr) == (2, True)
    shelf.write(ENGINES)
    ran = shelf("media", "read", "--engine", "eras")
    assert (ran.returncode, "no engine eras" in ran.stderr, "ears" in ran.stderr) == (2, True, True)
    ran = shelf("media", "read", "--since", "soon")
    assert (ran.returncode, "--since" in ran.stderr) == (2, True)


def test_fetching_is_asked_for_what_did_not_come(shelf: Shelf) -> None:
    notes = shelf.post("1", "voice", "voice", "voice", "voice")
    shelf.store(notes[0])
    with shelf.archive.writing() as writer:
        media_rows.mark_given_up(writer, notes[1], "too big", "60,000,000 bytes", NOON)
        media_rows.mark_given_up(writer, notes[2], "gone", "404", NOON)
    assert (
        shelf("media", "fetch", "--state", "too big").stdout == "1 file queued for download; `communique run` does it\n"
    )
    assert shelf.told("status")["media"]["states"]["pending"] == 2
    assert shelf("media", "fetch", "--since", "2030-01-01").stdout == "0 files queued for download\n"
    assert shelf("media", "fetch").stdout.startswith("1 file ")
    assert shelf.told("status")["media"]["states"] == {
        "stored": 1, "pending": 3, "too_big": 0, "gone": 0, "refused": 0, "not_downloadable": 0,
    }  # fmt: skip
