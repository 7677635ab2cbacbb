"""The lane of files: bytes at once, each in its own state with a reason, and never in the way of anything else."""

import asyncio
import gzip
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EEXIST, EMLINK, ENOTSUP, EPERM
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from bot.archive import AsyncArchive
from bot.clock import DAY, HOUR, Clock
from bot.config.model import MediaConfig
from bot.contracts.source import Source, SourceSettings
from bot.errors import Later
from bot.http import Http, HttpRules
from bot.incidents import Incidents
from bot.intake.media import MediaLane
from storage.jobs import NewJob
from storage.media import rows as media_rows
from storage.media.shelf import Kept, Shelf
from storage.records import DueMedia, FetchedMedia

NOW = 1_763_800_000_000_000
VOICE = b"OggS" + b"\x00" * 24 + b"OpusHead" + b"a statement" * 100


def allowed(**caps: str) -> MediaConfig:
    return MediaConfig.model_validate({"keep_free": 0} | caps)


@dataclass
class Cdn:
    """A file server that answers as it is told: bytes, or a status."""

    base: str = ""
    port: int = 0
    files: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)  # paths whose body breaks off
    hang: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def cdn() -> Iterator[Cdn]:
    told = Cdn()
    told.hang.set()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.asked.append(self.path)
            path = self.path.partition("?")[0]
            found = told.files.get(path, 404)
            if path.startswith("/hang"):
                told.hang.wait(600)
            body = found if isinstance(found, bytes) else b"no"
            self.send_response(200 if isinstance(found, bytes) else found)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if path in told.cut else body)
            if path in told.cut:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client hangs up where it has seen enough
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    told.port = server.server_port
    told.base = f"http://127.0.0.1:{told.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Quiet:
    """A source that only has settings."""

    settings: SourceSettings
    pages: bool = False
    checks: bool = False


@dataclass
class Carrying(Quiet):
    """A source that brings its files by a way of its own."""

    data: bytes = VOICE

    def carries(self, url: str) -> bool:
        return url.startswith("own:")

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        if url == "own:later":
            raise Later("flood wait", retry_at=NOW + DAY, obey=True)
        assert cap > len(self.data)
        sink(self.data[:10])
        sink(self.data[10:])


@dataclass
class Stand:
    """An archive with a spokesman, and the lane over it at a time that stands still."""

    desk: Any
    cdn: Cdn
    now: int = NOW
    limits: MediaConfig = field(default_factory=allowed)
    said: list[str] = field(default_factory=list)
    rings: int = 0
    source: Any = None

    def post(self, native_id: int, *files: FetchedMedia, at: int | None = None, **more: Any) -> None:
        from storage.records import FetchedPost, Raw

        post = FetchedPost(str(native_id), Raw(b"x", "text/plain"), "A note.", number=native_id, media=files, **more)
        self.desk.save(post, at=at or self.now)

    def voice(self, path: str = "/v.ogg", **more: Any) -> FetchedMedia:
        return FetchedMedia("voice", more.pop("key", "v"), url=more.pop("url", f"{self.cdn.base}{path}"), **more)

    def drain(self, *, until: int = 0) -> None:
        asyncio.run(self._drain(until))

    async def _drain(self, until: int) -> None:
        store = AsyncArchive(self.desk.archive)
        clock = Clock(now=lambda: self.now)
        rules = HttpRules(
            "communique-test", private=frozenset({("127.0.0.1", self.cdn.port)}), intervals={"127.0.0.1": 0}
        )
        http = Http(rules, clock)
        lane = self.lane(store, clock, http)
        try:
            await lane.drain(self.now + until)
        finally:
            await lane.aclose()
            await http.aclose()
            await store.aclose()

    def live(self, done: Callable[[], bool]) -> None:
        """Let the lane run as in the daemon until something is so."""
        asyncio.run(self._live(done))

    async def _live(self, done: Callable[[], bool]) -> None:
        store = AsyncArchive(self.desk.archive)
        clock = Clock(now=lambda: self.now)
        http = Http(
            HttpRules("t", private=frozenset({("127.0.0.1", self.cdn.port)}), intervals={"127.0.0.1": 0}), clock
        )
        lane = self.lane(store, clock, http)
        running = asyncio.create_task(lane.run())
        try:
            async with asyncio.timeout(60):
                while not done():  # noqa: ASYNC110  what is waited for is a row, not ours to signal
                    await asyncio.sleep(0.02)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await lane.aclose()
            await http.aclose()
            await store.aclose()

    def lane(self, store: AsyncArchive, clock: Clock, http: Http) -> MediaLane:
        source = self.source or Quiet(SourceSettings(name="spokesman", kind="test"))

        def jobs_of(file: DueMedia, mime: str, now: int) -> list[NewJob]:
            return [NewJob("transcript", file.post_id, now, str(file.id))] if mime == "audio/ogg" else []

        def stored() -> None:
            self.rings += 1

        return MediaLane(
            store,
            clock,
            self.files,
            http,
            self.limits,
            {"spokesman": cast(Source, source)},
            jobs_of,
            self.look,
            stored,
            self.said.append,
            Incidents(store, clock, self.said.append),
        )

    async def look(self, kept: Kept) -> str | None:
        return None if kept.sniffed != "image/jpeg" else f"photo {kept.sha256}"

    @property
    def files(self) -> Shelf:
        return Shelf(self.desk.archive.path.parent)

    def rows(self) -> list[dict[str, Any]]:
        with self.desk.archive.reading() as reader:
            return [dict(row) for row in reader.execute("SELECT * FROM media ORDER BY id")]

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]

    def blobs(self) -> list[Path]:
        return [path for path in self.files.root.rglob("*") if path.is_file()]


