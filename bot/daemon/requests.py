"""Takes up what people asked for on pages, each once, within a second; what came of it is written back for the page."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.daemon.journal import Incident
from storage.answers.done_requests import RequestResult
from storage.archive.errors import ArchiveError
from storage.people import requests
from storage.people.database import PeopleFile
from storage.people.requests import ActionRow

if TYPE_CHECKING:
    from bot.config import Config

_LOOK_S = 0.5
_LOOKS = 120  # after so many it looks into the file although that has not changed
_AT_ONCE = 50


class Requests:
    """The stage. `acked` is called when an alert was taken up: its buttons are to go."""

    def __init__(
        self,
        archive: AsyncArchive,
        clock: Clock,
        people: Path,
        config: "Callable[[], Config]",
        acked: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._clock = clock
        self._path = people
        self._config = config
        self._acked = acked
        self._trouble = Incident(say, clock, "what people ask for on pages is taken up again")

    async def run(self) -> None:
        """Take them up until cancelled. The file is looked into when it has changed; nobody makes it here."""
        seen: object = None
        looks = 0
        with PeopleFile(self._path) as people:
            while True:
                mark = _mark(self._path)
                looks += 1
                if mark is not None and (mark != seen or looks > _LOOKS):
                    seen, looks = mark, 0
                    await self._try(people)
                await asyncio.sleep(_LOOK_S)

    async def _try(self, people: PeopleFile) -> None:
        """A file of people that cannot be used is said once, and keeps nothing else from working."""
        try:
            await self.take_up(people)
        except ArchiveError as problem:
            if problem.path != self._path:
                raise
            people.close()
            self._trouble.begin(f"what people ask for on pages is not taken up: {problem}")
        else:
            self._trouble.end()

    async def take_up(self, people: PeopleFile) -> None:
        """Do what is open now. Dying between the two files repeats nothing: the archive knows what it has done."""
        for asked in await asyncio.to_thread(_list_open, people):
            result = await self._do(asked)
            await asyncio.to_thread(self._settle, people, asked.id, result)
            if asked.what == "ack":
                self._acked()

    async def _do(self, asked: ActionRow) -> RequestResult:
        from bot.answers.requested import do_request  # it can search and report, which most processes never need

        return await self._archive.run(do_request, self._config(), asked, self._clock.now())

    def _settle(self, people: PeopleFile, request: int, result: RequestResult) -> None:
        with people.writing() as writer:
            requests.settle(writer, request, result.outcome, result.said, self._clock.now())


def _list_open(people: PeopleFile) -> list[ActionRow]:
    with people.reading() as reader:
        return requests.list_open(reader, _AT_ONCE)


def _mark(path: Path) -> object:
    """What changes whenever the file is written to; None where there is none."""
    found = []
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = part.stat()
        except OSError:
            continue
        found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found) or None
