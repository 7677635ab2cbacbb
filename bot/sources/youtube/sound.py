"""The sound of one video, fetched by the program yt-dlp: bounded, killed as a group, and with one guarded way out."""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import STDOUT, Process
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.child import exchange, started
from bot.clock import HOUR, SECOND, Clock
from bot.errors import Later, Never
from bot.foreign.text import one_line
from bot.http import Http
from bot.http.gateway import Gateway
from bot.sources.youtube.program import INSTALL, YtDlp, find_age, find_program, find_refusal
from storage.state_names import TOO_BIG

_CHILD = Path(__file__).with_name("child.py")
_SLOWEST = 100_000  # bytes a second; what is slower is broken
_START_S = 120.0  # beside the bytes: it asks several pages first
_VERSION_S = 60.0
_CPU_S = 600
_MEMORY = 2 << 30
_TALK = 4 << 20  # of what it prints
_BESIDE = 32 << 20  # bytes of pages, beside the sound
_CHUNK = 1 << 20
_LONGEST = 200
_LIVE_AGAIN = HOUR
_OPTIONS = (
    # nothing of a person's own: no settings, plug-ins, cache, cookies, passwords
    *("--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-cookies", "--no-cookies-from-browser"),
    # nothing from outside is run: no command, no JavaScript, no part that is loaded later
    *("--no-exec", "--no-js-runtimes", "--no-remote-components", "--downloader", "native", "--fixup", "never"),
    # one video, only its sound, small: it is for ears and for transcripts
    *("--no-playlist", "--playlist-items", "1", "--default-search", "error"),
    *("--match-filters", "!is_live & live_status!=?is_upcoming & live_status!=?post_live"),
    *("--format", "ba[abr<=100][protocol^=http]/ba[abr<=100]/wa[protocol^=http]/wa"),
    *("--socket-timeout", "30", "--retries", "3", "--fragment-retries", "3", "--abort-on-unavailable-fragments"),
    *("--no-progress", "--color", "never", "--no-mtime", "--output", "sound.%(ext)s"),
)
_UNFINISHED = (".part", ".ytdl", ".temp", ".tmp")
_NOT_YET = re.compile(
    r"is live|live event|will begin|premieres? in|premiere will|not yet (?:started|available)",
    re.IGNORECASE,
)
_REMOVED = re.compile(
    r"has been removed|was removed|removed by the uploader|been terminated|no longer (?:available|exists)"
    r"|been deleted|copyright claim|violat|HTTP Error (?:404|410)|unsupported url",
    re.IGNORECASE,
)
_FILTERED = "does not pass filter"  # that of --match-filters
_TOO_LARGE = re.compile(r"larger than max-filesize", re.IGNORECASE)
_ERROR = re.compile(r"^ERROR:\s*(?:\[[^\]]*\]\s*)?(.+)$", re.MULTILINE)


async def fetch_sound(url: str, sink: Callable[[bytes], object], cap: int, http: Http, clock: Clock) -> None:
    """Hand the sound of a video to `sink`, whole. Raises Later (state TOO_BIG beyond `cap` bytes) and Never."""
    program = find_program()
    if program is None:
        raise Later(f"yt-dlp is not installed; run: {INSTALL}")
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="communique-sound-"))
    try:
        version = await _find_version(program, folder)
        if (refusal := find_refusal(version)) is not None:
            raise Later(refusal)
        async with Gateway.opened(http, cap + _BESIDE) as gateway:
            options = (*_OPTIONS, "--max-filesize", str(cap), "--proxy", f"http://127.0.0.1:{gateway.port}", "--", url)
            code, said = await _run(program, options, folder, gateway.port, cap, _START_S + cap / _SLOWEST)
        found = await asyncio.to_thread(_find_file, folder) if code == 0 else None
        if found is None:
            age = find_age(version, datetime.fromtimestamp(clock.now() / SECOND, UTC).date())
            raise _failure(code, said, gateway, cap, clock.now(), age)
        await _hand_over(found, sink, cap)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _find_version(program: YtDlp, folder: Path) -> str:
    if program.version is not None:
        return program.version
    code, said = await _run(program, ("--ignore-config", "--version"), folder, 1, 0, _VERSION_S)
    if code != 0:
        raise Later(f"yt-dlp does not start (exit code {code}): {_shorten(said)}")
    return said


async def _run(
    program: YtDlp, options: tuple[str, ...], folder: Path, port: int, cap: int, deadline: float
) -> tuple[int, str]:
    """Its exit code and all that it printed. Raises Later beyond the deadline, and where it prints without end."""
    here = str(folder)
    order = {
        "command": [*program.command, *options],
        "folder": here,
        "port": port,
        "cpu_s": _CPU_S,
        "memory": _MEMORY,
        "written": cap + _CHUNK,
        "environment": {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": here,
            "TMPDIR": here,
            "YTDLP_NO_PLUGINS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    }
    process: Process
    try:
        async with (
            started((sys.executable, "-I", str(_CHILD)), environment={}, stderr=STDOUT) as process,
            asyncio.timeout(deadline),
        ):
            too_long = Later("yt-dlp printed too much")
            said = await exchange(process, json.dumps(order).encode() + b"\n", _TALK, too_long)
            code = await process.wait()
    except TimeoutError:
        raise Later(f"yt-dlp was not finished after {deadline:,.0f} s") from None
    return code, said.decode("utf-8", "replace")


def _find_file(folder: Path) -> Path | None:
    """The one whole file that it left; what is unfinished does not count, and no link is followed."""
    whole = [
        path
        for path in folder.iterdir()
        if path.name.startswith("sound")
        and not path.name.endswith(_UNFINISHED)
        and path.is_file()
        and not path.is_symlink()
    ]
    unfinished = any(path.name.endswith(_UNFINISHED) for path in folder.iterdir())
    return whole[0] if len(whole) == 1 and not unfinished else None


async def _hand_over(found: Path, sink: Callable[[bytes], object], cap: int) -> None:
    left = cap
    with found.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            left -= len(piece)
            if left < 0:
                raise _too_big(cap)
            sink(piece)


def _failure(code: int, said: str, gateway: Gateway, cap: int, now: int, age: str) -> Later | Never:
    """What follows from a run without a file."""
    problem, words = gateway.problem, _shorten(said)
    if _TOO_LARGE.search(said) or gateway.spent:
        return _too_big(cap)
    if isinstance(problem, Never):
        return Never(f"yt-dlp asked for an address that is not visited: {problem.reason}")
    if _FILTERED in said or _NOT_YET.search(words):
        return Later("a live stream or premiere that has not ended", retry_at=now + _LIVE_AGAIN)
    if _REMOVED.search(words):
        return Never(f"yt-dlp says: {words}")
    if problem is not None:
        return Later(f"{problem.reason}; yt-dlp says: {words}", state=problem.state)
    if code < 0:
        return Later(f"yt-dlp was ended by signal {-code}: it takes too much time or memory, or writes too much")
    return Later(f"yt-dlp says: {words}{age}" if words else f"yt-dlp left no sound (exit code {code}){age}")


def _too_big(cap: int) -> Later:
    return Later(f"too large: the limit is {cap:,} bytes", state=TOO_BIG)


def _shorten(said: str) -> str:
    """Its last error in one safe line, without the advice for its own bug tracker."""
    errors = _ERROR.findall(said) or said.strip().splitlines()[-1:]
    words = errors[-1].partition("; please report")[0].partition(" (caused by")[0] if errors else ""
    return one_line(words)[:_LONGEST].strip()
