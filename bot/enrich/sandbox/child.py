"""The process that one job runs in: isolated, within limits that the kernel enforces.

Started as a script; the job comes on stdin (pickled by our own parent), the answer goes to stdout as JSON. With
`--isolation` there is no job: the answer says what a job cannot do on this system.
"""

import json
import os
import pickle
import resource
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]
_NICE, _NICE_IN_BACKGROUND = 10, 19
_FIRST_TO_DIE = "1000"  # proc(5), oom_score_adj


@dataclass(frozen=True, slots=True)
class EngineJob:
    """One job as it is sent to the child; `Any`: the script can import our types only after `main` has set its path."""

    settings: Any
    media: Any
    bounds: Any
    temporary: Path
    makes: Any
    parent: int
    http: Any = None
    hidden: tuple[Path, ...] = ()
    background: bool = False
    engine: Any = None  # one that no config names


def main() -> None:
    """Answer one job on stdout, or die trying."""
    sys.path.insert(0, str(_ROOT))
    from bot.enrich.sandbox import isolation
    from bot.enrich.sandbox.readable import readable

    isolation.die_with_parent()
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not mix with the answer
    if sys.argv[1:] == ["--isolation"]:
        namespaces = isolation.enter_namespaces(network=False)
        answer = asdict(isolation.restrict(Path(tempfile.gettempdir()), (), network=False, namespaces=namespaces))
    else:
        job: EngineJob = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  from our own parent, through a pipe of its own
        if os.getppid() != job.parent:
            return  # the parent died before `die_with_parent` took effect
        network = job.http is not None
        namespaces = isolation.enter_namespaces(network=network)
        _limit(job.bounds, _NICE_IN_BACKGROUND if job.background else _NICE)
        os.chdir(job.temporary)
        read = (job.media.path, *readable(job.settings, job.hidden))
        isolation.restrict(job.temporary, read, network=network, namespaces=namespaces)
        answer = _answer(job)
    with os.fdopen(answers, "wb") as out:
        out.write(json.dumps(answer).encode("ascii"))


def _answer(job: EngineJob) -> dict[str, Any]:
    from bot.contracts.engine import EngineTools, Later, Never, Unfit
    from bot.enrich.engines import build
    from bot.enrich.sandbox.admission import admit

    try:
        admit(job.media, job.makes, job.settings.longest)
        engine = job.engine or build(job.settings, EngineTools(job.temporary, job.http))
        return {"result": asdict(engine.read(job.media))}
    except Unfit as problem:
        return {"unfit": str(problem)}
    except Never as problem:
        return {"never": str(problem)}
    except Later as problem:
        return {"later": problem.reason, "retry_at": problem.retry_at}
    except MemoryError:
        return {"failed": f"it needs more than {job.bounds.memory >> 20:,} MB of memory"}
    except Exception as problem:  # noqa: BLE001 - the parent reports and counts whatever an engine raises
        return {"failed": f"{type(problem).__name__}: {problem}"[:500]}


def _limit(bounds: Any, nice: int) -> None:
    # The kernel may count all threads of the user, so there must be room beside those that run already.
    processes = bounds.processes + 2 * _running(os.getuid())
    limits = [
        (resource.RLIMIT_CPU, bounds.cpu_s, bounds.cpu_s + 5),
        (resource.RLIMIT_AS, bounds.memory, bounds.memory),
        (resource.RLIMIT_FSIZE, bounds.written, bounds.written),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 256, 256),
        (resource.RLIMIT_NPROC, processes, processes),
    ]
    for limit, soft, hard in limits:
        _, most = resource.getrlimit(limit)
        hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(limit, (min(soft, hard), hard))
    with suppress(OSError):
        os.nice(nice)  # alerts of text come before files, fresh files before history
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_DIE, encoding="ascii")  # rather than the daemon


def _running(user: int) -> int:
    """How many threads of this user are visible here."""
    found = 0
    for tasks in Path("/proc").glob("[0-9]*/task"):
        with suppress(OSError):
            if tasks.stat().st_uid == user:
                found += len(os.listdir(tasks))  # noqa: PTH208  names are enough
    return found


if __name__ == "__main__":
    main()
