"""Which earlier statement of the other side a match answers: the newest that the same rule found, at the same place."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.alerts.plan import Reason
from bot.rules import Rule, RuleSet, compile_rules
from storage.events import facing
from storage.language.match import Document, only_reliable
from storage.language.query import parse
from storage.search import documents

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Writer
    from storage.records import MatchRow

PLACES = ("place", "town")  # the kinds of terms that name one


@dataclass(frozen=True, slots=True)
class Pair:
    """Statements of these two sides face each other, where `rule` finds both within so many microseconds."""

    rule: str
    sides: tuple[str, ...]
    within: int


@dataclass(frozen=True, slots=True)
class FacingRules:
    """The pairs of a config; `places` finds the terms that name a place, each as a rule of the term's name."""

    pairs: tuple[Pair, ...]
    places: RuleSet

    def find_places(self, document: Document) -> frozenset[str]:
        """The places that a post names."""
        return frozenset(match.rule for match in self.places.match(only_reliable(document)))


def load_facing(config: "Config") -> FacingRules | None:
    """The pairs of a checked config; None if there is none."""
    if not config.pairs:
        return None
    phrases = config.phrases()
    names = [term.name for term in config.terms if term.kind.strip().casefold() in PLACES]
    return FacingRules(
        tuple(Pair(pair.rule, pair.sides, pair.within) for pair in config.pairs),
        compile_rules([Rule(name, parse(f"@{name}", terms=phrases), "") for name in names]),
    )


def find_faced(
    writer: "Writer", rules: FacingRules | None, document: Document, match: "MatchRow", now: int
) -> int | None:
    """The match of the statement that this one faces; None if it faces none."""
    if rules is None or not (match.kind == "match" or match.why == Reason.PUT_IN) or match.why == Reason.UNRELIABLE:
        return None
    pairs = [pair for pair in rules.pairs if pair.rule == match.rule and document.side in pair.sides]
    at = facing.find_time(writer, match.post_id, now) if pairs else None
    if at is None:
        return None
    found = [
        one
        for pair in pairs
        for side in pair.sides
        if side != document.side
        for one in facing.find_earlier(writer, match.rule, side, at, pair.within)
    ]
    return _choose(writer, rules, document, found) if found else None


def _choose(writer: "Writer", rules: FacingRules, document: Document, found: Iterable[tuple[int, int]]) -> int | None:
    """The first that is not about another place."""
    here = rules.find_places(document)
    for match_id, post_id in found:
        if not here:
            return match_id
        there = rules.find_places(documents.load_documents(writer, [post_id])[post_id])
        if not there or here & there:
            return match_id
    return None
