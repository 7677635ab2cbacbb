"""The process that one job runs in: no network unless the engine is remote, bounds that the kernel keeps.

Started as a script; the order comes on stdin (pickled by our own parent), the answer goes out on stdout as JSON. Where
the system lets us, the work runs in namespaces of its own: without an interface to the outside, and as process 1, whose
end is the end of everything it started. Where it does not (some containers and hardened units), the other bounds hold
and `walled` in the answer is false.
"""

import ctypes
import json
import os
import pickle
import resource
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_NEWNET, _NEWUSER, _NEWPID = 0x40000000, 0x10000000, 0x20000000  # linux/sched.h
_PDEATHSIG = 1  # linux/prctl.h
_NICE = 10
_SIGNALLED = 128


@dataclass(frozen=True, slots=True)
class Order:
    """One job as it crosses to the child; the fields are of bot.enrich._contract and bot.config."""

    settings: Any
    media: Any
    bounds: Any
    temporary: Path
    makes: Any
    parent: int
    http: Any = None


def main() -> None:
    """Answer one order on stdout, or die trying."""
    _die_with_parent()
    sys.path.insert(0, str(_ROOT))
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    order = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  from our own parent, through a pipe of its own
    if os.getppid() != order.parent:
        return  # it died before we could ask to be told
    walled = _wall_off(network=order.http is not None)
    if walled:
        _enter()
    _bound(order.bounds, walled=walled)
    os.chdir(order.temporary)
    answer = _answer(order) | {"walled": walled}
    with os.fdopen(answers, "wb") as out:
        out.write(json.dumps(answer).encode("ascii"))


def _answer(order: Order) -> dict[str, Any]:
    from bot.enrich import build
    from bot.enrich._contract import Later, Never, Surroundings, Unfit
    from bot.enrich._gate import admit

    try:
        admit(order.media, order.makes, order.settings.longest)
        engine = build(order.settings, Surroundings(order.temporary, order.http))
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


def _die_with_parent() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def _wall_off(*, network: bool) -> bool:
    """Enter namespaces of our own; False where the system forbids it."""
    user, group = os.geteuid(), os.getegid()
    try:
        entered = ctypes.CDLL(None).unshare(_NEWUSER | _NEWPID | (0 if network else _NEWNET)) == 0
    except (OSError, AttributeError):
        return False
    if not entered:
        return False
    with suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    return True


def _enter() -> None:
    """Go on inside the new namespaces, below a process 1 that only waits: when it ends, all in there ends."""
    first = os.fork()
    if first:
        code = _waited(first)
        if code > _SIGNALLED:
            signal.signal(code - _SIGNALLED, signal.SIG_DFL) if code - _SIGNALLED != signal.SIGKILL else None
            os.kill(os.getpid(), code - _SIGNALLED)
        os._exit(code)
    _die_with_parent()
    second = os.fork()
    if second:
        os._exit(_waited(second))
    _die_with_parent()


def _waited(child: int) -> int:
    """The exit code of the child, or 128 and the signal that ended it; other children are only buried."""
    os.close(0)
    while True:
        found, status = os.wait()
        if found == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALLED - code


def _bound(bounds: Any, *, walled: bool) -> None:
    limits = [
        (resource.RLIMIT_CPU, bounds.cpu_s, bounds.cpu_s + 5),
        (resource.RLIMIT_AS, bounds.memory, bounds.memory),
        (resource.RLIMIT_FSIZE, bounds.written, bounds.written),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 256, 256),
    ]
    if walled:  # elsewhere all processes of the user count, ours and his
        limits.append((resource.RLIMIT_NPROC, bounds.processes, bounds.processes))
    for limit, soft, hard in limits:
        _, most = resource.getrlimit(limit)
        fits = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(limit, (min(soft, fits), fits))
    with suppress(OSError):
        os.nice(_NICE)  # a text alert is never behind a picture


if __name__ == "__main__":
    main()
