"""What a target's quiet hours and limits hold at a moment, and when it comes as a digest; computed from now each time.

What finds a limit used up is held. As soon as the limit allows a message again, the most urgent of what is held comes
singly and all the rest as one digest. Limits of an hour gather for ten minutes, and leave a tenth to digests. A limit
of one message an hour leaves nothing, so that after a single message the digest comes an hour later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Self
from zoneinfo import ZoneInfo

from bot.alerts import hours
from bot.alerts.hours import LOUDEST, QuietWindow, Stretch, find_passing, find_quiet
from bot.alerts.muting import HoldMuted
from bot.clock import MINUTE
from bot.contracts.target import Target
from storage.alerts import claiming, digests, holding, target_states
from storage.alerts.holding import HeldRow
from storage.alerts.pace import Pace, find_free_time, list_free_times, note_sending
from storage.alerts.settlement import Claimed
from storage.archive.database import Writer
from storage.frozen import dataclass

GATHER = 10 * MINUTE  # before a digest of what a limit of an hour holds, and between two of them
_URGENT = 1  # high and max come singly first, as far as the limit allows


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """The quiet hours of a target, its limits, and the limits of rules: single messages to it in any hour."""

    pace: Pace
    zone: ZoneInfo
    quiet: Sequence[QuietWindow] = ()
    rules: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target, zone: ZoneInfo, rules: Mapping[str, int]) -> Self:
        """Those of a target of the config; `zone` is of quiet hours that name none."""
        settings = target.settings
        pace = Pace(target.chat or f"target {settings.name}", settings.per_minute, settings.per_hour)
        return cls(pace, zone, hours.read_windows(settings.quiet, zone), rules)

    @property
    def any(self) -> bool:
        return bool(self.quiet or self.rules or self.pace.limited)

    def singles(self) -> Pace:
        """What single messages may use of the limit of an hour."""
        most = self.pace.per_hour
        left = None if most is None else max(most - max(most // 10, 1), 1)
        return Pace(self.pace.chat, self.pace.per_minute, left)

    def by_hour(self) -> Pace:
        """The limit of an hour alone, for single messages."""
        return Pace(self.pace.chat, None, self.singles().per_hour)

    def of_rule(self, target: str, rule: str) -> Pace:
        return Pace(f"rule {rule} at {target}", None, self.rules.get(rule))


def claim(
    writer: Writer,
    target: str,
    limits: TargetLimits,
    now: int,
    is_muted: HoldMuted,
    *,
    most: int,
    beside: Sequence[Claimed],
    healthy: bool,
) -> list[Claimed]:
    """Hold what must be held, then take those whose turn it is: see `claim_several`."""
    hold(writer, target, limits, now, is_muted)
    claimed = claiming.claim_several(
        writer,
        target,
        now,
        most,
        beside=beside,
        healthy=healthy,
        pace=limits.pace,
        is_muted=is_muted,
        passing=find_passing(limits.quiet, now),
        one_by_one=limits.rules,
    )
    return _count_by_rule(writer, target, limits, claimed, now)


def claim_suspect(writer: Writer, target: str, limits: TargetLimits, now: int, is_muted: HoldMuted) -> list[Claimed]:
    """The same for a message during whose last two attempts the process died."""
    hold(writer, target, limits, now, is_muted)
    passing = find_passing(limits.quiet, now)
    claimed = claiming.claim_suspect(writer, target, now, pace=limits.pace, is_muted=is_muted, passing=passing)
    return _count_by_rule(writer, target, limits, [claimed] if claimed else [], now)


def _count_by_rule(
    writer: Writer, target: str, limits: TargetLimits, claimed: list[Claimed], now: int
) -> list[Claimed]:
    for one in claimed if limits.rules else ():
        if one.row.match_id is not None:
            note_sending(writer, limits.of_rule(target, holding.find_rule(writer, one.row.match_id)), now)
    return claimed


def hold(writer: Writer, target: str, limits: TargetLimits, now: int, is_muted: HoldMuted) -> int | None:
    """Hold what must be held now, make the digests that are due; when to look again, None if nothing is held."""
    passing = find_passing(limits.quiet, now)
    times = [
        _hold_quiet(writer, target, limits, now, is_muted),
        _hold_over_limits(writer, target, limits, passing, now, is_muted),
    ]
    return min((at for at in times if at is not None), default=None)


def _hold_quiet(writer: Writer, target: str, limits: TargetLimits, now: int, is_muted: HoldMuted) -> int | None:
    quiet: dict[int, Stretch] = {}
    due: list[HeldRow] = []
    for priority in range(LOUDEST + 1):
        found = find_quiet(limits.quiet, now, priority)
        if found is not None:
            quiet[priority] = found
        if found is None or found.endless:
            before = None if found is None else found.begin
            due += holding.list_held(writer, target, "quiet", priority=priority, before=before)
    due = is_muted.silence_held(writer, target, due)
    if due:
        _make_quiet(writer, target, limits, due, now)
    for priority, stretch in quiet.items():
        holding.hold_quiet(writer, target, priority, stretch.end, now)
    if not quiet or not holding.waits(writer, target, min(quiet) - 1):
        return None
    return min(stretch.end for stretch in quiet.values())


def _make_quiet(writer: Writer, target: str, limits: TargetLimits, due: Sequence[HeldRow], now: int) -> None:
    first = min(due, key=lambda row: row.created_at)
    began = find_quiet(limits.quiet, first.created_at, first.priority)
    begin = min(first.created_at, now) if began is None or began.begin > now else began.begin
    still = find_passing(limits.quiet, now) < LOUDEST
    urgency = hours.AT_ITS_HOUR if still else min(row.priority for row in due)
    digests.make(writer, target, "quiet", (begin, now), [row.id for row in due], now, priority=urgency)


def _hold_over_limits(
    writer: Writer, target: str, limits: TargetLimits, passing: int, now: int, is_muted: HoldMuted
) -> int | None:
    """The same for limits; `passing` is the least urgent priority that quiet hours let through."""
    known = target_states.find_target(writer, target)
    works = known.state == "ok" and (known.hold_until or 0) <= now
    oldest = holding.find_oldest(writer, target, "limit")
    gathered = _find_gathered(writer, target, oldest, now)
    free = find_free_time(writer, limits.singles(), now)
    used_up = {rule for rule in limits.rules if find_free_time(writer, limits.of_rule(target, rule), now) > now}
    if works and free > now:
        holding.hold_over_limit(writer, target, passing, *_describe(writer, limits, gathered, now), now)
    for rule in used_up if works else ():
        words = f"the rule is over per_hour = {limits.rules[rule]}: it comes in a digest"
        due = max(gathered, find_free_time(writer, limits.pace, now))
        holding.hold_over_limit(writer, target, passing, words, due, now, rule=rule)
    if works:
        _note_wait(writer, target, limits, passing, now)
    oldest = holding.find_oldest(writer, target, "limit")
    if oldest is None or not works:
        return None
    slow = find_free_time(writer, limits.by_hour(), now) > now or not holding.has_other_rule(
        writer, target, "limit", used_up
    )
    due = find_free_time(writer, limits.pace, now)
    if slow:
        due = max(due, _find_gathered(writer, target, oldest, now))
    if due > now:
        return due
    held = is_muted.silence_held(writer, target, holding.list_held(writer, target, "limit"))
    singly = [] if slow else _choose_singly(held, limits, used_up)
    holding.release(writer, [row.id for row in singly])
    _make_limited(writer, target, [row for row in held if row not in singly], now)
    return None


def _find_gathered(writer: Writer, target: str, oldest: int | None, now: int) -> int:
    """When a digest of what a limit of an hour holds, the oldest of it since `oldest`, has gathered long enough."""
    last = digests.find_last(writer, target, "limit")
    times = (now if oldest is None else oldest, last.made_at if last else 0)
    return max((at for at in times if at <= now), default=0) + GATHER


def _choose_singly(held: Sequence[HeldRow], limits: TargetLimits, used_up: set[str]) -> list[HeldRow]:
    """What comes by itself before the digest: the most urgent, or the only one."""
    free = [row for row in held if row.rule not in used_up]
    if len(held) == 1:
        return free
    return [row for row in free if row.priority <= _URGENT][: (limits.pace.per_minute or 2) // 2]


def _make_limited(writer: Writer, target: str, held: Sequence[HeldRow], now: int) -> None:
    if held:
        window = (min(now, *(row.created_at for row in held)), now)
        priority = min(row.priority for row in held)
        digests.make(writer, target, "limit", window, [row.id for row in held], now, priority=priority)


def _describe(writer: Writer, limits: TargetLimits, gathered: int, now: int) -> tuple[str, int]:
    """Why the limits of a target hold a message, and when its digest is to be expected."""
    free = find_free_time(writer, limits.pace, now)
    if find_free_time(writer, limits.by_hour(), now) <= now:
        return f"over per_minute = {limits.pace.per_minute}: it comes in a digest", free
    return f"over per_hour = {limits.pace.per_hour}: it comes in a digest", max(free, gathered)


def _note_wait(writer: Writer, target: str, limits: TargetLimits, passing: int, now: int) -> None:
    """Write down until when the limits keep messages waiting that come by themselves."""
    free = find_free_time(writer, limits.pace, now)
    if free > now:
        by_minute = find_free_time(writer, Pace(limits.pace.chat, limits.pace.per_minute), now) == free
        used_up = f"per_minute = {limits.pace.per_minute}" if by_minute else f"per_hour = {limits.pace.per_hour}"
        words = f"over {used_up}: it is sent when the limit allows a message"
        waiting = holding.list_waiting(writer, target, passing, now)
        times = list_free_times(writer, limits.pace, now, len(waiting))
        holding.note_waits(writer, dict(zip(waiting, times, strict=True)), words)