@pytest.fixture
def stand(desk: Any, cdn: Cdn) -> Stand:
    return Stand(desk, cdn)


def test_a_voice_note_is_fetched_hashed_and_given_to_be_heard(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice(mime="audio/x-called-so", name="../../etc/passwd"))
    stand.drain()
    [row] = stand.rows()
    assert (row["state"], row["reason"], row["size"], row["sniffed"], row["mime"]) == (
        "stored", None, len(VOICE), "audio/ogg", "audio/x-called-so",
    )  # fmt: skip
    assert (stand.desk.archive.path.parent / row["path"]).read_bytes() == VOICE
    assert stand.desk.rows("SELECT kind, slot FROM jobs WHERE kind = 'transcript'") == [("transcript", "1")]
    assert stand.rings
    stand.drain()
    assert stand.cdn.asked == ["/v.ogg"]


@pytest.mark.parametrize(
    "name", ["../../x", "..\\..\\x", "/etc/x", "C:\\x", "CON", "x" * 5000, "a\x00b", "a\nb", "-rf", "."]
)
def test_bad_input_41_a_name_is_data_and_never_a_path(stand: Stand, name: str) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice(name=name))
    stand.drain()
    assert stand.states() == ["stored"]
    [blob] = stand.blobs()
    assert blob.name == stand.rows()[0]["sha256"]


def test_bad_input_42_two_posts_with_one_content_share_its_bytes(stand: Stand) -> None:
    stand.cdn.files |= {"/a.ogg": VOICE, "/b.ogg": VOICE, "/c.ogg": VOICE + b"!"}
    for number, path in enumerate(("/a.ogg", "/b.ogg", "/c.ogg"), 1):
        stand.post(number, stand.voice(path, name="statement.ogg"))
    stand.drain()
    assert stand.states() == ["stored"] * 3
    assert len(stand.blobs()) == 2


