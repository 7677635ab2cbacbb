"""PURE: the kind of a match, its post and its rule -> which targets get an alert, and the named reason."""

from enum import StrEnum

from storage.frozen import dataclass
from storage.records import Escalation, MatchKind, PostFacts


class Reason(StrEnum):
    """Why a match alerts or not. The values are stored and part of the JSON contract: they never change."""

    NEW = "new match"
    EDITED = "what matched was edited"
    NO_LONGER_MATCHES = "no longer matches"
    DELETED = "the post was deleted"
    FIRST_CONTACT = "first contact"
    BACKFILL = "backfill"
    BACKDATED = "dated before the source was watched"
    OLDER_THAN_RULE = "rule is younger than the post"
    NO_TARGETS = "no targets"
    FIRST_NOT_SENT = "first message never sent"
    UNRELIABLE = "unreliable text"
    POSSIBLE = "possible match"
    PUT_IN = "an edit put the words in"
    READ_AGAIN = "only a better reader sees it"


_SENTENCES = {
    Reason.EDITED: "the matching passage was edited",
    Reason.NO_LONGER_MATCHES: "the post no longer matches",
    Reason.FIRST_CONTACT: "collected at the first contact with the source",
    Reason.BACKFILL: "collected by a backfill",
    Reason.BACKDATED: "the post came later, but is dated from before the source was watched",
    Reason.OLDER_THAN_RULE: "post is older than the rule",
    Reason.NO_TARGETS: "the rule has no targets",
    Reason.FIRST_NOT_SENT: "the first match of this post did not alert",
    Reason.UNRELIABLE: "only unreliable machine text matches",
    Reason.POSSIBLE: "unreliable machine text says this, or nearly this",
    Reason.PUT_IN: "an edit put matching words into a post that had not alerted",
    Reason.READ_AGAIN: "the words were there before, and a better version of the program sees them now",
}


def describe_reason(stored: str) -> str:
    """The sentence for people about a stored reason."""
    return _SENTENCES.get(Reason(stored), stored) if stored in set(Reason) else stored


@dataclass(frozen=True, slots=True)
class Alerting:
    """The targets and the priority of a rule. A rule without targets never alerts: a saved search."""

    targets: tuple[str, ...] = ()
    priority: str = "default"
    escalation: Escalation | None = None  # who hears of it if nobody takes it up


@dataclass(frozen=True, slots=True)
class Plan:
    """Which targets get an alert about a match, and why, or why none does."""

    targets: tuple[str, ...]
    why: Reason

    @property
    def alerting(self) -> bool:
        return bool(self.targets)


def plan(
    kind: MatchKind,
    alerting: Alerting,
    post: PostFacts,
    *,
    rule_since: int,
    first_alerted: bool,
    matches: bool,
    put_in: bool = False,
    stood: bool = False,
) -> Plan:
    """Decide on one match.

    `rule_since` is the number at which the rule's name was first loaded, not its time; `first_alerted` says
    whether any match of the rule and this post alerted: who never got that gets no alert about an edit, unless the
    edit `put_in` words that match. `matches` says whether the post still matches, `stood` that only a better reader
    sees what was there before.
    """
    due = first_alerted or (kind == "edited" and put_in)
    silent = _silence(kind, alerting, post, rule_since=rule_since, due=due, stood=stood)
    if silent is not None:
        return Plan((), silent)
    targets = tuple(dict.fromkeys(alerting.targets))
    if kind == "edited" and not first_alerted:
        return Plan(targets, Reason.PUT_IN)
    if kind == "match":
        return Plan(targets, Reason.NEW)
    if kind == "deleted":
        return Plan(targets, Reason.DELETED)
    return Plan(targets, Reason.EDITED if matches else Reason.NO_LONGER_MATCHES)


def _silence(
    kind: MatchKind, alerting: Alerting, post: PostFacts, *, rule_since: int, due: bool, stood: bool
) -> Reason | None:
    if not alerting.targets:
        return Reason.NO_TARGETS
    if kind != "match":
        return None if due else Reason.FIRST_NOT_SENT
    if stood:
        return Reason.READ_AGAIN
    if not post.alerts:
        contact = post.first_contact_seq
        early = contact is None or post.seq <= contact
        return Reason.FIRST_CONTACT if early else Reason.BACKDATED if post.backdated else Reason.BACKFILL
    return Reason.OLDER_THAN_RULE if post.seq < rule_since else None
