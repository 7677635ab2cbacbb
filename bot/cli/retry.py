"""`communique alerts retry`: sends again what was given up, what waits, and what a mute holds."""

from typing import TYPE_CHECKING

import click

from bot.cli.mutes import find_mute
from bot.cli.names import find_by_name
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, complete_name, say, write_line
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count
from bot.foreign.text import visible
from bot.listing.names import find_story
from bot.listing.times import Zone, format_time
from storage.alerts import retrying

if TYPE_CHECKING:
    from storage.alerts.retrying import Retried


@click.command("retry")
@click.argument("alert_id", metavar="[ID]", type=WholeNumber(1), required=False)
@click.option("--dead", is_flag=True, help="Only messages that were given up.")
@click.option(
    "--target",
    metavar="NAME",
    help="Only messages to this target.",
    shell_complete=lambda ctx, _, typed: complete_name(ctx, "targets", typed),
)
@click.option("--mute", "mute_id", metavar="ID", type=WholeNumber(1), help="Everything that this mute holds.")
@zone_option
@click.pass_context
def retry_alerts(
    ctx: click.Context, alert_id: int | None, dead: bool, target: str | None, mute_id: int | None, zone: Zone
) -> None:
    """Send undelivered messages again at once, and resume suspended targets; give an ID, --dead, --target or --mute.

    Messages that wait for their next attempt are due now too. What a mute holds is sent if you give the ID of the alert
    or of the mute; of a statement and its copies, --mute sends one message. An alert about a copy, which was joined, is
    sent if you give its ID. No mute holds what you send again.

    A running `communique run` sends them within seconds; otherwise the next one does. Exit code 3 if there is nothing
    to send.
    """
    session: Session = ctx.obj
    if mute_id is not None:
        _send_muted(ctx, mute_id, alone=alert_id is None and not dead and target is None, zone=zone)
        return
    if (alert_id is not None) == (dead or target is not None) and (alert_id is None or dead):
        raise click.UsageError(
            "Give the ID of one alert, --dead for all that were given up, --target NAME, or --mute ID."
        )
    if target is not None:
        find_by_name(session.written_config().targets, target, "target")
    now = session.clock.now()
    with session.archive() as archive:
        if alert_id is not None:
            with archive.reading() as reader:
                find_story(reader, alert_id)
        with archive.writing() as writer:
            done = retrying.retry(writer, now, match_id=alert_id, target=target, dead_only=dead)
    _print_retried(session, done, zone)
    if not done.due:
        say(session, _why_nothing(done, alert_id, zone))
        ctx.exit(NOTHING_FOUND)


def _send_muted(ctx: click.Context, mute_id: int, *, alone: bool, zone: Zone) -> None:
    from bot.alerts.muting import release

    if not alone:
        raise click.UsageError("Give --mute ID alone.")
    session: Session = ctx.obj
    config = session.config()
    folding = {target.name for target in config.targets if target.fold and config.events.enabled}
    with session.archive() as archive, archive.writing() as writer:
        find_mute(writer, mute_id)
        done, copies = release(writer, mute_id, folding, session.clock.now())
    _print_retried(session, done, zone)
    if copies:
        write_line(session, f"{format_count(copies, 'alert')} about copies joined to them")
    if not done.due:
        say(session, f"nothing to send again: mute {mute_id} holds nothing (`communique alerts mutes --all`)")
        ctx.exit(NOTHING_FOUND)


def _print_retried(session: Session, done: "Retried", zone: Zone) -> None:
    if done.due:
        write_line(session, f"{format_count(done.due, 'message')} queued again")
    if done.opened:
        write_line(session, f"targets resumed: {visible(', '.join(done.opened))}")
    for name, until in done.held:
        when = format_time(until, zone, seconds=True)
        write_line(session, f"{visible(name)} has asked for a pause: nothing is sent to it before {when}")


def _why_nothing(done: "Retried", alert_id: int | None, zone: Zone) -> str:
    if alert_id is None:
        return "nothing to send again: no such message is waiting or was given up"
    if not done.settled:
        return f"nothing to send again: alert {alert_id} was sent to no target (`communique alerts why {alert_id}`)"
    states = (f"{state} to {name} {format_time(at, zone, unknown='now')}" for name, state, at in done.settled)
    return f"nothing to send again: alert {alert_id} was {', '.join(states)}"