@cache
def archives() -> dict[str, bytes]:
    """Archives that are small as they come and would be large, deep or locked if anybody opened them."""

    def packed(name: str, data: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
        return out.getvalue()

    bomb = packed("big", bytes(10 << 20))
    nested = bomb
    for depth in range(20):
        nested = packed(f"{depth}.zip", nested * 3)
    locked = bytearray(packed("secret", b"words"))
    locked[6] |= 1  # general purpose flag 0, in the local header and in the directory: encrypted
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    return {
        "bomb.zip": bomb,
        "nested.zip": nested,
        "outside.zip": packed("../../outside", b"words"),
        "statement.docx": packed("word/document.xml", b"<w:t>regional command</w:t>" * 400_000),
        "locked.zip": bytes(locked),
        "bomb.rar": b"Rar!\x1a\x07\x01\x00" + bytes(2_000),
        "bomb.7z": b"7z\xbc\xaf\x27\x1c" + bytes(2_000),
        "bomb.gz": gzip.compress(bytes(10 << 20)),
    }


@pytest.mark.parametrize("name", sorted(archives()))
def test_bad_input_49_an_archive_is_stored_as_it_came_and_opened_by_nobody(stand: Stand, name: str) -> None:
    sent = archives()[name]
    stand.cdn.files |= {"/f": sent, "/v.ogg": VOICE}
    stand.source = Quiet(SourceSettings(name="spokesman", kind="test", media=("voice", "document")))
    stand.post(1, FetchedMedia("document", "f", url=f"{stand.cdn.base}/f", name=name))
    stand.post(2, stand.voice())
    stand.drain()
    assert stand.states() == ["stored", "stored"]
    row = stand.rows()[0]
    assert row["sniffed"].startswith("application/")
    assert (stand.desk.archive.path.parent / row["path"]).read_bytes() == sent
    assert sorted(len(blob.read_bytes()) for blob in stand.blobs()) == sorted((len(sent), len(VOICE)))
    beside = {path.name for path in stand.desk.archive.path.parent.iterdir()} - {"media"}
    assert all(name.startswith("communique.db") for name in beside)


def test_a_file_over_its_cap_is_too_big_whether_it_says_so_or_not(stand: Stand) -> None:
    stand.limits = allowed(voice="1KB")
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice())
    stand.post(2, stand.voice("/said.ogg", bytes=5000))
    stand.drain()
    assert stand.states() == ["too big", "too big"]
    assert [row["reason"] for row in stand.rows()] == [
        "127.0.0.1 sent more than 1,024 bytes",
        "its source says 5,000 bytes, at most 1,024 are fetched",
    ]
    assert stand.cdn.asked == ["/v.ogg"]
    assert stand.blobs() == []


def test_kinds_that_a_source_does_not_want_are_not_asked_for(stand: Stand) -> None:
    stand.post(
        1,
        FetchedMedia("video", "f", url=f"{stand.cdn.base}/f.mp4"),
        FetchedMedia("round", "r", url=f"{stand.cdn.base}/r.mp4"),
    )
    stand.drain()
    assert stand.states() == ["refused", "refused"]
    assert "`media` of the source does not include video" in stand.rows()[0]["reason"]
    assert stand.cdn.asked == []


def test_what_the_config_wants_by_now_is_fetched_and_said_of_posts_of_the_last_two_days(stand: Stand) -> None:
    stand.cdn.files |= {"/f.mp4": b"film", "/v.ogg": VOICE, "/said.ogg": VOICE, "/no": 403}
    stand.limits = allowed(voice="1KB")
    film = FetchedMedia("video", "f", url=f"{stand.cdn.base}/f.mp4")
    denied = FetchedMedia("photo", "p", url=f"{stand.cdn.base}/no")
    stand.post(1, film, posted_at=NOW - 3 * DAY)
    stand.post(2, film, stand.voice(key="w"), stand.voice("/said.ogg", bytes=len(VOICE)), denied)
    for _ in range(3):  # a server says no three times before it is believed
        stand.drain()
        stand.now += HOUR
    refused = ["refused", "refused", "too big", "too big", "refused"]
    assert stand.states() == refused
    stand.drain()
    assert (stand.states(), stand.said) == (refused, [])
    stand.limits = allowed()
    stand.source = Quiet(SourceSettings(name="spokesman", kind="test", media=("voice", "photo", "video")))
    stand.drain()
    assert stand.states() == ["refused", "stored", "stored", "stored", "refused"]
    assert "its server answered 403" in stand.rows()[4]["reason"]
    [said] = stand.said
    assert "3 files of the last two days will be fetched" in said
    assert "for older ones run: communique media fetch --source spokesman" in said


def test_a_file_that_its_source_gives_a_reason_for_waits_until_it_is_shown_without_one(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice(reason="it stays a link"))
    stand.drain()
    assert [(row["state"], row["reason"]) for row in stand.rows()] == [("not downloadable", "it stays a link")]
    stand.post(1, stand.voice(reason="its sound needs a program"))
    assert [(row["state"], row["reason"]) for row in stand.rows()] == [
        ("not downloadable", "its sound needs a program")
    ]
    stand.post(1, stand.voice())
    [row] = stand.rows()
    assert (row["state"], row["reason"]) == ("pending", None), "the old reason is no reason for what is wanted now"
    stand.now += HOUR
    stand.drain()
    assert stand.states() == ["stored"]


