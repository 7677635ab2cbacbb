"""`communique sources`: list what is watched, check and backfill it, pause it and go on."""

from difflib import get_close_matches

import click

from bot.cli import Lazy, LazyGroup
from bot.cli.output import Form, Session, formats, line, say, source_argument, table, write
from bot.cli.status import source_document
from bot.cli.times import Zone, shown, zone_option
from bot.errors import UserError
from bot.foreign import visible
from storage.standing import Watch

COLUMNS = (
    "name",
    "kind",
    "state",
    "reason",
    "state_since",
    "tags",
    "side",
    "handle",
    "channel_id",
    "title",
    "enabled",
    "paused",
    "failures",
    "first_contact_at",
    "last_ok_at",
    "last_post_at",
    "watched_since",
    "watched_rounds",
    "next_poll_at",
    "high_water",
    "posts",
    "deleted",
    "open_gaps",
)
_BACKFILL = {
    "check": Lazy("bot.cli.backfill", "Ask a source once and say what it shows; nothing is stored.", "check"),
    "backfill": Lazy("bot.cli.backfill", "Fetch the history of a source in resumable pages.", "backfill"),
}


@click.group("sources", cls=LazyGroup, lazy=_BACKFILL)
def command() -> None:
    """List, check, backfill, pause and resume sources."""


@command.command("list")
@zone_option
@formats()
@click.pass_obj
def listed(session: Session, zone: Zone, form: Form | None) -> None:
    """List every source with its state, last post and open gaps."""
    watches = _known(session)
    if form is not None:
        write(session, form, (source_document(watch) for watch in watches), COLUMNS)
        return
    table(
        session,
        ("name", "kind", "state", "last post", "up to", "open gaps", "next round", "reason"),
        [_row(watch, zone) for watch in watches],
    )
    if not watches:
        say(session, "no sources yet: add a [[sources]] entry to the config")


@command.command("pause")
@source_argument
@click.pass_obj
def pause(session: Session, name: str) -> None:
    """Ask this source no more until it is resumed.

    What it publishes meanwhile is caught up with then.
    """
    from storage import sources

    with session.archive() as archive:
        with archive.writing() as writer:
            done = sources.pause(writer, name)
        if not done:
            raise _unknown(session, name)
    line(session, f"{visible(name)} is paused: `communique sources resume {visible(name)}` goes on")


@command.command("resume")
@source_argument
@click.pass_obj
def resume(session: Session, name: str) -> None:
    """Ask this source again, even one that had stopped for good."""
    from storage import sources

    with session.archive() as archive:
        with archive.writing() as writer:
            done = sources.resume(writer, name, session.clock.now())
        if not done:
            raise _unknown(session, name)
    line(session, f"{visible(name)} is asked again from the next round on")


def _known(session: Session) -> list[Watch]:
    """Sources of the archive, and those of the config that no run has seen yet."""
    from storage.standing import watches

    try:
        with session.archive().reading() as reader:
            known = list(watches(reader))
    except UserError:
        known = []
    import json

    named = {watch.name for watch in known}
    return known + [
        Watch(source.name, source.kind, json.dumps(source.tags), source.side, enabled=source.enabled)
        for source in session.config().sources
        if source.name not in named
    ]


def _row(watch: Watch, zone: Zone) -> list[str]:
    state = "paused" if watch.paused else watch.state if watch.enabled else f"{watch.state} (not in the config)"
    upcoming = max(watch.next_poll_at, watch.hold_until or 0)
    return [
        watch.name,
        watch.kind,
        state,
        shown(watch.last_post_at, zone),
        "-" if watch.high_water is None else str(watch.high_water),
        str(watch.gaps),
        shown(upcoming, zone) if upcoming and watch.enabled and not watch.paused else "-",
        watch.reason or "",
    ]


def _unknown(session: Session, name: str) -> UserError:
    from storage.standing import watches

    with session.archive().reading() as reader:
        names = [watch.name for watch in watches(reader)]
    close = get_close_matches(name, names, n=1)
    hint = f": did you mean {visible(close[0])}?" if close else "; `communique sources list` names them"
    return UserError(f"the archive knows no source {visible(name)}{hint}")
