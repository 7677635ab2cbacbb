"""The sound of videos: yt-dlp as a program of its own, with one guarded way out, and what its failures mean."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot import sources
from bot.archive import AsyncArchive
from bot.clock import HOUR, Clock
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.http.gateway import Gateway
from bot.intake.media import Carrier
from bot.intake.poll import Intake
from bot.landlock import libc
from bot.sources.youtube import program, sound
from bot.sources.youtube.source import Settings
from storage.archive.database import Archive
from storage.posts.content import content_hash
from storage.sources import states
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded
from tests.sources.rounds import Rounds, on_server
from tests.sources.youtube_server import YouTubeServer

T = TypeVar("T")
SOUND = b"RIFF" + bytes(range(256)) * 100
DOUBLE = Path(__file__).with_name("yt_dlp_double.py")


@pytest.fixture
def yt_dlp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program yt-dlp on the path, in a folder that belongs to nothing else."""
    (tmp_path / "bin").mkdir()
    made = tmp_path / "bin" / "yt-dlp"
    shutil.copy(DOUBLE, made)
    made.chmod(0o755)
    monkeypatch.setenv("PATH", f"{made.parent}:{os.environ['PATH']}")
    monkeypatch.setitem(sys.modules, "yt_dlp", None)  # the package may be installed here
    return made


def town(how: str = "whole") -> YouTubeServer:
    server = YouTubeServer()
    server.publish("The bridge is closed", "Until noon.")
    server.answers[f"watch?v={how}"] = Answer(SOUND, 200, {"Content-Type": "audio/wav"})
    return server


def on(server: YouTubeServer, work: Callable[[Rounds], Awaitable[T]], **keys: Any) -> T:
    return on_server(server.reply, lambda peer: {"kind": "youtube", "channel": peer.url("/@ferry_office")} | keys, work)


def carrier(reader: Rounds) -> Carrier:
    assert isinstance(reader.source, Carrier)
    return reader.source


def carried(how: str, cap: int = 1 << 20) -> bytes:
    """What comes of a video that is named after what the program does with it."""
    got = bytearray()

    async def carry(reader: Rounds) -> None:
        site = reader.source.settings.addresses()[0].rpartition("/")[0]
        await carrier(reader).carry(f"{site}/watch?v={how}", got.extend, cap)

    on(town(how), carry)
    return bytes(got)


def test_the_sound_is_wanted_only_where_media_asks_for_it(yt_dlp: Path) -> None:
    server = town()

    async def look(reader: Rounds) -> tuple[Any, bool]:
        [post] = await reader.round()
        return post, carrier(reader).carries(post.media[0].url or "")

    silent, carries = on(server, look)
    assert (silent.media[0].reason, carries) == ("a video: it stays a link", True)
    wanted, carries = on(server, look, media=["audio"])
    assert (wanted.media[0].url, wanted.media[0].reason, carries) == (wanted.url, None, True)
    assert content_hash(wanted) == content_hash(silent), "to ask for the sound is no edit"


def test_without_the_program_it_stays_a_link_and_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    settings = Settings(name="ferry", kind="youtube", channel="@ferry", media=("audio",))
    assert settings.find_missing() == (
        "the sound of its videos is not fetched, because yt-dlp is not installed; run: pip install 'communique[youtube]'"
    )
    assert Settings(name="ferry", kind="youtube", channel="@ferry").find_missing() is None
    [post] = on(town(), lambda reader: reader.round(), media=["audio"])
    assert "pip install 'communique[youtube]'" in (post.media[0].reason or "")


def test_the_sound_comes_whole_through_the_one_way_out(yt_dlp: Path) -> None:
    assert carried("whole") == SOUND


@pytest.mark.long
def test_the_real_program_does_the_same() -> None:
    pytest.importorskip("yt_dlp")
    assert carried("whole") == SOUND
    with pytest.raises(Later) as found:
        carried("whole", cap=1000)
    assert found.value.state == "too big"
    with pytest.raises(Never, match="404"):
        carried("gone")


def test_what_is_unfinished_is_nothing(yt_dlp: Path) -> None:
    with pytest.raises(Later, match="left no sound"):
        carried("partial")


def test_a_sound_that_is_too_large_is_refused(yt_dlp: Path) -> None:
    with pytest.raises(Later) as found:
        carried("whole", cap=1000)
    assert found.value.state == "too big"


def test_the_way_out_leads_to_no_private_address(yt_dlp: Path) -> None:
    server = town()

    async def carry(reader: Rounds) -> None:
        await carrier(reader).carry("http://127.0.0.2/watch?v=whole", bytearray().extend, 1 << 20)

    with pytest.raises(Never, match=r"127\.0\.0\.2 is a private address"):
        on(server, carry)


