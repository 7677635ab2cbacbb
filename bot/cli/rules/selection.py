"""Which rule or query a command of `rules` is about, and which sources it covers."""

from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name
from bot.cli.query import parse_query
from bot.cli.terminal.output import Session, complete_name

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from storage.language.query import Query


def complete_rule(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a rule in the shell."""
    return complete_name(ctx, "rules", incomplete)


def choose_query(session: Session, name: str | None, query: str | None) -> "tuple[RuleConfig | None, Query]":
    """The rule NAME with its query, or the query of --query. Raises UserError, and UsageError for both or none."""
    if (name is None) == (query is None):
        raise click.UsageError("give the NAME of a rule, or --query")
    if name is None:
        return None, parse_query(query or "", terms=session.terms)
    config = session.written_config()
    rule = find_by_name(config.rules, name, "rule")
    return rule, parse_query(rule.query, terms=config.phrases)
