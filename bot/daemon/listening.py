"""Listens to sources that announce their news: an announcement starts a round, which finds out what is new."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.clock import SECOND, Clock
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
    clock: Clock
    pauses_s: tuple[float, float] = _PAUSES_S
    _reported: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sources: Mapping[str, Source],
        start_rounds: Callable[[Iterable[str]], None],
        say: Callable[[str], None],
        clock: Clock,
    ) -> "Listening":
        """Those of these sources that announce their news."""
        announcing = {name: source for name, source in sources.items() if isinstance(source, Announcing)}
        heard = {name: source for name, source in announcing.items() if source.announces}
        return cls(heard, start_rounds, say, clock)

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
            wait = 0.0
            try:
                await source.listen(lambda: self.start_rounds([name]))
            except Later as problem:  # rounds report what cannot be reached
                wait = ((problem.retry_at or 0) - self.clock.now()) / SECOND
            except Never as problem:
                self._report(name, str(problem))
            except Exception as error:  # noqa: BLE001 - a bug in one source must not make the others deaf
                self._report(name, describe_bug(error))
            if asyncio.get_running_loop().time() - began >= _LASTED_S:
                pause = self.pauses_s[0]
            await asyncio.sleep(max(pause, wait))
            pause = min(2 * pause, longest)

    def _report(self, name: str, why: str) -> None:
        """Say it once: a round may not meet it, such as a token that may read and not listen."""
        if self._reported.get(name) != why:
            self._reported[name] = why
            self.say(f"{name}: it is polled only, because it cannot be listened to: {why}")
