"""The process that one job runs in: shut in, within bounds that the kernel keeps.

Started as a script; the order comes on stdin (pickled by our own parent), the answer goes out on stdout as JSON. With
`--walls` there is no job: the answer is what this system lets a job be kept from.
"""

import json
import os
import pickle
import resource
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]
_NICE, _PATIENT = 10, 19
_FIRST_TO_DIE = "1000"  # proc(5), oom_score_adj


@dataclass(frozen=True, slots=True)
class EngineJob:
    """One job as it crosses to the child; the fields are of bot.contracts.engine and bot.config."""

    settings: Any
    media: Any
    bounds: Any
    temporary: Path
    makes: Any
    parent: int
    http: Any = None
    patient: bool = False


def main() -> None:
    """Answer one order on stdout, or die trying."""
    sys.path.insert(0, str(_ROOT))
    from bot.enrich.sandbox import isolation

    isolation.die_with_parent()
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    if sys.argv[1:] == ["--walls"]:
        found = isolation.close(Path(tempfile.gettempdir()), network=False, separated=isolation.separate(network=False))
        answer: dict[str, Any] = asdict(found)
    else:
        order: EngineJob = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  from our own parent, through a pipe of its own
        if os.getppid() != order.parent:
            return  # it died before we could ask to be told
        network = order.http is not None
        separated = isolation.separate(network=network)
        _bound(order.bounds, _PATIENT if order.patient else _NICE)
        os.chdir(order.temporary)
        isolation.close(order.temporary, network=network, separated=separated)
        answer = _answer(order)
    with os.fdopen(answers, "wb") as out:
        out.write(json.dumps(answer).encode("ascii"))


def _answer(order: EngineJob) -> dict[str, Any]:
    from bot.contracts.engine import EngineTools, Later, Never, Unfit
    from bot.enrich.engines import build
    from bot.enrich.sandbox.admission import admit

    try:
        admit(order.media, order.makes, order.settings.longest)
        engine = build(order.settings, EngineTools(order.temporary, order.http))
        return {"result": asdict(engine.read(order.media))}
    except Unfit as problem:
        return {"unfit": str(problem)}
    except Never as problem:
        return {"never": str(problem)}
    except Later as problem:
        return {"later": problem.reason, "retry_at": problem.retry_at}
    except MemoryError:
        return {"failed": f"it needs more than {order.bounds.memory >> 20:,} MB of memory"}
    except Exception as problem:  # noqa: BLE001 - whatever an engine does is told to the parent, who counts it
        traceback.print_exc()
        return {"failed": f"{type(problem).__name__}: {problem}"[:500]}


def _bound(bounds: Any, nice: int) -> None:
    # Where the kernel counts what the user runs elsewhere as well, there must be room beside that.
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
        fits = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(limit, (min(soft, fits), fits))
    with suppress(OSError):
        os.nice(nice)  # a text alert is never behind a picture, nor a fresh file behind history
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_DIE, encoding="ascii")  # rather than what waits for us


def _running(user: int) -> int:
    """How many threads this user has, as far as we can see."""
    found = 0
    for tasks in Path("/proc").glob("[0-9]*/task"):
        with suppress(OSError):
            if tasks.stat().st_uid == user:
                found += len(os.listdir(tasks))  # noqa: PTH208  names are enough
    return found


if __name__ == "__main__":
    main()