@pytest.mark.skipif(libc("syscall", 444, None, 0, 1) < 4, reason="this kernel cannot keep TCP to one port")
@pytest.mark.parametrize(("how", "why"), [("direct", "no way past the proxy"), ("writes", "no place to write")])
def test_the_program_cannot_go_past_it_and_writes_nowhere_else(yt_dlp: Path, how: str, why: str) -> None:
    with pytest.raises(Later, match=f"{why}: Permission denied"):
        carried(how)


def test_one_that_prints_without_end_is_stopped(yt_dlp: Path) -> None:
    with pytest.raises(Later, match="printed too much"):
        carried("endless")


def test_nothing_that_it_started_outlives_it(yt_dlp: Path) -> None:
    group = int(carried("child"))
    until = time.monotonic() + 60
    while living(group):
        assert time.monotonic() < until, "a process of its group lives on"
        time.sleep(0.05)


def living(group: int) -> list[int]:
    """Processes of this group that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            found += [int(path.parent.name)] if int(its_group) == group and state != "Z" else []
    return found


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Private video. Sign in if you've been granted access to this video", Later),
        ("Sign in to confirm your age. This video may be inappropriate for some users", Later),
        ("Sign in to confirm you’re not a bot", Later),
        ("This live event will begin in 3 hours.", Later),
        ("Premieres in 20 minutes", Later),
        ("Unable to download API page: HTTP Error 503", Later),
        ("This video has been removed by the uploader", Never),
        ("Video unavailable. This video is no longer available", Never),
        ("The YouTube account associated with this video has been terminated.", Never),
        ("Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)", Never),
    ],
)
def test_what_its_words_mean(said: str, kind: type[Exception]) -> None:
    found = failure(
        f"WARNING: [youtube] no runtime\nERROR: [youtube] vid-0000001: {said}; please report this issue on https://a\n"
    )
    assert type(found) is kind
    assert "please report" not in str(found)
    assert "caused by" not in str(found)


def test_a_stream_that_has_not_ended_is_asked_for_again_in_an_hour() -> None:
    found = failure("[download] Ferry does not pass filter (!is_live), skipping ..\n", 0)
    assert isinstance(found, Later)
    assert (found.reason, found.retry_at) == ("a live stream or premiere that has not ended", HOUR)


def test_words_of_a_stranger_in_its_messages_are_harmless() -> None:
    found = failure("ERROR: [generic] \x1b[31m\u202eevil\x07" + "x" * 5_000)
    assert "\x1b" not in str(found)
    assert len(str(found)) < 400


def failure(said: str, code: int = 1) -> Later | Never:
    return sound._failure(code, said, Gateway(Http(HttpRules("test"), Clock()), 1), 1 << 20, 0, "")


def test_a_program_that_is_too_old_says_so(yt_dlp: Path) -> None:
    yt_dlp.write_text(yt_dlp.read_text().replace('VERSION = "2026.10.26"', 'VERSION = "2024.05.27"'))
    with pytest.raises(
        Later, match=r"yt-dlp 2024\.05\.27 is too old, 2025\.11\.12 or newer is needed; run: pip install -U"
    ):
        carried("whole")
    aged = program.find_age("2025.11.12", date(2026, 3, 1))
    assert aged == " (yt-dlp 2025.11.12 is 109 days old; run: pip install -U 'communique[youtube]')"
    assert program.find_age("2025.11.12", date(2025, 12, 1)) == program.find_age("fork", date(2026, 3, 1)) == ""


def test_what_was_changed_in_the_config_shows_after_the_next_round(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    server = town()

    async def go() -> list[str]:
        clock, store, found = Clock(now=lambda: NOW), AsyncArchive(archive), []
        await store.run(states.declare, [states.Declared("ferry", "youtube")], NOW)
        intake = Intake(store, clock, lambda: None, lambda: 0.0, list)  # outlives a reload of the config
        async with Peer() as peer, surrounded(tmp_path, peer.port, clock=clock) as tools:
            peer.reply = server.reply
            for media in ((), (), ("audio",)):
                keys = {"name": "ferry", "kind": "youtube", "channel": peer.url("/@ferry_office"), "media": media}
                for _ in range(2):
                    row = await store.read(states.find_source, "ferry")
                    assert row is not None
                    await intake.round(sources.build(Settings.model_validate(keys), tools), row, HOUR)
                with archive.reading() as reader:
                    found.append(reader.value("SELECT reason FROM media"))
        await store.aclose()
        return found

    before, still, after = asyncio.run(go())
    assert before == still == "a video: it stays a link"
    assert "yt-dlp is not installed" in after
