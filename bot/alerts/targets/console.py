"""Alerts on stdout, a block of a few lines each."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

from bot.contracts.target import Message, Shows, TargetSettings, TargetTools
from bot.errors import Later
from bot.streams import write_out

if TYPE_CHECKING:
    import asyncio


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "console"."""

    kind: Literal["console"]


class Console:
    """Writes to the stdout of the process. A reader that stops reading delays no other target."""

    idempotent = False
    at_once = 1
    account = None
    chat = None

    def __init__(self, settings: Settings, stdout: TextIO, *, colour: bool) -> None:
        self.settings = settings
        self.shows = Shows("ansi" if colour else "text", local=True)
        self._stdout = stdout
        self._under_way: tuple[str, asyncio.Future[None]] | None = None  # the last message, and how its writing ends

    async def ready(self) -> None:
        """A terminal needs no rate limit."""

    async def send(self, message: Message) -> None:
        """Write one block. Raises Later where stdout is closed, full or not read: part of the block may be out.

        A message that is still being written, or was after its deadline, is not written a second time.
        """
        from asyncio import shield

        name, written = self._under_way or ("", None)
        if written is None or (written.done() and name != message.id):
            written = self._begin(message)
        elif name != message.id:
            raise Later("nothing reads stdout: an earlier message is still being written")
        await shield(written)
        self._under_way = None

    def _begin(self, message: Message) -> "asyncio.Future[None]":
        from asyncio import get_running_loop

        loop = get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        written.add_done_callback(_retrieve)
        self._under_way = message.id, written

        def settle(problem: Later | None) -> None:
            if written.done():
                return
            if problem is None:
                written.set_result(None)
            else:
                self._under_way = None
                written.set_exception(problem)

        def write() -> None:
            problem = None
            try:
                write_out(self._stdout, f"{message.text}\n\n")
            except (OSError, ValueError) as failure:  # ValueError: the file object is closed
                problem = Later(f"cannot write to stdout: {failure}", unsure=True)
            with suppress(RuntimeError):  # the loop has ended, and nothing waits for the result
                loop.call_soon_threadsafe(settle, problem)

        # A daemon thread: a write to a pipe that nobody reads blocks for ever, and must not keep the process alive.
        threading.Thread(target=write, daemon=True, name=f"console {self.settings.name}").start()
        return written


def _retrieve(written: "asyncio.Future[None]") -> None:
    """Look at the outcome: nobody else may be waiting for it any more."""
    if not written.cancelled():
        written.exception()


def build(settings: Settings, surroundings: TargetTools) -> Console:
    """Make the target behind a checked `[[targets]]` entry."""
    return Console(settings, surroundings.stdout, colour=surroundings.colour)
