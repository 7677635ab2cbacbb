"""Rules as documents: those of the config with what they found lately, and one that is tried on a text."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bot.clock import DAY, SECOND
from storage.records import Hit

if TYPE_CHECKING:
    from bot.config.model import Config, RuleConfig
    from storage.answers.verdicts import VerdictCounts
    from storage.archive.database import Reader
    from storage.language.match import Document
    from storage.language.query import Query

RULE_COLUMNS = (
    "name",
    "query",
    "sources",
    "tags",
    "targets",
    "priority",
    "matches_7d",
    "description",
    "escalate",
    "verdicts_30d",
)
_WEEK = 7 * DAY
_MONTH = 30 * DAY
_BODY = 1  # the only text of the document that a test makes


def count_lately(reader: "Reader", now: int) -> "tuple[dict[str, int], dict[str, VerdictCounts]]":
    """Matches of a week, and verdicts of a month, by the name of the rule."""
    from storage.answers.verdicts import count_verdicts
    from storage.search.stats import count_matches

    return count_matches(reader, now - _WEEK), count_verdicts(reader, now - _MONTH)


def list_rules(
    config: "Config",
    found: dict[str, int],
    judged: "dict[str, VerdictCounts]",
    rules: "Sequence[RuleConfig] | None" = None,
) -> Iterator[dict[str, object]]:
    """Every rule of the config, or these, with what `count_lately` counted."""
    shown = config.rules if rules is None else rules
    return (_rule(config, rule, found.get(rule.name, 0), judged.get(rule.name)) for rule in shown)


def _rule(config: "Config", rule: "RuleConfig", found: int, judged: "VerdictCounts | None") -> dict[str, object]:
    return {
        "name": rule.name,
        "query": rule.query,
        "sources": list(rule.sources),
        "tags": list(rule.tags),
        "targets": list(config.rule_targets(rule)),
        "priority": rule.priority,
        "matches_7d": found,
        "description": rule.description,
        "escalate": _escalation(rule),
        "verdicts_30d": {
            "useful": judged.useful if judged else 0,
            "noise": judged.noise if judged else 0,
            "unjudged": judged.unjudged if judged else 0,
        },
    }


def _escalation(rule: "RuleConfig") -> dict[str, object] | None:
    asked = rule.escalate
    return None if asked is None else {"after_s": asked.after / SECOND, "targets": list(asked.targets)}


# Testing -----------------------------------------------------------------------------------------------------------


def try_queries(
    queries: "Iterable[tuple[str, Query]]", text: str, now: int
) -> list[tuple[str, tuple[Hit, ...] | None]]:
    """What each query, named, finds in a text; None where it does not hold."""
    from storage.language.hits import evaluate

    document = _build_document(text, now)
    return [(name, evaluate(query, document)) for name, query in queries]


def tried_json(rule: str, hits: tuple[Hit, ...] | None, text: str) -> dict[str, object]:
    """The same as a document."""
    return {
        "rule": rule,
        "matches": hits is not None,
        "matched": [
            {"text": text[hit.start : hit.end], "start": hit.start, "end": hit.end, "form": hit.form}
            for hit in hits or ()
        ],
    }


def _build_document(text: str, now: int) -> "Document":
    from storage.language.fold import fold
    from storage.language.match import Document, DocumentText
    from storage.language.script import language

    spoken = language(text)
    body = DocumentText(text_id=_BODY, kind="body", text=text, folded=fold(text), language=spoken, confidence=None)
    return Document(
        post_id=0,
        source="",
        tags=frozenset(),
        side=None,
        author=None,
        forwarded_from=None,
        language=spoken,
        has=frozenset(),
        posted_at=now,
        texts=(body,),
    )
