"""Messages past the archive: each health target hears of one trouble once, also when a new process continues."""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from bot.alerts.handing import DEADLINE_S
from bot.alerts.render import render_notice
from bot.clock import SECOND, Clock
from bot.contracts.target import Target
from bot.daemon.journal import describe_bug
from bot.errors import CommuniqueError, Later
from storage.records import DeliveryRow

ABOUT = "archive"
RETRY_S = 180.0  # of a target that could not be reached while the trouble lasts


@dataclass(slots=True)
class Trouble:
    """What is wrong, since when (microseconds UTC), and which targets have heard of it."""

    sentence: str
    since: int
    heard: list[str] = field(default_factory=list)
    reserve_used: bool = False  # as long as it cannot be made again, the disk counts as full
    recorded: bool = False  # as a notice in the archive


@dataclass(slots=True)
class DirectNews:
    """Sends to targets itself. `memory` is a file that survives a restart; where it cannot be written, news repeat."""

    clock: Clock
    say: Callable[[str], None]
    memory: Path
    _said: set[str] = field(default_factory=set)
    _next_try: dict[str, float] = field(default_factory=dict)  # monotonic seconds

    async def send(self, targets: Iterable[Target], trouble: Trouble) -> None:
        """Send the news to everybody who has not heard it, unless that failed a moment ago."""
        sentence = f"the archive cannot be written: {trouble.sentence}"
        waiting = [target for target in targets if target.settings.name not in trouble.heard]
        await asyncio.gather(*(self._send(target, sentence, trouble) for target in waiting))

    async def send_last(self, targets: Iterable[Target], sentence: str, seconds: float) -> None:
        """Send a last sentence to everybody, within so many seconds."""
        self._next_try.clear()
        last = Trouble(sentence, self.clock.now())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._send(target, sentence, last) for target in targets))

    def say_once(self, sentence: str) -> None:
        """Say it on stderr, once for each trouble."""
        if sentence not in self._said:
            self._said.add(sentence)
            self.say(sentence)

    def memorize(self, trouble: Trouble) -> None:
        """Write it down past the archive, where that is possible."""
        with suppress(OSError):
            self.memory.write_text(json.dumps(asdict(trouble)), encoding="utf-8")

    def remember(self) -> Trouble | None:
        """The trouble that the process before this one had."""
        try:
            return Trouble(**json.loads(self.memory.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def forget(self) -> None:
        """It is over."""
        self._said.clear()
        self._next_try.clear()
        self.memory.unlink(missing_ok=True)

    async def _send(self, target: Target, sentence: str, trouble: Trouble) -> None:
        name, now = target.settings.name, self.clock.monotonic()
        if self._next_try.get(name, 0.0) > now:
            return
        row = DeliveryRow(
            0, None, name, "health", "sending", trouble.since, 1, trouble.since,
            payload={"about": ABOUT, "text": sentence},
        )  # fmt: skip
        self._next_try[name] = now + RETRY_S
        try:
            async with asyncio.timeout(DEADLINE_S):
                await target.ready()
                await target.send(render_notice(row, target.shows))
        except (CommuniqueError, TimeoutError) as problem:
            if isinstance(problem, Later) and problem.retry_at is not None:
                self._next_try[name] = now + max(RETRY_S, (problem.retry_at - self.clock.now()) / SECOND)
            self.say_once(f"target {name} did not take the message: {str(problem) or 'no answer'}")
        except Exception as bug:  # noqa: BLE001 - one bad target must not keep this from the others
            self.say_once(f"target {name} did not take the message: {describe_bug(bug)}")
        else:
            trouble.heard.append(name)
            await asyncio.to_thread(partial(self.memorize, trouble))
