"""Processes of the program without the cost of their imports: one process has imported all of it, each start is a fork.

A start costs 0.4 to 1 s of processor time, nearly all of it imports, and a whole run of the tests starts some two
thousand. A forked process has its own id, files, signals, environment and end, as any other; it has modules in memory
that a cold start would import later or never. So what is about imports, about Python's own start or about the streams
is tested with `Desk.command`, and `COMMUNIQUE_TEST_COLD=1` starts everything cold (`make test-long`, `make torture`).
"""

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_MESSAGE = 1 << 17  # bytes: arguments and environment of one start
_RUN_BY_ALEMBIC = "storage.migrations.env"
_IMPORTED = ("alembic.command", "bot.cli", "bot.daemon", "bot.intake", "bot.sources", "bot.telegram", "storage")


class Started:
    """A started process, with those methods of `subprocess.Popen` that tests use."""

    def __init__(self, args: Sequence[str], answers: socket.socket) -> None:
        self.args = args
        self.returncode: int | None = None
        self._answers = answers
        self.pid = int(answers.recv(64))

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                self.returncode = int(self._answers.recv(64))
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._answers.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: int, stdout: int, stderr: int
) -> "Started | None":
    """Start `communique WORDS`; None if only a cold start is like the one that a user would see."""
    if os.environ.get("COMMUNIQUE_TEST_COLD") or any(_changes_python(name, env[name]) for name in env):
        return None
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        message = json.dumps({"words": words, "cwd": str(cwd), "env": dict(env)}).encode()
        socket.send_fds(_warm(os.getpid()), [message], [its.fileno(), stdin, stdout, stderr])
    return Started(words, ours)


def _changes_python(name: str, value: str) -> bool:
    """Whether Python read this variable when it started, and read another value in the warm process."""
    if name == "PYTHONUNBUFFERED" or (name, value) in (("PYTHONPATH", str(ROOT)), ("PYTHONWARNINGS", "error")):
        return False
    return name.startswith(("PYTHON", "LANG", "LC_")) and os.environ.get(name) != value


@cache
def _warm(_of: int) -> socket.socket:
    """The connection to the warm process of this one; it ends when this one does."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        command = [sys.executable, "-m", "tests.warm_start", str(its.fileno())]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# In the warm process --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """What a new process is to be."""

    words: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    streams: Sequence[int]


def serve(control: socket.socket) -> Start | None:
    """Fork for every start that is wanted, and report its end. Returns in each new process, and at last None here."""
    living: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector, control:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in living:
                    pid, answers = living.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _report(answers, pid)
                    continue
                message, files, *_ = socket.recv_fds(control, _MESSAGE, 4)
                if not message:
                    return None
                pid = os.fork()
                if pid == 0:
                    return Start(**json.loads(message), streams=files[1:])
                answers = socket.socket(fileno=files[0])
                for stream in files[1:]:
                    os.close(stream)
                answers.send(b"%d" % pid)
                watched = os.pidfd_open(pid)
                living[watched] = pid, answers
                selector.register(watched, selectors.EVENT_READ)


def _report(answers: socket.socket, pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    with answers, suppress(BrokenPipeError):  # whoever started it does not want to know
        answers.send(b"%d" % os.waitstatus_to_exitcode(status))


def become(wanted: Start) -> None:
    """Have what a process has when it starts: its streams and no other file, its directory, its environment."""
    for number, file in enumerate(wanted.streams):
        os.dup2(file, number)
    os.closerange(3, max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 1)
    os.chdir(wanted.cwd)
    os.environ.clear()
    os.environ.update(wanted.env)
    time.tzset()
    if wanted.env.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    at_once = "PYTHONUNBUFFERED" in wanted.env
    sys.stdin = sys.__stdin__ = _stream(0, "r", "strict")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w", "strict", at_once=at_once)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace", at_once=at_once)  # type: ignore[misc]
    main = importlib.import_module("bot.__main__").__file__  # as `python -m bot` has it
    sys.argv = [str(main), *wanted.words]


def _stream(number: int, mode: str, errors: str, *, at_once: bool = False) -> io.TextIOWrapper:
    """Like the three that Python makes when it starts."""
    if at_once:
        return io.TextIOWrapper(io.FileIO(number, mode, closefd=False), "utf-8", errors, write_through=True)
    buffering = 1 if number == 2 else -1
    return open(number, mode, buffering, encoding="utf-8", errors=errors, closefd=False)  # type: ignore[return-value]


def import_all() -> None:
    for name in _IMPORTED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
            if module.name != _RUN_BY_ALEMBIC:
                importlib.import_module(module.name)


def run_program() -> None:
    """Run it to its end, which is Python's own without the destruction of each module: that would copy all memory."""
    from bot.__main__ import main as program

    try:
        program()
    except SystemExit as left:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the end of Python does
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(left.code if isinstance(left.code, int) else 0)


def main() -> None:
    import_all()
    gc.collect()
    gc.freeze()
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted is not None:
        become(wanted)
        run_program()


if __name__ == "__main__":
    main()
