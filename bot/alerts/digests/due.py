"""Makes the digests that are due: scheduled ones by their timetables, stale news once what was missed is here."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from bot.alerts.digests.material import find_stretches
from bot.alerts.hours import AT_ITS_HOUR, QuietWindow, find_quiet, read_windows
from bot.alerts.muting import HoldMuted, Terms
from bot.clock import MINUTE
from bot.contracts.timetable import Timetable
from storage.alerts import digests, schedules, stale
from storage.alerts.holding import has_undelivered_digest, list_held
from storage.alerts.schedules import Covered
from storage.frozen import dataclass
from storage.records import PRIORITIES

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Reader, Writer

ORDINARY = PRIORITIES.index("default")
_CORRECTED = MINUTE  # a clock that is set back by less has only been corrected


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """The timetables of targets by name; `zone` is of those that name none. `quiet` are quiet hours by target.

    `terms` are the phrases of each @name, for mutes.
    """

    timetables: Mapping[str, Timetable]
    zone: ZoneInfo
    quiet: Mapping[str, Sequence[QuietWindow]] = field(default_factory=dict)
    terms: Terms = field(default_factory=dict)

    @classmethod
    def of(cls, config: "Config") -> Self:
        """As the config says."""
        return cls(
            {one.name: one.digest for one in config.targets if one.digest is not None},
            config.zone,
            {one.name: read_windows(one.quiet, config.zone) for one in config.targets if one.quiet},
            config.phrases(),
        )

    def declare(self, writer: "Writer", now: int) -> None:
        """Let each timetable begin, if it is new; one that is no longer in the config ends."""
        schedules.declare(writer, self.timetables, now)

    def find_next(self, covered: Covered) -> int:
        """When the next digest of a target is due."""
        return self.timetables[covered.target].find_next(covered.until, self.zone)

    def is_due(self, reader: "Reader", now: int) -> bool:
        """Whether there is anything to do."""
        known = schedules.read_covered(reader)
        due = any(self._is_due(reader, one, now) for one in known if one.target in self.timetables)
        return due or (stale.has_stale(reader) and (stale.has_watched(reader) or bool(stale.find_filled(reader, now))))

    def make_due(self, writer: "Writer", now: int) -> int:
        """Make every digest that is due, in the transaction of the caller; how many messages can be sent by that."""
        made = stale.let_go_watched(writer, now)
        for target in stale.find_filled(writer, now):
            held = HoldMuted(self.terms, now).silence_held(writer, target, list_held(writer, target, "late"))
            if held:
                _make_late(writer, target, [row.id for row in held], now, self._urgency(target, now))
                made += 1
        for covered in schedules.read_covered(writer):
            if covered.target not in self.timetables or not self._is_due(writer, covered, now):
                continue
            if _is_ahead(covered, now):
                schedules.begin_again(writer, covered.target, now)
            else:
                schedules.make_scheduled(writer, covered, now, self._urgency(covered.target, now))
                made += 1
        return made

    def _is_due(self, reader: "Reader", covered: Covered, now: int) -> bool:
        """Whether its hour has come, and the last one is no longer on its way: they never pile up."""
        if _is_ahead(covered, now):
            return True
        return self.find_next(covered) <= now and not has_undelivered_digest(reader, covered.target, "scheduled")

    def _urgency(self, target: str, now: int) -> int:
        """Digests wait for the end of quiet hours, but not where these never end."""
        quiet = find_quiet(self.quiet.get(target, ()), now, ORDINARY)
        return AT_ITS_HOUR if quiet is not None and quiet.endless else ORDINARY


def _is_ahead(covered: Covered, now: int) -> bool:
    """Whether the last digest ended in the future: the clock was ahead then. Its next one begins now."""
    return covered.until > now + _CORRECTED


def _make_late(writer: "Writer", target: str, deliveries: Sequence[int], now: int, priority: int) -> None:
    stretches = find_stretches(writer, deliveries)
    since = min((one.since for one in stretches), default=now)
    until = max((one.until or now for one in stretches), default=now)
    digests.make(writer, target, "late", (since, max(since, until)), deliveries, now, priority=priority)
