"""`communique alerts ack` and `alerts verdict`: answers to alerts, from the command line."""

import os
import pwd
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, format_options, write_json, write_line
from bot.cli.terminal.times import zone_option
from bot.errors import UserError
from bot.listing.times import Zone, format_time

if TYPE_CHECKING:
    from storage.answers.verdicts import Verdict

_Command = TypeVar("_Command", bound=Callable[..., Any])


def by_option(command: _Command) -> _Command:
    """Give the command `--by`, which it gets as `who`; None where it was not given: see `find_person`."""
    words = "Who says so; by default the user of this system."
    return click.option("--by", "who", metavar="NAME", callback=check_by, help=words)(command)


def check_by(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    """The name of a person, as `--by` gives it: not an empty one."""
    if given is not None and not given.strip():
        raise click.BadParameter("the name is empty: give --by NAME, or leave it out")
    return given


def find_person(who: str | None) -> str:
    """The name of the person who answers. Raises UserError where the system knows none."""
    if who is not None:
        return who
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise UserError("this system has no name for you: give --by NAME") from None


@click.command("ack")
@click.argument("alert_id", metavar="ID", type=WholeNumber(1))
@by_option
@zone_option
@format_options(streams=False)
@click.pass_obj
def acknowledge_alert(session: Session, alert_id: int, who: str | None, zone: Zone, form: str | None) -> None:
    """Say that somebody takes up the event of an alert, so that it does not escalate.

    The first one has it; who comes later learns who has it. It counts for every alert about the event.
    """
    from bot.answers.answering import acknowledge
    from bot.documents.alert import acked_json

    with session.archive() as archive, archive.writing() as writer:
        found = acknowledge(writer, alert_id, find_person(who), session.clock.now())
    if form is not None:
        write_json(session, {"id": str(alert_id), "acked": acked_json(found.acked), "first": found.first})
        return
    when = "" if found.first else f", {format_time(found.acked.at, zone, seconds=True)}"
    write_line(session, f"{found.sentence()}{when}")


@click.command("verdict")
@click.argument("alert_id", metavar="ID", type=WholeNumber(1))
@click.argument("verdict", type=click.Choice(("useful", "noise")))
@by_option
@click.pass_obj
def judge_alert(session: Session, alert_id: int, verdict: "Verdict", who: str | None) -> None:
    """Say whether what a rule found was useful or noise; your last word counts.

    It changes no rule: `communique rules review` asks about many, `rules suggest` says what would help.
    """
    from bot.answers import answering

    with session.archive() as archive, archive.writing() as writer:
        said = answering.judge_alert(writer, alert_id, find_person(who), verdict, session.clock.now())
    write_line(session, said)
