"""Runs one job in a child process within its bounds; whatever happens there costs that job and nothing else."""

import asyncio
import itertools
import json
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.child import exchange, kill_group, started
from bot.contracts.engine import Bounds, Engine, EnrichResult, Later, MediaFile, Never, Segment, Unfit
from bot.enrich.sandbox.child import EngineJob
from bot.enrich.sandbox.isolation import Isolation
from bot.enrich.sandbox.usage import usage_of
from bot.http.values import HttpRules
from storage.posts.content import storable

ANSWER_CAP = 8 << 20
_TALK_CAP = 64 << 20  # of what it prints to stderr; only the end of it is kept
_TALK_KEPT = 1_000
_LONGEST_TEXT = 1_000_000  # code points
_CHILD = Path(__file__).with_name("child.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORK = "work"
_LOOK_S = 0.25
_LOOKS_PER_WALK = 4  # the family is counted at each look, its files are only walked through at some
_TALK_ENDS_S = 1.0
_WAITING = 2  # processes between us and the one that works


class Failed(Exception):
    """The job crashed, hung, broke a bound or answered nonsense; the text says which."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where jobs work: `data_dir`/work, which holds nothing between jobs. `http` is for remote engines."""

    data_dir: Path
    http: HttpRules

    def clear(self) -> None:
        """Remove what a dead process left. Only the process that holds the lock may."""
        shutil.rmtree(self.data_dir / _WORK, ignore_errors=True)

    def place(self) -> Path:
        """The directory itself."""
        place = self.data_dir / _WORK
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    async def run(self, engine: Engine, media: MediaFile, *, patient: bool = False) -> EnrichResult:
        """Have the engine read the file. Raises Later, Never, Unfit, and Failed for everything that went wrong.

        Later also where this system has no room for a job. What is `patient` leaves the processor to every other job.
        Cancelled, it takes the child and all that it started with it.
        """
        bounds = engine.bounds(media)
        http = self.http if engine.remote else None
        try:
            temporary = Path(tempfile.mkdtemp(dir=self.place()))
            try:
                order = EngineJob(engine.settings, media, bounds, temporary, engine.makes, os.getpid(), http, patient)
                return _result(await _answer(order, bounds), engine)
            finally:
                await asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True)
        except OSError as problem:
            raise Later(f"engine {engine.settings.name}: no job can be started here: {problem}") from problem


def isolation_here() -> Isolation:
    """What this system lets jobs be kept from; nothing where that cannot even be tried."""
    command = [sys.executable, "-I", str(_CHILD), "--walls"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)  # noqa: S603  our own
        return Isolation(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return Isolation(network=False, offspring=False, files=False)


async def _answer(order: EngineJob, bounds: Bounds) -> dict[str, Any]:
    command = (sys.executable, "-I", str(_CHILD))
    too_long = Failed(f"its answer is longer than {ANSWER_CAP >> 20} MB")
    talk = bytearray()
    try:
        async with (
            started(command, environment=_environment(order.temporary), stderr=asyncio.subprocess.PIPE) as process,
            asyncio.timeout(bounds.seconds),
            asyncio.TaskGroup() as group,
        ):
            watch = group.create_task(_watch(process.pid, order.temporary, bounds))
            listen = group.create_task(_listen(process, talk))
            answer = await exchange(process, pickle.dumps(order), ANSWER_CAP, too_long)
            code = await process.wait()
            watch.cancel()
            kill_group(process)  # whatever it started and left
            await asyncio.wait({listen}, timeout=_TALK_ENDS_S)
            listen.cancel()  # one that fled its group may hold the pipe
    except TimeoutError:
        raise Failed(f"it did not end within {bounds.seconds:g} s") from None
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return _read(answer, code, bytes(talk))


def _environment(temporary: Path) -> dict[str, str]:
    """Nothing of ours: no proxy, no key, no home."""
    here = str(temporary)
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HOME": here,
        "TMPDIR": here,
        "XDG_CACHE_HOME": here,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",  # as a default: an engine with `threads` asks for more
        "OPENBLAS_NUM_THREADS": "1",  # numpy starts one for each core, which no engine of ours uses
        "HF_HUB_OFFLINE": "1",
    }


async def _listen(process: asyncio.subprocess.Process, talk: bytearray) -> None:
    """Keep the end of what it prints; one that prints without end is stopped."""
    assert process.stderr is not None
    heard = 0
    while piece := await process.stderr.read(1 << 16):
        heard += len(piece)
        talk += piece
        del talk[:-_TALK_KEPT]
        if heard > _TALK_CAP:
            raise Failed(f"it printed more than {_TALK_CAP >> 20} MB")


async def _watch(child: int, temporary: Path, bounds: Bounds) -> None:
    """The kernel bounds each process and each file; this bounds all of them together."""
    for look in itertools.count(1):
        await asyncio.sleep(_LOOK_S)
        found = await asyncio.to_thread(usage_of, child)
        if found.threads > bounds.processes + _WAITING:
            raise Failed(f"it started more than {bounds.processes} processes and threads")
        if found.memory > bounds.memory:
            raise Failed(f"its processes took more than {bounds.memory >> 20:,} MB of memory")
        if look % _LOOKS_PER_WALK == 0 and await asyncio.to_thread(_taken, temporary) > bounds.written:
            raise Failed(f"it wrote more than {bounds.written >> 20:,} MB")


def _taken(temporary: Path) -> int:
    total = 0
    for folder, _, names in os.walk(temporary):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118  a million of them in a bomb
    return total


def _read(answer: bytes, code: int, talk: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    if code == -signal.SIGXCPU:
        raise Failed("it used more processor time than it may")
    if code == -signal.SIGXFSZ:
        raise Failed("it wrote a larger file than it may")
    last = talk.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
    raise Failed(f"its process ended with {code}" + (f": {last}" if last else ""))


def _result(answer: dict[str, Any], engine: Engine) -> EnrichResult:
    name = engine.settings.name
    if "unfit" in answer:
        raise Unfit(str(answer["unfit"]))
    if "never" in answer:
        raise Never(f"engine {name}: {answer['never']}")
    if "later" in answer:
        retry_at = answer.get("retry_at")
        raise Later(f"engine {name}: {answer['later']}", retry_at=retry_at if isinstance(retry_at, int) else None)
    found = answer.get("result")
    if not isinstance(found, dict):
        raise Failed(str(answer.get("failed", "it answered nonsense")))
    try:
        return _checked(found)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Failed("it answered nonsense") from None


def _checked(found: dict[str, Any]) -> EnrichResult:
    """Only what a text may be: storable, of a sane length, its places inside it, a confidence in 0..1."""
    text = storable(str(found["text"]))[:_LONGEST_TEXT]
    confidence = found["confidence"]
    if confidence is not None:
        confidence = float(confidence)
        confidence = min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else None
    language = found["language"]
    segments = [Segment(**segment) for segment in found["segments"]]
    return EnrichResult(
        text=text,
        language=storable(str(language))[:16] if language else None,
        confidence=confidence,
        engine=storable(str(found["engine"]))[:100],
        model=storable(str(found["model"]))[:200],
        unreliable=bool(found["unreliable"]),
        segments=tuple(
            segment
            for segment in segments
            if 0 <= segment.start <= segment.end <= len(text)
            and math.isfinite(segment.start_s)
            and math.isfinite(segment.end_s)
        ),
    )
