"""PURE: a digest as JSON: what it is about, each of its posts once, and for a scheduled one its counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.documents.as_json import as_json, iso
from storage.rows import PostRow

if TYPE_CHECKING:
    from storage.alerts.digest_rows import DigestedRow
    from storage.records import Gap
    from storage.sources.blindness import BlindStretch


def digest_json(
    digest: int | None, kind: str, window: tuple[int, int], total: int, *, possible_repeat: bool
) -> dict[str, object]:
    """What a digest is about; `posts` belong to it too. One that is not made yet has no number."""
    return {
        "digest": None if digest is None else str(digest),
        "kind": kind,
        "window": {"from": iso(window[0]), "to": iso(window[1])},
        "total": total,
        "possible_repeat": possible_repeat,
    }


def listed_post_json(post: PostRow, alerts: "Iterable[DigestedRow]", edited_since: int | None) -> dict[str, object]:
    """A post with the alerts about it; `edited_since` is when it was last edited after the first of them."""
    return as_json(post) | {
        "alerts": [{"alert": str(one.alert), "rule": one.rule, "kind": one.kind, "at": iso(one.at)} for one in alerts],
        "edited_since": iso(edited_since),
    }


def stretch_json(stretch: "BlindStretch") -> dict[str, object]:
    """A time in which a source was not watched; `to` is null while it still is not."""
    return {
        "source": stretch.source,
        "from": iso(stretch.since),
        "to": iso(stretch.until),
        "outcome": stretch.outcome,
    }


def counted_json(counts: Mapping[str, Sequence[int]], noun: str) -> list[dict[str, object]]:
    """How many alerts each rule or source had, and how many in each part of the window; the most first."""
    return [{noun: name, "alerts": sum(parts), "parts": list(parts)} for name, parts in counts.items()]


def open_gap_json(source: str, gap: "Gap") -> dict[str, object]:
    """Posts that are known to be missing."""
    return {
        "source": source,
        "low": gap.low,
        "high": gap.high,
        "from": iso(gap.from_at),
        "to": iso(gap.to_at),
        "reason": gap.reason,
    }
