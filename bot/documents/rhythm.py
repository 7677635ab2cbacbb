"""PURE: the rhythm of a source in sentences and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.clock import SECOND
from bot.documents.as_json import iso
from bot.documents.lengths import format_length

if TYPE_CHECKING:
    from bot.intake.habit import Habit, Missing


def describe_silence(name: str, length: int, limit: int, every: int, *, learnt: bool) -> str:
    """That a source is silent. Times in microseconds; `learnt`: the limit is its habit, not a person's wish."""
    longest = f"never more than {format_length(limit * 4 // 5)} in eight watched weeks"
    usual = longest if learnt else f"`usual` allows {format_length(limit)}"
    return (
        f"source {name} has posted nothing for {format_length(length)}, {usual}; we looked every"
        f" {format_length(every)}; `communique sources ack {name}` accepts it"
    )


def describe_missed_slot(name: str, slot: str, zone: str, every: int) -> str:
    """That a source has not posted when it usually does; `slot` as "every day about 18:00"."""
    return f"source {name} posts {slot} {zone}, not today; we looked every {format_length(every)}"


def describe_return(name: str, length: int) -> str:
    """That a source which was reported posts again."""
    return f"source {name} posts again, after {format_length(length)}"


def rhythm_json(
    name: str, usual: "int | str", habit: "Habit", zone: str, findings: "Sequence[Missing]"
) -> dict[str, object]:
    """The habit of a source, and what would have been reported."""
    return {
        "source": name,
        "usual": usual if isinstance(usual, str) else format_length(usual),
        "known": habit.longest is not None,
        "posts": habit.posts,
        "watched_s": habit.watched // SECOND,
        "longest_silence_s": None if habit.longest is None else habit.longest // SECOND,
        "limit_s": None if habit.limit is None else habit.limit // SECOND,
        "timezone": zone,
        "slots": [{"time": slot.key, "words": str(slot)} for slot in habit.slots],
        "would_report": [_finding_json(one) for one in findings],
    }


def _finding_json(finding: "Missing") -> dict[str, object]:
    return {
        "at": iso(finding.at),
        "what": "silence" if finding.slot is None else "slot",
        "slot": None if finding.slot is None else finding.slot.key,
        "since": iso(finding.since),
        "until": iso(finding.until),
    }
