"""PURE: events as JSON: a statement with its copies, and each post of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.documents.as_json import iso

if TYPE_CHECKING:
    from storage.events.listing import EventMember, EventRow
    from storage.events.spread import Spread

_NAMED = 3  # channels that are named before the rest is only counted
_REASONS = {
    "first": "the first statement",
    "forward": "a forward of the same message",
    "origin": "the message that was forwarded",
    "file": "the same file",
    "person": "joined by a person",
}


def event_json(event: "EventRow") -> dict[str, object]:
    """One event of a list."""
    return {
        "id": str(event.id),
        "source": event.source,
        "side": event.side,
        "url": event.url,
        "text": event.text,
        "opened_at": iso(event.opened_at),
        "newest_at": iso(event.newest_at),
        "posts": event.posts,
        "copies": event.spread.copies,
        "channels": event.spread.channels,
        "edited": event.spread.edited,
        "gone": event.spread.gone,
        "spread": describe_spread(event.spread),
        "sources": list(event.sources),
        "families": list(event.families),
        "sides": list(event.sides),
        "rules": list(event.rules),
        "origin": None if event.origin is None else str(event.origin),
        "quotes": None if event.quotes is None else str(event.quotes),
    }


def whole_event_json(
    event: "EventRow",
    members: Iterable["EventMember"],
    quoting: Iterable[tuple[int, str]],
    facing: Iterable[Mapping[str, object]],
) -> dict[str, object]:
    """One event with its posts, the events that quote it, and what it faces or what faces it."""
    return event_json(event) | {
        "members": [member_json(one) for one in members],
        "quoted_by": [{"event": str(number), "added": added} for number, added in quoting],
        "facing": list(facing),
    }


def member_json(one: "EventMember") -> dict[str, object]:
    """One post of an event."""
    return {
        "post_id": str(one.post_id),
        "source": one.source,
        "side": one.side,
        "native_id": one.native_id,
        "url": one.url,
        "collected_at": iso(one.collected_at),
        "deleted_at": iso(one.deleted_at),
        "reason": one.reason,
        "likeness": one.measure if one.reason != "first" else None,
    }


def describe_spread(spread: "Spread") -> str:
    """How far a statement has spread: "12 copies in 9 channels of 4 families"."""
    if not spread.copies:
        return "no copy"
    copies, channels = _count(spread.copies, "copy", "copies"), _count(spread.channels, "channel", "channels")
    return f"{copies} in {channels} of {_count(spread.families, 'family', 'families')}"


def describe_fate(spread: "Spread") -> str:
    """What became of copies: "2 of its copies were edited, 3 of its copies are gone"; empty if nothing did."""
    said = [
        (spread.edited, "of its copies was edited", "of its copies were edited"),
        (spread.gone, "of its copies is gone", "of its copies are gone"),
    ]
    return ", ".join(_count(number, one, more) for number, one, more in said if number)


def describe_elsewhere(spread: "Spread") -> str:
    """Which other channels have it: "also in 12 channels: a, b, c +9"; empty if none has."""
    names = spread.elsewhere
    more = f" +{len(names) - _NAMED}" if len(names) > _NAMED else ""
    return f"also in {_count(len(names), 'channel', 'channels')}: {', '.join(names[:_NAMED])}{more}" if names else ""


def list_copy_lines(spread: "Spread") -> Iterator[str]:
    """What a message says of copies: in which channels they are, the spread if that says more, what is gone."""
    if spread.elsewhere:
        yield describe_elsewhere(spread)
    if spread.copies > len(spread.elsewhere) or spread.families < spread.channels:
        yield describe_spread(spread)
    if fate := describe_fate(spread):
        yield fate


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def describe_copy(reason: str, measure: float | None) -> str:
    """Why a post belongs to its event, in a few words."""
    if reason == "words" and measure is not None:
        return "the same words" if measure >= 1 else f"nearly the same words ({min(measure, 0.99):.2f})"
    if reason == "picture" and measure is not None:
        return f"a picture that looks the same ({measure:.2f})"
    return _REASONS.get(reason, reason)
