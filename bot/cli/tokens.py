"""`communique tokens`: tokens of programs and feed readers: made, listed, revoked; each is shown once."""

from typing import Any

import click

from bot.cli.people import check_name, find_person, open_people
from bot.cli.terminal.output import (
    Form,
    Noun,
    Session,
    format_options,
    say,
    table_option,
    write,
    write_json,
    write_line,
)
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.contracts.amounts import duration
from bot.documents.person import token_json
from bot.errors import NotFound
from bot.foreign.text import visible
from bot.listing.times import Zone, format_time
from storage.people import tokens
from storage.people.tokens import SCOPES, Scope, TokenRow

COLUMNS = ("id", "name", "owner", "scope", "state", "made_at", "ends_at", "used_at", "revoked_at")


@click.group("tokens", cls=Noun)
def command() -> None:
    """Make, list and revoke tokens, by which programs read the API and feed readers their feeds."""


def _length(_: click.Context, __: click.Parameter, given: str) -> int | None:
    if given == "ever":
        return None
    try:
        length = duration(given)
    except ValueError as problem:
        raise click.BadParameter(f"{problem}, or `ever`") from None
    if not length:
        raise click.BadParameter("it would end at once: give a time such as 90d")
    return length


@command.command("add")
@click.argument("name")
@click.option("--owner", metavar="PERSON", required=True, help="Whose it is: it may read and do no more than they may.")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="read",
    show_default=True,
    help="feeds: addresses of feeds; read: also the API; act: also what a person does there.",
)
@click.option(
    "--for",
    "length",
    metavar="TIME",
    default="365d",
    show_default=True,
    callback=_length,
    help="How long it is good for: 12h, 90d, or `ever`.",
)
@zone_option
@format_options(streams=False)
@click.pass_obj
def add_token(
    session: Session, name: str, owner: str, scope: Scope, length: int | None, zone: Zone, form: Form | None
) -> None:
    """Make a token and print it: this once, because only a hash of it is kept.

    \b
    communique tokens add notebook --owner ann --for 90d
    communique tokens add "feed reader" --owner ann --scope feeds
    """  # noqa: D301  click reads the backspace
    name = check_name(name)
    now = session.clock.now()
    with open_people(session) as people:
        known = find_person(people, owner)
        with people.writing() as writer:
            made, secret = tokens.add_token(
                writer, name, known.id, scope, now, None if length is None else now + length
            )
    if form is not None:
        write_json(session, token_json(made, now) | {"token": secret})
        return
    until = "until it is revoked" if made.ends_at is None else f"until {format_time(made.ends_at, zone)}"
    write_line(session, secret)
    say(session, f"token {made.id} of {visible(made.owner)} ({scope}) is good {until}; it is not shown again")


@command.command("list")
@zone_option
@format_options()
@table_option
@click.pass_obj
def list_tokens(session: Session, zone: Zone, form: Form | None) -> None:
    """List every token with its owner, what it opens, and when it was last used."""
    now = session.clock.now()
    found: list[TokenRow] = []
    with open_people(session) as people:
        if people.is_there():
            with people.reading() as reader:
                found = tokens.list_tokens(reader)
    if form is not None:
        write(session, form, (token_json(one, now) for one in found), COLUMNS)
        return
    rows = [
        (
            str(one.id),
            one.name,
            one.owner,
            one.scope,
            one.state(now),
            "never" if one.ends_at is None else format_time(one.ends_at, zone),
            "never" if one.used_at is None else format_time(one.used_at, zone),
        )
        for one in found
    ]
    write_table(session, ("token", "name", "owner", "scope", "state", "ends", "last used"), rows)
    if not rows:
        say(session, "no tokens: `communique tokens add NAME --owner PERSON` makes one")


class _TokenId(click.IntRange):
    """The number of a token; what is none gets the way to one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail("give the number of a token: `communique tokens list` shows them", param, ctx)


@command.command("revoke")
@click.argument("token_id", metavar="ID", type=_TokenId(1, (1 << 63) - 1))
@click.pass_obj
def revoke_token(session: Session, token_id: int) -> None:
    """End a token for good; whoever has it reads nothing more."""
    done = False
    with open_people(session) as people:
        if people.is_there():
            with people.writing() as writer:
                done = tokens.revoke_token(writer, token_id, session.clock.now())
    if not done:
        raise NotFound(f"there is no token {token_id} that opens anything: `communique tokens list` shows them")
    write_line(session, f"token {token_id} is revoked")
