"""Child processes that read what strangers wrote: each answers many questions, is bounded, and is replaced.

What runs in them is bot.forks: each document is read in a fork of its own, which dies with its answer.
"""

import asyncio
import json
import os
import signal
import struct
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.child import kill_group
from bot.errors import Later

AT_ONCE = 2  # each takes a core and some 40 MB
_MOST_ANSWERS = 500
_OLDEST_S = 3600.0
_REST_S = 120.0  # without a question: then its memory is wanted elsewhere
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class ToRead:
    """A document, and what to make of it. `order` comes from us and is JSON; `most` bounds the answer in bytes."""

    order: Mapping[str, object]
    document: bytes
    cpu_s: int
    clock_s: float
    most: int


class AnswerTooLong(Exception):
    """An answer has more bytes than it may have."""


@dataclass(slots=True)
class _Child:
    script: Path
    process: Process
    born: float = field(default_factory=time.monotonic)
    answers: int = 0
    fork: int | None = None  # that is answering
    resting: asyncio.TimerHandle | None = None

    @property
    def is_spent(self) -> bool:
        old = time.monotonic() - self.born > _OLDEST_S
        return old or self.answers >= _MOST_ANSWERS or self.process.returncode is not None

    async def ask(self, task: ToRead) -> tuple[bytes, int]:
        """The answer, and the exit code of whoever gave it. Raises AnswerTooLong, EOFError, ConnectionError."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        head = {"order": task.order, "size": len(task.document), "cpu_s": task.cpu_s}
        self.process.stdin.write(json.dumps(head).encode() + b"\n")
        self.process.stdin.write(task.document)
        await self.process.stdin.drain()
        [self.fork] = struct.unpack("!I", await self.process.stdout.readexactly(4))
        answer = bytearray()
        while size := struct.unpack("!I", await self.process.stdout.readexactly(4))[0]:
            answer += await self.process.stdout.readexactly(size)
            if len(answer) > task.most:
                raise AnswerTooLong
        [code] = struct.unpack("!i", await self.process.stdout.readexactly(4))
        self.answers += 1
        self.fork = None
        return bytes(answer), code

    def kill(self) -> None:
        if self.resting is not None:
            self.resting.cancel()
        if self.fork is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.fork, signal.SIGKILL)
        kill_group(self.process)

    async def end(self) -> int:
        """Kill it and wait for its end; its exit code."""
        self.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self.process.communicate()  # asyncio notices the end only when the pipes are read to theirs
        return self.process.returncode or 0


class Readers:
    """The child processes of all sources: at most AT_ONCE work, and as many rest."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._resting: list[_Child] = []

    async def ask(self, script: Path, task: ToRead) -> tuple[bytes, int]:
        """Have the script's process answer; its answer, and the exit code of whoever gave it (negative: a signal).

        Raises AnswerTooLong, and TimeoutError after `clock_s`. Whoever did not answer well is thrown away.
        """
        async with self._places:
            child = self._take_rested(script)
            if child is not None:
                with suppress(EOFError, ConnectionError):  # it died while it rested
                    return await self._ask(child, task)
            child = await _start(script)
            try:
                return await self._ask(child, task)
            except (EOFError, ConnectionError):
                return b"", await child.process.wait()

    async def read(
        self, script: Path, task: ToRead, what: str, unreadable: Callable[[str], Later] = Later
    ) -> tuple[Any, bytes]:
        """The first line of the answer about `what` as JSON, and the bytes behind it.

        Raises Later where this machine was too busy, and `unreadable` where no second try helps.
        """
        try:
            answer, code = await self.ask(script, task)
        except AnswerTooLong:
            raise unreadable(f"{what} unfolds to more than {task.most >> 20} MB") from None
        except TimeoutError:
            raise Later(f"this machine was too busy to read {what} within {task.clock_s:g} s") from None
        if code == -signal.SIGXCPU:
            raise unreadable(f"reading {what} takes more than {task.cpu_s} s of processor time")
        line, _, rest = answer.partition(b"\n")
        try:
            return json.loads(line), rest
        except ValueError:
            raise unreadable(f"the process that reads {what} died (exit {code})") from None

    async def _ask(self, child: _Child, task: ToRead) -> tuple[bytes, int]:
        well = False
        try:
            async with asyncio.timeout(task.clock_s):
                answer, code = await child.ask(task)
            well = code == 0 and not child.is_spent
        finally:
            if well:
                self._let_rest(child)
            else:
                await child.end()
        return answer, code

    def _take_rested(self, script: Path) -> _Child | None:
        for child in self._resting[::-1]:
            if child.script == script:
                self._resting.remove(child)
                assert child.resting is not None
                child.resting.cancel()
                return child
        return None

    def _let_rest(self, child: _Child) -> None:
        child.resting = asyncio.get_running_loop().call_later(_REST_S, self._dismiss, child)
        self._resting.append(child)
        if len(self._resting) > AT_ONCE:
            self._dismiss(self._resting[0])

    def _dismiss(self, child: _Child) -> None:
        self._resting.remove(child)
        child.kill()

    async def aclose(self) -> None:
        """End those that rest."""
        resting, self._resting = self._resting, []
        for child in resting:
            await child.end()


async def _start(script: Path) -> _Child:
    """Start one in a process group of its own."""
    command = (sys.executable, "-I", str(script))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )
    return _Child(script, process)