def test_what_the_source_does_not_give_says_so(stand: Stand) -> None:
    stand.post(1, FetchedMedia("audio", "a", reason="not downloadable without an account"))
    stand.drain()
    assert [(row["state"], row["reason"]) for row in stand.rows()] == [
        ("not downloadable", "not downloadable without an account")
    ]


@pytest.mark.parametrize(("status", "state"), [(404, "gone"), (410, "gone"), (403, "refused")])
def test_a_plain_no_is_believed_the_third_time(stand: Stand, status: int, state: str) -> None:
    stand.cdn.files["/v.ogg"] = status
    stand.post(1, stand.voice())
    for _ in range(4):
        stand.drain()
        stand.now += HOUR
    assert stand.states() == [state]
    assert str(status) in stand.rows()[0]["reason"]
    assert len(stand.cdn.asked) == 3


def test_trouble_is_tried_again_for_two_days_further_and_further_apart(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = 500
    stand.post(1, stand.voice())
    begun = stand.now
    while stand.states() == ["pending"]:
        stand.drain()
        stand.now = max(stand.now, stand.rows()[0]["next_try_at"] or 0)
    assert stand.states() == ["gone"]
    assert "tried 16 times" in stand.rows()[0]["reason"]
    assert 24 * HOUR < stand.now - begun < 3 * DAY


def test_a_body_that_breaks_off_or_is_empty_is_no_evidence(stand: Stand) -> None:
    stand.cdn.files |= {"/cut.ogg": VOICE, "/empty.ogg": b""}
    stand.cdn.cut.add("/cut.ogg")
    stand.post(1, stand.voice("/cut.ogg"))
    stand.post(2, stand.voice("/empty.ogg"))
    stand.drain()
    assert stand.states() == ["pending", "pending"]
    assert stand.blobs() == []
    stand.cdn.cut.clear()
    stand.now += HOUR
    stand.drain()
    assert stand.states() == ["stored", "pending"]


def test_an_address_inside_our_own_network_is_refused_with_the_reason(stand: Stand) -> None:
    stand.post(
        1, stand.voice(url="http://169.254.169.254/latest/meta-data"), stand.voice(url="file:///etc/passwd", key="w")
    )
    stand.drain()
    assert stand.states() == ["refused", "refused"]
    assert "private address" in stand.rows()[0]["reason"]


def test_a_new_poll_brings_the_new_address_of_a_file_that_was_gone(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = 404
    stand.post(1, stand.voice(url=f"{stand.cdn.base}/v.ogg?token=1"))
    for _ in range(3):
        stand.drain()
        stand.now += HOUR
    assert stand.states() == ["gone"]
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice(url=f"{stand.cdn.base}/v.ogg?token=1"))
    assert stand.states() == ["gone"]
    stand.post(1, stand.voice(url=f"{stand.cdn.base}/v.ogg?token=2"))
    stand.now += HOUR
    stand.drain()
    assert stand.states() == ["stored"]
    assert stand.cdn.asked[-1] == "/v.ogg?token=2"


def test_new_tokens_at_every_poll_do_not_make_a_failing_server_be_asked_at_every_poll(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = 503
    stand.post(1, stand.voice(url=f"{stand.cdn.base}/v.ogg?token=0"))
    for token in range(1, 20):
        stand.drain()
        stand.now += 1_000_000
        stand.post(1, stand.voice(url=f"{stand.cdn.base}/v.ogg?token={token}"))
    assert len(stand.cdn.asked) == 1


def test_a_stored_file_stays_what_it_is_whatever_later_polls_show(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice())
    stand.drain()
    before = [row | {"url": "", "name": "", "revision": 0} for row in stand.rows()]
    stand.post(1, stand.voice("/other.ogg"))
    stand.post(1, stand.voice("/other.ogg", name="new name"))
    stand.now += DAY
    stand.drain()
    assert [row | {"url": "", "name": "", "revision": 0} for row in stand.rows()] == before
    assert stand.cdn.asked == ["/v.ogg"]


def test_a_floor_of_the_disk_stops_files_says_so_once_and_they_go_on_by_themselves(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.limits = allowed(keep_free="900TB")
    stand.post(1, stand.voice())
    stand.drain()
    stand.post(2, stand.voice("/v.ogg"))
    assert stand.states() == ["pending", "pending"]
    assert stand.rows()[0]["reason"] == "waits for room: less than [media] keep_free (900TB) is left on the disk"
    assert stand.said == ["files wait: less than [media] keep_free (900TB) is left on the disk"]
    assert stand.cdn.asked == []
    stand.limits = allowed()
    stand.drain()
    assert stand.states() == ["stored", "stored"]


def note(size: int, mark: int = 0) -> bytes:
    return (VOICE[:36] + bytes([mark]) + b"\x07" * size)[:size]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("cap", ["per_source", "total"])
@pytest.mark.parametrize(("most", "size", "fit"), [("1MB", 300_001, 3), ("700KB", 179_200, 4), ("2KB", 700, 2)])
def test_a_cap_is_never_exceeded_whatever_is_said_of_the_files(
    stand: Stand, cap: str, most: str, size: int, fit: int, told: bool
) -> None:
    stand.limits = allowed(**{cap: most})
    for number in range(8):
        stand.cdn.files[f"/{number}.ogg"] = note(size, number)
        stand.post(number + 1, stand.voice(f"/{number}.ogg", bytes=size if told else None))
    stand.drain()
    assert sorted(stand.states()) == ["pending"] * (8 - fit) + ["stored"] * fit
    assert sum(path.stat().st_size for path in stand.blobs()) == fit * size
    waiting = {row["reason"] for row in stand.rows() if row["state"] == "pending"}
    assert waiting == {f"waits for room: [media] {cap} ({most}) is full"}
    whose = "files of spokesman" if cap == "per_source" else "files"
    assert stand.said == [f"{whose} wait: [media] {cap} ({most}) is full"]
    stand.limits = allowed()
    stand.drain()
    assert stand.states() == ["stored"] * 8


def test_what_still_fits_comes_although_something_larger_does_not(stand: Stand) -> None:
    stand.limits = allowed(total="1MB")
    for number, size in enumerate((600_000, 600_000, 100_000, 100_000, 100_000), 1):
        stand.cdn.files[f"/{number}.ogg"] = note(size, number)
        stand.post(number, stand.voice(f"/{number}.ogg"), posted_at=NOW - number * HOUR)
    stand.drain()
    assert stand.states() == ["stored", "pending", "stored", "stored", "stored"]
    stand.drain()
    assert stand.cdn.asked.count("/2.ogg") == 2, "once by each pass, not again and again"


def test_a_content_that_is_there_already_takes_no_room_of_all(stand: Stand) -> None:
    stand.limits = allowed(total="1.5MB")
    for number in range(1, 6):
        stand.cdn.files[f"/{number}.ogg"] = note(400_000, 1 if number < 5 else 2)
        stand.post(number, stand.voice(f"/{number}.ogg"))
    stand.drain()
    assert stand.states() == ["stored"] * 5
    assert len(stand.blobs()) == 2


def test_files_that_do_not_fit_keep_no_other_source_and_no_smaller_file_waiting(stand: Stand) -> None:
    """More of them than one question asks for."""
    stand.limits = allowed(total="1MB")
    for number in range(1, 50):
        stand.post(number, stand.voice(f"/{number}.ogg", bytes=2_000_000), posted_at=NOW)
    stand.cdn.files["/small.ogg"] = VOICE
    stand.post(99, stand.voice("/small.ogg"), posted_at=NOW - DAY)
    stand.drain()
    assert stand.states() == ["pending"] * 49 + ["stored"]
    assert stand.cdn.asked == ["/small.ogg"]


def test_films_keep_no_picture_waiting(stand: Stand) -> None:
    stand.source = Quiet(SourceSettings(name="spokesman", kind="test", media=("video", "photo")))
    stand.cdn.hang.clear()
    for number in range(1, 50):
        stand.cdn.files[f"/hang{number}.mp4"] = b"\x00\x00\x00\x20ftypisom" + bytes([number])
        film = FetchedMedia("video", "f", url=f"{stand.cdn.base}/hang{number}.mp4")
        stand.post(number, film, posted_at=NOW)
    stand.cdn.files["/p.png"] = b"\x89PNG\r\n\x1a\nx"
    stand.post(99, FetchedMedia("photo", "p", url=f"{stand.cdn.base}/p.png"), posted_at=NOW - DAY)
    stand.live(lambda: stand.states()[-1] == "stored")
    assert stand.states() == ["pending"] * 49 + ["stored"]


def test_a_hanging_file_keeps_no_other_waiting_and_leaves_nothing_when_it_is_stopped(stand: Stand) -> None:
    stand.cdn.hang.clear()
    stand.cdn.files |= {"/hang.ogg": VOICE, "/v.ogg": VOICE}
    stand.post(1, stand.voice("/hang.ogg"))
    stand.post(2, stand.voice("/v.ogg"))

    stand.live(lambda: stand.states()[1] == "stored" and not (stand.files.root / ".incoming" / "2").exists())
    assert stand.states() == ["pending", "stored"]
    assert len(stand.blobs()) == 1
    stand.cdn.hang.set()
    stand.drain()
    assert stand.states() == ["stored", "stored"]


def test_what_a_dead_process_had_kept_is_taken_up_though_its_address_is_dead_too(stand: Stand) -> None:
    stand.post(1, stand.voice())
    with stand.files.arriving(1) as arriving:
        arriving.write(VOICE)
        kept = arriving.keep()
    stand.drain()
    assert stand.states() == ["stored"]
    assert stand.rows()[0]["sha256"] == kept.sha256
    assert stand.cdn.asked == []
    assert len(stand.blobs()) == 1
    assert stand.desk.rows("SELECT count(*) FROM jobs WHERE kind = 'transcript'") == [(1,)]


def test_the_newest_voice_note_comes_before_a_backlog_of_pictures(stand: Stand) -> None:
    for number in range(30):
        stand.cdn.files[f"/{number}.png"] = b"\x89PNG\r\n\x1a\n" + bytes([number])
        stand.post(number + 1, FetchedMedia("photo", "p", url=f"{stand.cdn.base}/{number}.png"), posted_at=NOW - DAY)
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(99, stand.voice(), posted_at=NOW)
    stand.drain()
    assert "/v.ogg" in stand.cdn.asked[:4]
    assert stand.states() == ["stored"] * 31


def test_the_oldest_voice_note_comes_before_newer_pictures(stand: Stand) -> None:
    stand.cdn.files["/v.ogg"] = VOICE
    stand.post(1, stand.voice(), posted_at=NOW - DAY)
    for number in range(30):
        stand.cdn.files[f"/{number}.png"] = b"\x89PNG\r\n\x1a\n" + bytes([number])
        stand.post(number + 2, FetchedMedia("photo", "p", url=f"{stand.cdn.base}/{number}.png"), posted_at=NOW)
    stand.drain()
    assert "/v.ogg" in stand.cdn.asked[:4]
    assert stand.states() == ["stored"] * 31


@pytest.mark.parametrize("refusal", [EPERM, ENOTSUP, EMLINK])
def test_a_disk_without_hard_links_keeps_files_whole_private_and_each_content_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def link(_: str, name: str, *, dst_dir_fd: int, **__: Any) -> None:
        code = EEXIST if name in os.listdir(dst_dir_fd) else refusal
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    stand.cdn.files |= {"/a.ogg": VOICE, "/b.ogg": VOICE}
    stand.post(1, stand.voice("/a.ogg"))
    stand.drain()
    stand.post(2, stand.voice("/b.ogg"))
    stand.drain()
    assert stand.states() == ["stored", "stored"]
    [kept] = stand.blobs()
    assert kept.read_bytes() == VOICE
    assert kept.stat().st_mode & 0o777 == 0o400
    assert stand.files.fault(kept.name, len(VOICE)) is None


def test_a_source_with_a_way_of_its_own_brings_its_files(stand: Stand) -> None:
    stand.source = Carrying(SourceSettings(name="spokesman", kind="test"))
    stand.post(1, stand.voice(url="own:1"))
    stand.post(2, stand.voice(url="own:later"))
    stand.drain()
    assert stand.states() == ["stored", "pending"]
    assert stand.rows()[1]["next_try_at"] == NOW + DAY


def test_usage_counts_each_content_once_and_each_source_whole(stand: Stand) -> None:
    stand.cdn.files |= {"/a.ogg": VOICE, "/b.ogg": VOICE}
    stand.post(1, stand.voice("/a.ogg"))
    stand.post(2, stand.voice("/b.ogg"))
    stand.drain()
    with stand.desk.archive.reading() as reader:
        used = media_rows.measure_usage(reader)
    assert (used.total, used.by_source) == (len(VOICE), {"spokesman": 2 * len(VOICE)})
