"""PURE: which alerts about a copy are sent, and which are joined to the message about the first statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.events.heard import Heard


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule wants to say about a post: `priority` counts from 0, the most urgent; `side` speaks in the post."""

    rule: str
    priority: int
    side: str | None
    targets: Sequence[str]


def split_targets(
    alert: Alert, folding: Collection[str], heard: Iterable[Heard]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The targets that get a message, and those that have heard of the event.

    `folding` are the targets that fold copies; `heard` is what was said of the event and was sent or is still pending.
    A target hears again of a rule that had not found the event, of a higher priority, and of a side that had not
    spoken.
    """
    said = list(heard)
    joined = tuple(target for target in alert.targets if target in folding and _has_heard(alert, target, said))
    return tuple(target for target in alert.targets if target not in joined), joined


def _has_heard(alert: Alert, target: str, said: Sequence[Heard]) -> bool:
    there = [one for one in said if one.target == target]
    of_rule = any(one.rule == alert.rule and one.priority <= alert.priority for one in there)
    return of_rule and (alert.side is None or any(one.side == alert.side for one in there))
