"""Runs one program of the system on one file: no shell, no terminal, a limit on time and output."""

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ANSWER_CAP = 32 << 20


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a program ended. `code` is negative if a signal ended it; `out` is cut at the cap."""

    code: int
    out: bytes
    late: bool = False
    cut: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.late and not self.cut


def run(
    command: Sequence[str],
    *,
    deadline: float,
    environment: Mapping[str, str] | None = None,
    cap: int = ANSWER_CAP,
) -> CommandResult:
    """Run `command` to its end, or kill it after `deadline` seconds or `cap` bytes of output.

    It stays in our process group, so that whoever kills us kills it too. Its stderr is thrown away. A child of its own
    that keeps the pipe open does not delay us. Raises OSError if it cannot be started.
    """
    until = time.monotonic() + deadline
    out = bytearray()
    late = cut = False
    with subprocess.Popen(  # noqa: S603  the command is ours, the file only its argument
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment or {}),
    ) as process:
        assert process.stdout is not None
        try:
            while not (late or cut):
                ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
                piece = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
                out += piece
                late, cut = not ready, len(out) > cap
                if ready and not piece:
                    process.wait(max(0.0, until - time.monotonic()))
                    break
        except subprocess.TimeoutExpired:
            late = True
        finally:
            process.kill()
        code = process.wait()
    return CommandResult(code, bytes(out[:cap]), late, cut)
