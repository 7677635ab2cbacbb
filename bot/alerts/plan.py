"""PURE: scope, history and the config of a rule -> which targets hear of a match, and the named reason."""

from dataclasses import dataclass
from typing import Literal, get_args

from storage.records import MatchKind, PostFacts

Reason = Literal[
    "new match",
    "what matched was edited",
    "no longer matches",
    "the post was deleted",
    "first contact",
    "backfill",
    "rule is younger than the post",
    "no targets",
    "first message never sent",
    "unreliable text",
]
UNRELIABLE: Reason = "unreliable text"
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Alerting:
    """What the config says of a rule beside its query. A rule without targets never alerts: a saved search."""

    targets: tuple[str, ...] = ()
    priority: str = "default"


@dataclass(frozen=True, slots=True)
class Plan:
    """Who hears of a match, and why, or why nobody does."""

    targets: tuple[str, ...]
    why: Reason

    @property
    def alerting(self) -> bool:
        return bool(self.targets)


def plan(
    kind: MatchKind,
    alerting: Alerting,
    standing: PostFacts,
    *,
    rule_since: int,
    first_alerted: bool,
    matches: bool,
    reliable: bool = True,
) -> Plan:
    """Decide on one match.

    `rule_since` is when the rule's name was first loaded; `first_alerted` says whether the rule's first match of this
    post alerted, for nobody is told that something changed of which he never heard; `matches` whether it still does;
    `reliable` whether it would without the machine text that nobody should trust.
    """
    if not reliable:
        return Plan((), UNRELIABLE)
    silent = _silence(kind, alerting, standing, rule_since=rule_since, first_alerted=first_alerted)
    if silent is not None:
        return Plan((), silent)
    told: dict[MatchKind, Reason] = {"match": "new match", "deleted": "the post was deleted"}
    fallback: Reason = "what matched was edited" if matches else "no longer matches"
    return Plan(tuple(dict.fromkeys(alerting.targets)), told.get(kind, fallback))


def _silence(
    kind: MatchKind, alerting: Alerting, standing: PostFacts, *, rule_since: int, first_alerted: bool
) -> Reason | None:
    if not alerting.targets:
        return "no targets"
    if kind != "match":
        return None if first_alerted else "first message never sent"
    if not standing.alerts:
        contact = standing.first_contact_at
        return "first contact" if contact is None or standing.collected_at <= contact else "backfill"
    return "rule is younger than the post" if standing.collected_at < rule_since else None
