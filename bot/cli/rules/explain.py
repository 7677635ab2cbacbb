"""`communique rules explain`: what a rule looks for, in which forms, in which sources, and at what cost."""

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from bot.cli.query import parse_query, print_warnings
from bot.cli.rules.selection import choose_query, complete_rule, find_sources
from bot.cli.terminal.output import Session, format_options, style, write_json, write_line
from bot.cli.terminal.pager import pager_option
from bot.errors import UserError
from bot.foreign.text import one_line, visible

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from storage.archive.database import Reader
    from storage.language.match import Document
    from storage.language.query import Query

_LABEL = 10
_SAMPLE = 500  # of the newest posts
_SHOWN = 12  # literals


@click.command("explain")
@click.argument("name", required=False, shell_complete=complete_rule)
@click.option("--query", metavar="Q", help="Explain this query instead of a rule of the config.")
@format_options(streams=False)
@pager_option
@click.pass_obj
def explain_rule(session: Session, name: str | None, query: str | None, form: str | None) -> None:
    """Print the tree of a rule, the folded forms that it compares, its sources and its cost.

    \b
    communique rules explain regional-command
    communique rules explain --query 'commands NOT "regional office"'
    """  # noqa: D301  click reads the backspace
    rule, parsed = choose_query(session, name, query)
    print_warnings(session, parsed, names=rule is None)
    explained = _explain(session, rule, parsed)
    if form is not None:
        write_json(session, explained)
        return
    for row in _lines(session, explained):
        write_line(session, row)


def _explain(session: Session, rule: "RuleConfig | None", parsed: "Query") -> dict[str, Any]:
    from bot.rules.outline import outline
    from storage.language.words import MIXED

    explained: dict[str, Any] = {
        "rule": rule.name if rule else None,
        "query": parsed.text,
        "sources": list(rule.sources) if rule else [],
        "tags": list(rule.tags) if rule else [],
        "targets": list(session.config().rule_targets(rule)) if rule else [],
        "terms": {name: list(phrases) for name, phrases in parsed.terms},
        "tree": outline(parsed.root),
        "literals": None,
        "decided_by_literals": False,
        "cost": None,
    }
    needed = _choose_literals(session, rule, parsed)
    if needed is not None:
        explained["literals"] = sorted(literal.strip() for literal in needed.any_of if MIXED not in literal)
        explained["decided_by_literals"] = needed.enough and not explained["sources"] + explained["tags"]
    try:
        archive = session.archive()
    except UserError:  # nothing collected yet
        return explained
    with archive, archive.reading() as reader:
        explained["cost"] = _measure_cost(reader, rule, parsed, needed.any_of if needed else None)
    return explained


def _choose_literals(session: Session, rule: "RuleConfig | None", parsed: "Query") -> Any:
    """The strings of which one must occur before the rule is tried, chosen as among all rules of the config."""
    from bot.rules.cycles import asks_for_rules
    from bot.rules.literals import choose_options, find_options

    if asks_for_rules(parsed.root):
        return None
    others = session.config() if rule else None
    read = (
        [parse_query(other.query, terms=others.phrases) for other in others.rules if other is not rule]
        if others
        else []
    )
    among = [find_options(parsed.root), *(find_options(other.root) for other in read if not asks_for_rules(other.root))]
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


def _lines(session: Session, explained: dict[str, Any]) -> Iterator[str]:
    from bot.rules.outline import lines

    def row(label: str, value: str) -> str:
        return f"{style(session, label.ljust(_LABEL), 'dim')} {one_line(value)}"

    yield style(session, one_line(explained["rule"] or "query"), "bold")
    yield row("query", explained["query"])
    if explained["rule"]:
        scope = [*explained["sources"], *(f"tag {tag}" for tag in explained["tags"])]
        yield row("looks in", ", ".join(scope) or "every source")
        yield row("targets", ", ".join(explained["targets"]) or "no target (a saved search)")
    for name, phrases in explained["terms"].items():
        yield row("term", f"@{name} is any of: {' | '.join(phrases)}")
    yield ""
    yield style(session, "looks for", "bold")
    yield from (f"  {visible(text)}" for text in lines(explained["tree"]))
    yield ""
    yield style(session, "costs", "bold")
    yield from (f"  {one_line(text)}" for text in _describe_costs(explained))


def _describe_costs(explained: dict[str, Any]) -> Iterator[str]:
    literals, cost = explained["literals"], explained["cost"]
    if literals is None:
        yield "as a rule it is tried on every post, because none of its words must occur"
    else:
        shown = " | ".join(f"“{literal}”" for literal in literals[:_SHOWN])
        more = f" and {len(literals) - _SHOWN} more" if len(literals) > _SHOWN else ""
        how = (
            "decided by these words alone"
            if explained["decided_by_literals"]
            else "tried only where one of these occurs"
        )
        yield f"as a rule it is {how}: {shown}{more}"
    if cost is None:
        yield "not measured: nothing is collected yet"
        return
    if cost["sample"]:
        yield f"in the {cost['sample']} newest posts that is {cost['tried']} times"
        yield f"its time there is {cost['share_of_folding']:.1%} of what folding their texts takes"
    if cost["posts"] is None:
        yield "no source of the archive is in its scope"
    elif cost["indexed"]:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts, which the index finds"
    else:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts, because no index can help"
