"""Takes the buttons away from every message about an event that somebody has taken up, wherever that was said.

What is left is derived from the archive, so that a death loses nothing, and takes a button away twice at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.alerts.growing import halve
from bot.alerts.handing import hand_over
from bot.alerts.settling import Settling
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.clock import HOUR, MINUTE, Clock
from bot.contracts.target import Buttoned, MessageRefused, Moved, Target
from bot.errors import Later, Never
from storage.alerts import target_states
from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.answers import buttons
from storage.answers.buttons import ButtonedMessage
from storage.archive.database import Writer


@dataclass(slots=True)
class ButtonRemoval:
    """The targets of a config; `pause_until` keeps edits from one that did not take the last."""

    store: AsyncArchive
    clock: Clock
    targets: Mapping[str, Target]
    bell: Bell = field(default_factory=Bell)
    pause_until: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Take away what is left, whenever somebody has taken up an event; until cancelled."""
        while True:
            await self.remove_some()
            await self.bell.wait(SWEEP_S)

    async def remove_some(self) -> None:
        """Take away what can be taken away now."""
        left = await self.store.read(buttons.list_leftover)
        for one in left:
            target = self.targets.get(one.target)
            if target is None or not isinstance(target, Buttoned):
                await self.store.run(buttons.note_removed, one.delivery)
            elif await self.store.run(self._claim, target):
                await self._remove(target, one)
        unsettled = bool(left) or await self.store.read(buttons.has_open_acks)
        if unsettled:
            await self.store.run(buttons.settle_acks)

    def _claim(self, writer: Writer, target: "Target") -> bool:
        """Whether the target takes an edit now; it counts as a message then."""
        name, now = target.settings.name, self.clock.now()
        known = target_states.find_target(writer, name)
        pace = Pace(target.chat or f"target {name}", target.settings.per_minute)
        waits = max(self.pause_until.get(name, 0), known.hold_until or 0, find_free_time(writer, halve(pace), now))
        if known.state == "parked" or waits > now:
            return False
        note_sending(writer, pace, now)
        return True

    async def _remove(self, target: Buttoned, one: ButtonedMessage) -> None:
        now = self.clock.now()
        try:
            await hand_over(target.remove_buttons(one.receipt))
        except (MessageRefused, Moved):
            pass  # the message is gone, or its chat
        except Never:
            self.pause_until[one.target] = now + HOUR  # the next alert says what is wrong
            return
        except Later as problem:
            self.pause_until[one.target] = max(problem.retry_at or 0, now + MINUTE)
            if problem.obey and problem.retry_at is not None:
                held = Settling(self.targets).sharing(one.target)
                await self.store.run(target_states.hold_targets, held, problem.retry_at, now)
            return
        await self.store.run(buttons.note_removed, one.delivery)
