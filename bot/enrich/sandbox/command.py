"""Runs one program of the system on one file: no shell, no terminal, a limit on processor time and output."""

import os
import resource
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from storage.frozen import dataclass

ANSWER_CAP = 32 << 20
_LOOK_S = 0.25  # between two looks whether it has ended
_SHORT_S = 0.5  # by which the kernel may end it too early


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a program ended. `code` is negative if a signal ended it; `out` is cut at the cap.

    `spent`: it used up its processor time. `late`: the clock ended it, which says nothing about its file.
    """

    code: int
    out: bytes
    spent: bool = False
    late: bool = False
    cut: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.spent and not self.late and not self.cut


def run(
    command: Sequence[str],
    *,
    cpu_s: int,
    deadline: float | None = None,
    environment: Mapping[str, str] | None = None,
    cap: int = ANSWER_CAP,
) -> CommandResult:
    """Run `command` to its end, or end it after `cpu_s` seconds of processor time or `cap` bytes of output.

    A `deadline` in seconds is for whoever cannot wait. Inside a job there is none: the job has its own.

    It stays in our process group, so that whoever kills us kills it too. Its stderr is thrown away. A child of its own
    that keeps the pipe open does not delay us. Raises OSError if it cannot be started.
    """
    until = None if deadline is None else time.monotonic() + deadline
    before = _children_s()
    out = b""
    late = cut = False
    with subprocess.Popen(  # noqa: S603  the command is ours, the file only its argument
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment or {}),
    ) as process:
        try:
            _limit(process.pid, cpu_s)
            out, late = read_output(process, cap, until)
            cut = len(out) > cap
            if not (late or cut):
                process.wait(_left(until))
        except subprocess.TimeoutExpired:
            late = True
        finally:
            process.kill()
        code = process.wait()
    spent = code != 0 and _children_s() - before > cpu_s - _SHORT_S  # some end by themselves at the signal
    return CommandResult(code, out[:cap], spent, late, cut)


def read_output(process: subprocess.Popen[bytes], cap: int, until: float | None = None) -> tuple[bytes, bool]:
    """What it prints, a little over `cap` bytes at most, and whether it was `until` (monotonic seconds) too late.

    It ends with the process, too: a child of its own may hold the pipe open.
    """
    assert process.stdout is not None
    out = bytearray()
    while len(out) <= cap:
        left = _left(until)
        ready, _, _ = select.select([process.stdout], [], [], _LOOK_S if left is None else min(left, _LOOK_S))
        if ready:
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                break
            out += piece
        elif process.poll() is not None:
            break
        elif left == 0:
            return bytes(out), True
    return bytes(out), False


def _limit(process: int, cpu_s: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    soft = cpu_s if most == resource.RLIM_INFINITY else min(cpu_s, most)
    hard = soft + 1 if most == resource.RLIM_INFINITY else min(soft + 1, most)
    with suppress(OSError):  # it has ended; or a system that forbids this, and the limit of the whole job remains
        resource.prlimit(process, resource.RLIMIT_CPU, (soft, hard))


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _children_s() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
