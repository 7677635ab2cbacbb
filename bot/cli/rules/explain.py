"""`communique rules explain`: what a rule looks for, in the form it is looked for, where, and what that costs."""

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from bot.cli.query import parse_query, print_warnings
from bot.cli.rules.selection import choose_query, complete_rule, find_sources
from bot.cli.terminal.output import Session, formats, line, styled, write_json
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
@formats(streams=False)
@click.pass_obj
def explain(session: Session, name: str | None, query: str | None, form: str | None) -> None:
    """Print the tree of a rule, the folded forms that it compares, where it looks, and what it costs.

    \b
    communique rules explain regional-command
    communique rules explain --query 'commands NOT "regional office"'
    """  # noqa: D301  click reads the backspace
    rule, parsed = choose_query(session, name, query)
    print_warnings(session, parsed)
    told = _told(session, rule, parsed)
    if form is not None:
        write_json(session, told)
        return
    for row in _lines(session, told):
        line(session, row)


def _told(session: Session, rule: "RuleConfig | None", parsed: "Query") -> dict[str, Any]:
    from bot.rules.outline import outline

    told: dict[str, Any] = {
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
    needed = _literals(session, rule, parsed)
    if needed is not None:
        told["literals"] = sorted(literal.strip() for literal in needed.any_of)
        told["decided_by_literals"] = needed.enough and not told["sources"] + told["tags"]
    try:
        archive = session.archive()
    except UserError:  # nothing collected yet
        return told
    with archive, archive.reading() as reader:
        told["cost"] = _cost(reader, rule, parsed, needed.any_of if needed else None)
    return told


def _literals(session: Session, rule: "RuleConfig | None", parsed: "Query") -> Any:
    """The strings of which one must occur before the rule is tried: chosen as among all rules of the config."""
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


def _cost(reader: "Reader", rule: "RuleConfig | None", parsed: "Query", literals: frozenset[str] | None) -> Any:
    """Measured on the archive: what a search has to read; how often the rule is tried; its time against folding."""
    from bot.rules import Rule, compile_rules
    from storage.language.fold import fold
    from storage.search.search import count_candidates

    names = find_sources(reader, rule) if rule else []
    found = count_candidates(reader, parsed, sources=names) if names or rule is None else None
    sample = _newest(reader)
    tried = sum(1 for post in sample if literals is None or _called(post, literals))
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


def _called(post: "Document", literals: frozenset[str]) -> bool:
    from storage.language.match import PreparedDocument

    return any(
        word in sheet.plain or word in sheet.closed for sheet in PreparedDocument(post).sheets for word in literals
    )


def _newest(reader: "Reader") -> "list[Document]":

    from storage.posts.reading import find_newest
    from storage.search import documents

    return list(documents.load_documents(reader, find_newest(reader, limit=_SAMPLE)).values())


def _lines(session: Session, told: dict[str, Any]) -> Iterator[str]:
    from bot.rules.outline import lines

    def row(label: str, value: str) -> str:
        return f"{styled(session, label.ljust(_LABEL), 'dim')} {one_line(value)}"

    yield styled(session, one_line(told["rule"] or "query"), "bold")
    yield row("query", told["query"])
    if told["rule"]:
        scope = [*told["sources"], *(f"tag {tag}" for tag in told["tags"])]
        yield row("looks in", ", ".join(scope) or "every source")
        yield row("tells", ", ".join(told["targets"]) or "nobody (a saved search)")
    for name, phrases in told["terms"].items():
        yield row("term", f"@{name} is any of: {' | '.join(phrases)}")
    yield ""
    yield styled(session, "looks for", "bold")
    yield from (f"  {visible(text)}" for text in lines(told["tree"]))
    yield ""
    yield styled(session, "costs", "bold")
    yield from (f"  {one_line(text)}" for text in _costs(told))


def _costs(told: dict[str, Any]) -> Iterator[str]:
    literals, cost = told["literals"], told["cost"]
    if literals is None:
        yield "as a rule it is tried on every post: no word of it must occur"
    else:
        shown = " | ".join(f"“{literal}”" for literal in literals[:_SHOWN])
        more = f" and {len(literals) - _SHOWN} more" if len(literals) > _SHOWN else ""
        told_by = (
            "decided by these words alone" if told["decided_by_literals"] else "tried only where one of these occurs"
        )
        yield f"as a rule it is {told_by}: {shown}{more}"
    if cost is None:
        yield "not measured: nothing is collected yet"
        return
    if cost["sample"]:
        yield f"in the {cost['sample']} newest posts that is {cost['tried']} times"
        yield f"its time there is {cost['share_of_folding']:.1%} of what folding their texts takes"
    if cost["posts"] is None:
        yield "no source of the archive is in its scope"
    elif cost["indexed"]:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts: the index knows which"
    else:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts: no index can help"
