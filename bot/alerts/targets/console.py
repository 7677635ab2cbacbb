"""Alerts on stdout, a block of a few lines each."""

import asyncio
import threading
from typing import Literal, TextIO

from bot.contracts.target import Message, Shows, TargetSettings, TargetTools
from bot.errors import Later


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "console"."""

    kind: Literal["console"]


class Console:
    """Writes to the stdout of the process. A reader that stops reading delays no other target."""

    idempotent = False
    account = None

    def __init__(self, settings: Settings, stdout: TextIO, *, colour: bool) -> None:
        self.settings = settings
        self.shows = Shows("ansi" if colour else "text", local=True)
        self._stdout = stdout
        self._turn = threading.Lock()

    async def ready(self) -> None:
        """A terminal needs no rate limit."""

    async def send(self, message: Message) -> None:
        """Write and flush one block. Raises Later where stdout is closed or full: part of it may be out."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def settle(problem: BaseException | None) -> None:
            if written.done():
                return
            if problem is None:
                written.set_result(None)
            else:
                written.set_exception(problem)

        def write() -> None:
            problem: BaseException | None = None
            try:
                with self._turn:
                    self._stdout.write(f"{message.text}\n\n")
                    self._stdout.flush()
            except (OSError, ValueError) as failure:  # ValueError: the file object is closed
                problem = Later(f"cannot write to stdout: {failure}", unsure=True)
            try:
                loop.call_soon_threadsafe(settle, problem)
            except RuntimeError:  # the loop has ended, and nothing waits for the result
                return

        # A daemon thread: a write to a pipe that nobody reads blocks for ever, and must not keep the process alive.
        threading.Thread(target=write, daemon=True, name=f"console {self.settings.name}").start()
        await written


def build(settings: Settings, surroundings: TargetTools) -> Console:
    """Make the target behind a checked `[[targets]]` entry."""
    return Console(settings, surroundings.stdout, colour=surroundings.colour)
