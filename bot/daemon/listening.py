"""Listens to sources that announce their news: an announcement starts a round, which finds out what is new."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.contracts.source import Announcing, Source
from bot.daemon.journal import describe_bug
from bot.errors import Later, Never

_PAUSES_S = (5.0, 600.0)  # before the next connection: the first, and the longest
_LASTED_S = 60.0  # a connection that was there for so long was a good one


@dataclass(slots=True)
class Listening:
    """One connection for each of these sources. A lost one is no news: rounds report what cannot be reached."""

    sources: Mapping[str, Announcing]
    start_rounds: Callable[[Iterable[str]], None]
    say: Callable[[str], None]
    pauses_s: tuple[float, float] = _PAUSES_S
    _reported: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, sources: Mapping[str, Source], start_rounds: Callable[[Iterable[str]], None], say: Callable[[str], None]
    ) -> "Listening":
        """Those of these sources that announce their news."""
        announcing = {name: source for name, source in sources.items() if isinstance(source, Announcing)}
        return cls({name: source for name, source in announcing.items() if source.announces}, start_rounds, say)

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())  # also where nothing is listened to
            for name, source in self.sources.items():
                group.create_task(self._listen(name, source))

    async def _listen(self, name: str, source: Announcing) -> None:
        pause, longest = self.pauses_s
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await source.listen(lambda: self.start_rounds([name]))
            except (Later, Never):
                pass  # whatever it is, a round meets it too, and reports it
            except Exception as error:  # noqa: BLE001 - a bug in one source must not make the others deaf
                if name not in self._reported:
                    self._reported.add(name)
                    self.say(f"{name}: news are not listened for: {describe_bug(error)}")
            if asyncio.get_running_loop().time() - began >= _LASTED_S:
                pause = self.pauses_s[0]
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
