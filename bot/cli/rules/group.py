"""`communique rules`: list the rules, test one on a text, explain it, replay it on collected posts."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name
from bot.cli.query import NOTHING_FOUND, parse_query, print_warnings
from bot.cli.rules.decide import decide_posts
from bot.cli.rules.explain import explain_rule
from bot.cli.rules.replay import replay_rule
from bot.cli.rules.review import review_rule
from bot.cli.rules.selection import complete_rule
from bot.cli.rules.suggest import suggest_words
from bot.cli.terminal.output import (
    NO_CONFIG,
    Form,
    Noun,
    Session,
    format_options,
    say,
    style,
    table_option,
    write,
    write_json,
    write_line,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.posts import draw_snippet
from bot.cli.terminal.table import write_table
from bot.errors import UserError
from bot.foreign.text import one_line
from bot.listing import rules
from bot.listing.snippets import cut_around
from storage.records import Hit

if TYPE_CHECKING:
    from bot.config.model import Config, RuleConfig
    from storage.answers.verdicts import VerdictCounts
    from storage.language.query import Query


@click.group("rules", cls=Noun)
def command() -> None:
    """List, test, explain and replay rules; judge what they found."""


command.add_command(explain_rule)
command.add_command(replay_rule)
command.add_command(decide_posts)
command.add_command(review_rule)
command.add_command(suggest_words)


@command.command("list")
@format_options()
@table_option
@pager_option
@click.pass_obj
def list_rules(session: Session, form: Form | None) -> None:
    """List every rule with its query, sources, targets, matches in 7 days, and verdicts of 30 days."""
    config = session.config()
    found, judged = _count_matches(session)
    if form is not None:
        write(session, form, rules.list_rules(config, found, judged), rules.RULE_COLUMNS)
        return
    write_table(
        session,
        ("name", "query", "looks in", "targets", "7 days", "30 days"),
        [_row(config, rule, found, judged.get(rule.name)) for rule in config.rules],
    )
    if not config.rules:
        say(session, "no rules yet: add a [[rules]] entry to the config" if session.has_config() else NO_CONFIG)


def _count_matches(session: Session) -> "tuple[dict[str, int], dict[str, VerdictCounts]]":
    """Matches of a week, and verdicts of a month, by the name of the rule."""
    try:
        with session.archive().reading() as reader:
            return rules.count_lately(reader, session.clock.now())
    except UserError:  # nothing collected yet
        return {}, {}


def _row(config: "Config", rule: "RuleConfig", found: dict[str, int], judged: "VerdictCounts | None") -> list[str]:
    scope = [*rule.sources, *(f"tag:{tag}" for tag in rule.tags)]
    targets = config.rule_targets(rule)
    return [
        rule.name,
        rule.query,
        " ".join(scope) or "everywhere",
        " ".join(targets) or "no target (a saved search)",
        str(found.get(rule.name, 0)),
        judged.describe() if judged else "-",
    ]


# Testing -----------------------------------------------------------------------------------------------------------


@command.command("test")
@click.argument("words", metavar="[NAME] [TEXT|-]", nargs=-1, shell_complete=complete_rule)
@click.option("--query", metavar="Q", help="Test this query instead of a rule of the config.")
@format_options(streams=False)
@click.pass_context
def test_rule(ctx: click.Context, words: tuple[str, ...], query: str | None, form: str | None) -> None:
    """Test a rule on a text from the command line or stdin, and show what it finds.

    Exit code 0 if it matches, 3 if not. The scope of the rule (its sources and tags) is not tested.

    \b
    communique rules test regional-command "They lost the regional command."
    communique rules test --query '"regional command"' - < statement.txt
    """  # noqa: D301  click reads the backspace
    session: Session = ctx.obj
    name, given = _split(words, query)
    queries = (
        [("query", parse_query(query, terms=session.terms))] if query is not None else list(_queries(session, name))
    )
    text = _read_text(ctx, given)
    for _, tree in queries:
        print_warnings(session, tree, names=query is not None)
    results = rules.try_queries(queries, text, session.clock.now())
    if form is not None:
        write_json(session, [rules.tried_json(rule, hits, text) for rule, hits in results])
    else:
        for rule, hits in results:
            for row in _describe_hits(session, rule, hits, text):
                write_line(session, row)
    if all(hits is None for _, hits in results):
        ctx.exit(NOTHING_FOUND)


def _split(words: Sequence[str], query: str | None) -> tuple[str | None, str | None]:
    """Separate NAME and TEXT: with --query there is no name, and `-` is always the text."""
    if len(words) > 2 or (query is not None and len(words) > 1):
        raise click.UsageError("give NAME or --query, then one text in quotes, or - for stdin")
    if query is not None or (len(words) == 1 and words[0] == "-"):
        return None, words[0] if words else None
    return (words[0] if words else None), (words[1] if len(words) == 2 else None)


def _queries(session: Session, name: str | None) -> "Iterator[tuple[str, Query]]":
    config = session.written_config()
    if not config.rules and name is None:
        raise UserError("there are no rules in the config: give --query")
    for rule in config.rules if name is None else (find_by_name(config.rules, name, "rule"),):
        yield rule.name, parse_query(rule.query, terms=config.phrases)


def _read_text(ctx: click.Context, given: str | None) -> str:
    """The text to test. Raises UsageError instead of waiting silently for a terminal."""
    import sys

    if given is not None and given != "-":
        return given.encode(errors="replace").decode()
    if given is None and sys.stdin.isatty():
        raise click.UsageError("give a text in quotes, or - and a text on stdin", ctx)
    return sys.stdin.buffer.read().decode(errors="replace")


def _describe_hits(session: Session, rule: str, hits: tuple[Hit, ...] | None, text: str) -> Iterator[str]:
    if hits is None:
        yield f"{style(session, one_line(rule), 'bold')}  {style(session, 'does not match', 'red')}"
        return
    yield f"{style(session, one_line(rule), 'bold')}  {style(session, 'matches', 'green')}"
    for hit in hits:
        yield f"    {draw_snippet(session, tuple(cut_around(text, [hit])), highlight=True)}"
        words = one_line(text[hit.start : hit.end])
        yield f"    “{words}” from letter {hit.start + 1}, found as “{one_line(hit.form)}”"
    if not hits:
        yield "    no passages: it matches by fields, or by words that are absent"
