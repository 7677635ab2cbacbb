"""A rule or a query explained, as a document: what it looks for, in which forms, in which sources, and at what cost."""

from datetime import UTC
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bot.listing.replay import find_sources

if TYPE_CHECKING:
    from bot.config.model import Config, RuleConfig
    from storage.archive.database import Reader
    from storage.language.match import Document
    from storage.language.query import Query

_SAMPLE = 500  # of the newest posts


def explain_query(
    reader: "Reader | None", parsed: "Query", rule: "RuleConfig | None", config: "Config | None"
) -> dict[str, Any]:
    """A rule of this config, or a query alone; without a reader, nothing is collected yet and the cost is not known."""
    from bot.rules.outline import outline
    from storage.language.words import MIXED

    needed = _choose_literals(parsed, rule, config)
    scope = [*rule.sources, *rule.tags] if rule else []
    return {
        "rule": rule.name if rule else None,
        "query": parsed.text,
        "sources": list(rule.sources) if rule else [],
        "tags": list(rule.tags) if rule else [],
        "targets": list(config.rule_targets(rule)) if rule and config else [],
        "terms": {name: list(phrases) for name, phrases in parsed.terms},
        "tree": outline(parsed.root),
        "literals": needed and sorted(literal.strip() for literal in needed.any_of if MIXED not in literal),
        "decided_by_literals": bool(needed and needed.enough and not scope),
        "cost": reader and _measure_cost(reader, rule, parsed, needed.any_of if needed else None),
    }


def _choose_literals(parsed: "Query", rule: "RuleConfig | None", config: "Config | None") -> Any:
    """The strings of which one must occur before the rule is tried, chosen as among all rules of the config."""
    from bot.rules.cycles import asks_for_rules
    from bot.rules.literals import choose_options, find_options
    from storage.language.query import parse

    if asks_for_rules(parsed.root):
        return None
    terms = config.phrases() if rule and config else {}
    others = [
        parse(other.query, UTC, terms) for other in (config.rules if rule and config else ()) if other is not rule
    ]
    among = [find_options(parsed.root), *(find_options(one.root) for one in others if not asks_for_rules(one.root))]
    return choose_options(among)[0]


def _measure_cost(reader: "Reader", rule: "RuleConfig | None", parsed: "Query", literals: frozenset[str] | None) -> Any:
    """Measure on the archive how much a search reads, how often the rule is tried, and its time against folding."""
    from bot.rules import Rule, compile_rules
    from storage.language.fold import fold
    from storage.search.search import count_candidates

    names = find_sources(reader, rule) if rule else []
    found = count_candidates(reader, parsed, sources=names) if names or rule is None else None
    sample = _load_newest(reader)
    tried = sum(1 for post in sample if literals is None or _has_literal(post, literals))
    started = perf_counter()
    for post in sample:
        for text in post.texts:
            fold(text.text)
    folding = perf_counter() - started
    scope = (rule.tags, rule.sources) if rule else ((), ())
    compiled = compile_rules([Rule("", parsed, "", *scope)])
    started = perf_counter()
    for post in sample:
        compiled.match(post)
    matching = perf_counter() - started
    return {
        "posts": found.of if found else None,
        "read_by_search": found.posts if found else 0,
        "indexed": found.indexed if found else False,
        "sample": len(sample),
        "tried": tried,
        "share_of_folding": round(matching / folding, 3) if folding else None,
    }


def _has_literal(post: "Document", literals: frozenset[str]) -> bool:
    from storage.language.match import PreparedDocument

    return any(
        word in sheet.plain or word in sheet.closed for sheet in PreparedDocument(post).sheets for word in literals
    )


def _load_newest(reader: "Reader") -> "list[Document]":
    from storage.posts.reading import find_newest
    from storage.search import documents

    return list(documents.load_documents(reader, find_newest(reader, limit=_SAMPLE)).values())
