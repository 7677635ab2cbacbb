"""What does not work as it should: said once when it begins and once when it is over, whoever restarts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.clock import Clock
from storage.alerts import notices, outbox
from storage.archive.database import Writer

# by the first word of what it is about
_RECOVERED = {
    "files": "are fetched again",
    "engine": "works again",
    "language": "is complete",
    "reading": "has ended",
    "disk": "has room again",
    "alerts": "arrive again: none has waited for an hour",
    "heartbeat": "is sent again",
    "bot": "hears people again",
    "topics": "are opened again",
}

_KNOWN = (
    "files", "files of %", "engine %", "language data of engine %", "reading of %", "disk", "alerts", "heartbeat",
    "bot", "topics of target %",
)  # fmt: skip


@dataclass(slots=True)
class Incidents:
    """Reports each on stderr (`say`), as a notice that `status` shows, and to the targets in `health`.

    What the notices show as broken is not reported again by the next process, except for one line on its stderr.
    """

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    health: Sequence[str] = ()
    _open: dict[str, str] | None = None
    _said: set[str] = field(default_factory=set)

    async def read_open(self) -> dict[str, str]:
        """The last sentence about each thing that is broken, by what it is about."""
        if self._open is None:
            self._open = await self.archive.read(notices.read_lasting, _KNOWN)
        return self._open

    async def begin(self, about: str, what: str) -> None:
        """Report that something does not work, and why."""
        sentence = f"{about} {what}"
        open_now = await self.read_open()
        if sentence not in self._said:
            self._said.add(sentence)
            self.say(sentence)
        if open_now.get(about) != sentence:
            open_now[about] = sentence
            await self.archive.run(_report, about, sentence, self.health, self.clock.now(), ends=False)

    async def end(self, about: str) -> None:
        """Report that it works; nothing is said if nothing was wrong."""
        if (await self.read_open()).pop(about, None) is not None:
            self._said.clear()
            sentence = f"{about} {_RECOVERED[about.split(maxsplit=1)[0]]}"
            self.say(sentence)
            await self.archive.run(_report, about, sentence, self.health, self.clock.now(), ends=True)


def _report(writer: Writer, about: str, sentence: str, health: Sequence[str], now: int, *, ends: bool) -> None:
    notices.add(writer, now, about, sentence, ends=ends)
    outbox.announce(writer, health, about, sentence, now)
