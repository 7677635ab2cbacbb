"""What keeps files from being fetched or read: said once when it begins and once when it is over, whoever restarts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.clock import Clock
from storage.alerts import notices, outbox
from storage.archive.database import Writer

_OVER = (" go on", " works again")  # how every sentence ends that tells of an end


@dataclass(slots=True)
class Incidents:
    """Tells of each on stderr (`speak`), as a notice that `status` shows, and to the targets in `health`.

    What stands in the notices is not told again by the next process, but for one line on its stderr.
    """

    store: AsyncArchive
    clock: Clock
    speak: Callable[[str], None]
    health: Sequence[str] = ()
    _standing: dict[str, str] | None = None
    _said: set[str] = field(default_factory=set)

    async def standing(self) -> dict[str, str]:
        """What is broken by the last that was said of it, by what it is about."""
        if self._standing is None:
            found = await self.store.read(notices.read_latest, ("files", "files of %", "engine %"))
            self._standing = {about: text for about, text in found.items() if not text.endswith(_OVER)}
        return self._standing

    async def broke(self, about: str, what: str) -> None:
        """Something does not work, and why."""
        sentence = f"{about} {what}"
        standing = await self.standing()
        if sentence not in self._said:
            self._said.add(sentence)
            self.speak(sentence)
        if standing.get(about) != sentence:
            standing[about] = sentence
            await self.store.run(_tell, about, sentence, self.health, self.clock.now())

    async def over(self, about: str) -> None:
        """It works; nothing is said where nothing was wrong."""
        standing = await self.standing()
        if about in standing:
            del standing[about]
            self._said.clear()
            sentence = about + _OVER[about.startswith("engine ")]
            self.speak(sentence)
            await self.store.run(_tell, about, sentence, self.health, self.clock.now())


def _tell(writer: Writer, about: str, sentence: str, health: Sequence[str], now: int) -> None:
    notices.add(writer, now, about, sentence)
    outbox.announce(writer, health, about, sentence, now)
