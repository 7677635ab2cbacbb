"""`communique rules explain`: what a rule looks for, in which forms, in which sources, and at what cost."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from bot.cli.query import print_warnings
from bot.cli.rules.selection import choose_query, complete_rule
from bot.cli.terminal.output import Session, format_options, style, write_json, write_line
from bot.cli.terminal.pager import pager_option
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from bot.listing.explaining import explain_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.language.query import Query

_LABEL = 10
_SHOWN = 12  # literals


@click.command("explain")
@click.argument("name", required=False, shell_complete=complete_rule)
@click.option("--query", metavar="Q", help="Explain this query instead of a rule of the config.")
@format_options(streams=False)
@pager_option
@click.pass_obj
def explain_rule(session: Session, name: str | None, query: str | None, form: str | None) -> None:
    """Print the tree of a rule, the forms that it compares, its sources and its cost.

    \b
    communique rules explain regional-command
    communique rules explain --query 'commands NOT "regional office"'
    """  # noqa: D301  click reads the backspace
    rule, parsed = choose_query(session, name, query)
    print_warnings(session, parsed, names=rule is None)
    config = session.config() if rule else None
    try:
        archive = session.archive()
    except UserError:  # nothing collected yet
        explained = explain_query(None, parsed, rule, config)
    else:
        with archive, archive.reading() as reader:
            explained = explain_query(reader, parsed, rule, config)
    if form is not None:
        write_json(session, explained)
        return
    for row in _lines(session, explained, parsed):
        write_line(session, row)


def _lines(session: Session, explained: dict[str, Any], parsed: "Query") -> Iterator[str]:
    from bot.rules.as_written import find_written
    from bot.rules.outline import lines

    show = find_written(parsed)

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
    yield from (f"  {visible(text)}" for text in lines(explained["tree"], show))
    yield ""
    yield style(session, "costs", "bold")
    yield from (f"  {one_line(text)}" for text in _describe_costs(explained, show))


def _describe_costs(explained: dict[str, Any], show: "Callable[[str], str]") -> Iterator[str]:
    literals, cost = explained["literals"], explained["cost"]
    if literals is None:
        yield "as a rule it is tried on every post, because none of its words must occur"
    else:
        shown = " | ".join(f"“{show(literal)}”" for literal in literals[:_SHOWN])
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
        yield f"of the newest posts that is {cost['tried']:,} of {cost['sample']:,}"
        yield f"its time there is {cost['share_of_folding']:.1%} of what folding their texts takes"
    if cost["posts"] is None:
        yield "no source of the archive is in its scope"
    elif cost["indexed"]:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts, which the index finds"
    else:
        yield f"as a search it reads {cost['read_by_search']:,} of {cost['posts']:,} posts, because no index can help"
