"""Which earlier statement of the other side a match answers: the newest that the same rule found, at the same place."""

from typing import TYPE_CHECKING

from bot.alerts.plan import Reason
from bot.clock import HOUR
from bot.rules import Rule, RuleSet, compile_rules
from storage.events import facing
from storage.frozen import dataclass
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


class FacingSearch:
    """Finds what matches face, within one transaction: what a side has said is read once, until it says more."""

    def __init__(self, writer: "Writer", rules: FacingRules | None, now: int) -> None:
        self._writer = writer
        self._rules = rules
        self._now = now
        self._earlier: dict[tuple[str, str, int, int], list[tuple[int, int, int]]] = {}
        self._places: dict[int, frozenset[str]] = {}

    def find(self, document: Document, match: "MatchRow") -> int | None:
        """The match of the statement that this one faces; None if it faces none."""
        is_new = match.kind == "match" or match.why == Reason.PUT_IN
        if self._rules is None or not is_new or match.why == Reason.UNRELIABLE:
            return None
        pairs = [pair for pair in self._rules.pairs if pair.rule == match.rule and document.side in pair.sides]
        at = facing.find_time(self._writer, match.post_id, self._now) if pairs else None
        if at is None:
            return None
        here = self._rules.find_places(document)
        for pair in pairs:
            [side] = (side for side in pair.sides if side != document.side)
            for match_id, post_id, said in self._list_earlier(match.rule, side, at, pair.within):
                if abs(said - at) <= pair.within and self._is_same_place(self._rules, here, post_id):
                    return match_id
        return None

    def note(self, match_id: int, document: Document, match: "MatchRow", faces: int | None) -> None:
        """A match was stored: what it faces is kept, and others may face it."""
        if faces is not None:
            facing.save(self._writer, match_id, faces)
        for known in [key for key in self._earlier if key[:2] == (match.rule, document.side)]:
            del self._earlier[known]

    def _list_earlier(self, rule: str, side: str, at: int, within: int) -> list[tuple[int, int, int]]:
        hour = at - at % HOUR
        key = (rule, side, hour, within)
        if key not in self._earlier:
            self._earlier[key] = facing.find_earlier(self._writer, rule, side, hour - within, hour + HOUR + within)
        return self._earlier[key]

    def _is_same_place(self, rules: FacingRules, here: frozenset[str], post_id: int) -> bool:
        """Whether not both name places, or they share one."""
        if here and post_id not in self._places:
            document = documents.load_documents(self._writer, [post_id], media=False, rules=False)[post_id]
            self._places[post_id] = rules.find_places(document)
        return not here or not self._places[post_id] or bool(here & self._places[post_id])
