"""`communique alerts preview`: the next digest of a target, as it would be now."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import Form, Session, complete_name, format_options, say, write_json, write_line
from bot.cli.terminal.times import zone_option
from bot.foreign.text import visible
from bot.listing.times import Zone, format_time

if TYPE_CHECKING:
    from bot.config import Config
    from bot.contracts.target import Shows, TargetSettings


@click.command("preview")
@click.argument("target", metavar="TARGET", shell_complete=lambda ctx, _, typed: complete_name(ctx, "targets", typed))
@zone_option
@format_options(streams=False)
@click.pass_context
def preview_digest(ctx: click.Context, target: str, zone: Zone, form: Form | None) -> None:
    """Show the next digest of a target: what is held so far, what its timetable has counted so far. Sends nothing.

    If several would come, all are shown, the first one first; --json prints the first one as the body of a webhook.
    Exit code 3 if nothing is held and the target has no timetable.
    """
    from bot.alerts.digests.due import DigestPlan
    from bot.alerts.digests.preview import preview
    from bot.alerts.loaded_rules import LoadedRules
    from bot.contracts.message import Shows

    session: Session = ctx.obj
    config = session.written_config()
    settings = find_by_name(config.targets, target, "target")
    shows = Shows("json") if form is not None else _shown_by(session, config, settings)
    rendering = LoadedRules.of(config).rendering(config.zone)
    with session.archive().reading() as reader:
        found = preview(reader, target, DigestPlan.of(config), rendering, shows, session.clock.now())
    if not found:
        why = "" if settings.digest is None else "; its timetable begins with the next `communique run`"
        say(session, f"no digest of {visible(target)} is due: nothing is held, and it has no timetable in use{why}")
        ctx.exit(NOTHING_FOUND)
    if form is not None:
        first = found[0].message
        if first.body is None:
            write_json(session, first.document)
        else:
            write_line(session, b"".join(first.body.pieces()).decode())
            first.body.close()
        return
    for place, one in enumerate(found):
        when = "soon" if one.due is None else format_time(one.due, zone)
        say(session, f"due {when}")
        write_line(session, "\n" * bool(place) + one.message.text)


def _shown_by(session: Session, config: "Config", settings: "TargetSettings") -> "Shows":
    """What the target can show, with the marks of this terminal instead of its markup."""
    import sys

    from bot.alerts import targets
    from bot.contracts.target import TargetTools
    from bot.http import Http

    http = Http(config.http_rules(), session.clock)
    tools = TargetTools(http, session.clock, config.zone, sys.stdout, session.colour)
    shows = targets.build(settings, tools).shows
    return replace(shows, form="ansi" if session.colour else "text", local=True, words=True)
