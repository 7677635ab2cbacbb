"""Runs one job in an isolated child process; whatever happens there costs that job and nothing else."""

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
from pathlib import Path
from typing import Any

from bot.child import exchange, kill_group, started
from bot.contracts.engine import Bounds, Engine, EnrichResult, Later, MediaFile, Never, Segment, Unfinished, Unfit
from bot.enrich.sandbox.child import EngineJob
from bot.enrich.sandbox.isolation import Isolation
from bot.enrich.sandbox.usage import usage_of
from bot.http.values import HttpRules
from storage.archive.columns import storable
from storage.frozen import dataclass

ANSWER_CAP = 8 << 20
_STDERR_CAP = 64 << 20  # only the end is kept
_STDERR_KEPT = 1_000
_LONGEST_TEXT = 1_000_000  # code points
_CHILD = Path(__file__).with_name("child.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORK = "work"
_CHECK_S = 0.25
_CHECKS_PER_WALK = 4  # processes are counted at every check, files only at some
_STDERR_ENDS_S = 1.0
_TOO_MUCH_TIME = "it exceeded its processor time"
_WAITING = 2  # processes between us and the one that works


class Failed(Exception):
    """The job crashed, hung, exceeded a limit or gave an invalid answer; the text says which."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs jobs in `data_dir`/work, which is empty between jobs. `http` is for remote engines.

    Jobs cannot read what is in `data_dir` or `hidden`, but for their own file and what the config names for an engine.
    """

    data_dir: Path
    http: HttpRules
    hidden: tuple[Path, ...] = ()

    def clear(self) -> None:
        """Remove what a dead process left behind. Only the process that holds the lock may."""
        shutil.rmtree(self.data_dir / _WORK, ignore_errors=True)

    def folder(self) -> Path:
        """The work directory, made if it is missing."""
        folder = self.data_dir / _WORK
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def run(
        self, engine: Engine, media: MediaFile, *, background: bool = False, as_it_is: bool = False
    ) -> EnrichResult:
        """Have the engine read the file. Raises Later, Never, Unfit, and Failed for everything else that went wrong.

        Raises Unfinished if the clock ended it, and Failed if it used up its processor time.

        Raises Later also if this system has no room for a job. A `background` job leaves the processor to all others.
        An engine that no config names is sent to the child `as_it_is`.
        When cancelled, it kills the child and all that the child started.
        """
        bounds = engine.bounds(media)
        http = self.http if engine.remote else None
        try:
            temporary = Path(tempfile.mkdtemp(dir=self.folder()))
            try:
                hidden = (self.data_dir, *self.hidden)
                job = EngineJob(
                    *(engine.settings, media, bounds, temporary, engine.makes, os.getpid(), http, hidden, background),
                    engine if as_it_is else None,
                )
                return _result(await _answer(job, bounds), engine)
            finally:
                await asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True)
        except OSError as problem:
            raise Later(f"engine {engine.settings.name}: cannot start a job: {problem}") from problem


def isolation_here() -> Isolation:
    """What jobs cannot do on this system; no isolation at all if that cannot even be tried."""
    command = [sys.executable, "-I", str(_CHILD), "--isolation"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=True)  # noqa: S603  our own
        return Isolation(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return Isolation(network=False, processes=False, files=False)


async def _answer(job: EngineJob, bounds: Bounds) -> dict[str, Any]:
    command = (sys.executable, "-I", str(_CHILD))
    too_long = Failed(f"its answer is longer than {ANSWER_CAP >> 20} MB")
    stderr = bytearray()
    spent = [0.0]
    try:
        async with (
            started(command, environment=_environment(job.temporary), stderr=asyncio.subprocess.PIPE) as process,
            asyncio.timeout(bounds.clock_s),
            asyncio.TaskGroup() as group,
        ):
            watch = group.create_task(_watch(process.pid, job.temporary, bounds, spent))
            listen = group.create_task(_keep_stderr(process, stderr))
            answer = await exchange(process, pickle.dumps(job), ANSWER_CAP, too_long)
            kill_group(process)  # whatever it left running may hold its pipes, and asyncio waits for their ends
            code = await process.wait()
            watch.cancel()
            await asyncio.wait({listen}, timeout=_STDERR_ENDS_S)
            listen.cancel()  # a process that left the group may hold the pipe open
    except TimeoutError:
        raise Unfinished(
            f"not finished after {bounds.clock_s:,.0f} s, in which it had {spent[0]:,.0f} s of processor time: "
            "the machine is busy, or the engine hangs"
        ) from None
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return _read(answer, code, bytes(stderr))


def _environment(temporary: Path) -> dict[str, str]:
    """Nothing of the daemon's environment: no proxy, no key, no home."""
    here = str(temporary)
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HOME": here,
        "TMPDIR": here,
        "XDG_CACHE_HOME": here,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",  # the default: an engine with `threads` sets more
        "OPENBLAS_NUM_THREADS": "1",  # numpy would start one per core, which no engine uses
        "HF_HUB_OFFLINE": "1",
    }


async def _keep_stderr(process: asyncio.subprocess.Process, kept: bytearray) -> None:
    """Keep the end of what it prints; raise Failed if it prints without end."""
    assert process.stderr is not None
    size = 0
    while piece := await process.stderr.read(1 << 16):
        size += len(piece)
        kept += piece
        del kept[:-_STDERR_KEPT]
        if size > _STDERR_CAP:
            raise Failed(f"it printed more than {_STDERR_CAP >> 20} MB")


async def _watch(child: int, temporary: Path, bounds: Bounds, spent: list[float]) -> None:
    """The kernel limits each process and each file; this limits all of them together, and notes the time `spent`."""
    for check in itertools.count(1):
        await asyncio.sleep(_CHECK_S)
        used = await asyncio.to_thread(usage_of, child)
        spent[0] = used.cpu_s
        if used.cpu_s > bounds.cpu_s:
            raise Failed(_TOO_MUCH_TIME)
        if used.threads > bounds.processes + _WAITING:
            raise Failed(f"it started more than {bounds.processes} processes and threads")
        if used.memory > bounds.memory:
            raise Failed(f"its processes used more than {bounds.memory >> 20:,} MB of memory")
        if check % _CHECKS_PER_WALK == 0 and await asyncio.to_thread(_disk_usage, temporary) > bounds.written:
            raise Failed(f"it wrote more than {bounds.written >> 20:,} MB")


def _disk_usage(temporary: Path) -> int:
    total = 0
    for folder, _, names in os.walk(temporary):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118  a million of them in a bomb
    return total


def _read(answer: bytes, code: int, stderr: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
    if isinstance(found, dict):
        if last and "failed" in found:
            found["failed"] = f"{found['failed']} ({last})"
        return found
    if code == -signal.SIGXCPU:
        raise Failed(_TOO_MUCH_TIME)
    if code == -signal.SIGXFSZ:
        raise Failed("it exceeded its file size")
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
        raise Failed(str(answer.get("failed", "its answer is invalid")))
    try:
        return _checked(found)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Failed("its answer is invalid") from None


def _checked(found: dict[str, Any]) -> EnrichResult:
    """Make it storable: limit its length, keep only segments inside the text, clamp the confidence to 0..1."""
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
