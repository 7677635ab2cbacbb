"""`communique sources`: list sources, check, backfill, join, pause and resume one."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bot.cli import Lazy, LazyGroup
from bot.cli.daemon import ask_daemon
from bot.cli.names import name_source, unknown_name
from bot.cli.terminal.output import (
    NO_CONFIG,
    Form,
    Session,
    format_options,
    say,
    say_once,
    source_argument,
    table_option,
    write,
    write_line,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.documents.lengths import format_length
from bot.errors import ConfigError, UserError
from bot.foreign.text import one_line, visible
from bot.listing.account import explain_account
from bot.listing.running import find_daemon
from bot.listing.sources import SOURCE_COLUMNS, AccountView, describe_sources, find_fallbacks, name_new, read_accounts
from bot.listing.times import Zone, format_time
from storage.status import Watch

if TYPE_CHECKING:
    from bot.config.entries import SourceEntry

_LAZY = {
    "add": Lazy("bot.cli.sources.add", "Find out what an address is, and print the lines that watch it."),
    "remove": Lazy("bot.cli.sources.edit", "Take a source out of the config file; its archive stays.", "remove"),
    "rename": Lazy("bot.cli.sources.edit", "Give a source another name in the config file.", "rename"),
    "import": Lazy("bot.cli.sources.opml", "Make entries of a list of feeds (OPML).", "import_list"),
    "export": Lazy("bot.cli.sources.opml", "Print the feeds of the config as OPML.", "export_list"),
    "check": Lazy("bot.cli.sources.check", "Ask sources once and show what they answer; nothing is stored."),
    "rhythm": Lazy("bot.cli.sources.rhythm", "Draw when a source usually posts, and when it would have been reported."),
    "ack": Lazy(
        "bot.cli.sources.rhythm", "Accept that a source is silent, until it is silent for as long again.", "acknowledge"
    ),
    "history": Lazy("bot.cli.sources.history", "List what has changed about who a source is."),
    "accept": Lazy("bot.cli.sources.accept", "Follow the new owner of a source's name, or where it has moved to."),
    "recheck": Lazy("bot.cli.sources.recheck", "Look at a post again: was it edited or deleted?"),
    "backfill": Lazy("bot.cli.sources.backfill", "Fetch the history of a source; it can be interrupted and continued."),
}


@click.group("sources", cls=LazyGroup, lazy=_LAZY)
def command() -> None:
    """Add, list, check, backfill, pause and resume sources."""


@command.command("list")
@zone_option
@format_options()
@table_option
@pager_option
@click.pass_obj
def list_sources(session: Session, zone: Zone, form: Form | None) -> None:
    """List every source with its state, last post and open gaps."""
    watches = _read_sources(session)
    view = _read_account(session, watches)
    if form is not None:
        documents = describe_sources(watches, _read_config(session), view)
        write(session, form, documents, SOURCE_COLUMNS)
        return
    write_table(
        session,
        ("name", "kind", "mode", "state", "last post", "lag", "up to", "open gaps", "planned", "next round", "reason"),
        [_row(watch, view, zone) for watch in watches],
    )
    for sentence in (*_describe_account(session, view, zone), *_describe_missing_fallbacks(session, watches)):
        say(session, one_line(sentence))
    if not watches:
        say(session, "no sources yet: add a [[sources]] entry to the config" if session.has_config() else NO_CONFIG)


@command.command("join")
@source_argument
@click.pass_obj
def join_channel(session: Session, name: str) -> None:
    """Join the channel of a `telegram` source with the account: new posts then arrive at once.

    The running daemon does it, because only it has the session.
    """
    name = name_source(session, name)
    if not any(watch.name == name for watch in _read_sources(session)):
        raise _unknown(session, name)
    if not find_daemon(session.data_dir()).running:
        raise UserError("no daemon is running, and only it has the session: start `communique run`, then try again")
    write_line(session, visible(ask_daemon(session, "join", name)))


@command.command("pause")
@source_argument
@click.pass_obj
def pause_source(session: Session, name: str) -> None:
    """Stop polling a source until it is resumed.

    Posts that it publishes meanwhile are fetched after that.
    """
    from storage.sources import states

    name = name_source(session, name)
    with session.archive() as archive:
        with archive.writing() as writer:
            done = states.pause(writer, name)
        if not done:
            raise _unknown(session, name)
    write_line(session, f"{visible(name)} is paused; to resume: communique sources resume {visible(name)}")


@command.command("resume")
@source_argument
@click.pass_obj
def resume_source(session: Session, name: str) -> None:
    """Poll a source again, even one that had stopped for good."""
    from storage.sources import states

    name = name_source(session, name)
    with session.archive() as archive:
        with archive.writing() as writer:
            done = states.resume(writer, name, session.clock.now())
        if not done:
            raise _unknown(session, name)
    write_line(session, f"{visible(name)} is polled again from the next round on")


def _read_sources(session: Session) -> list[Watch]:
    """Sources of the archive, and those of the config that are not in the archive yet."""
    from storage.status import read_watches

    try:
        with session.archive().reading() as reader:
            known = list(read_watches(reader))
    except UserError:
        known = []
    return known + name_new(known, _read_config(session))


def _read_config(session: Session) -> "Sequence[SourceEntry]":
    """The sources of the config; none, and a warning, where it cannot be read: the archive is shown all the same."""
    from bot.config.entries import list_sources

    try:
        return list_sources(session.config_flag, session.environment)
    except ConfigError as broken:
        say_once(session, f"warning: sources that are only in the config are left out: {broken.problems[0]}")
        return ()


def _read_account(session: Session, watches: list[Watch]) -> AccountView:
    try:
        with session.archive().reading() as reader:
            return read_accounts(reader, watches, session.clock.now())
    except UserError:
        return AccountView()


def _describe_account(session: Session, view: AccountView, zone: Zone) -> Iterator[str]:
    for account in view.accounts.values():
        name = f" {account.account}" if account.account else ""
        since = format_time(account.state_since, zone)
        idle = (
            " when it was last used: no daemon is running" if find_daemon(session.data_dir()).running is False else ""
        )
        yield f"telegram account{name}: {account.state} since {since}{idle}{explain_account(account)}"
    for method, until in view.waits.items():
        yield f"telegram: rate-limited, {method} waits until {format_time(until, zone, seconds=True)}"


def _describe_missing_fallbacks(session: Session, watches: list[Watch]) -> Iterator[str]:
    """Sources with no fallback although the config allows one."""
    for name, second in find_fallbacks(watches, _read_config(session)).items():
        if second == "nothing":
            yield (f"{name}: no fallback without the account: the channel's public name is unknown")


def _row(watch: Watch, view: AccountView, zone: Zone) -> list[str]:
    state = (
        "paused"
        if watch.paused
        else watch.state
        if watch.enabled
        else f"{watch.state} (disabled, or not in the config)"
    )
    upcoming = max(watch.next_poll_at, watch.hold_until or 0)
    return [
        watch.name,
        watch.kind,
        view.mode(watch.name) or "-",
        state,
        format_time(watch.last_post_at, zone),
        "-" if (lag := view.lags.get(watch.name)) is None else format_length(lag),
        "-" if watch.high_water is None else str(watch.high_water),
        str(watch.gaps),
        "-" if watch.pace is None else format_length(watch.pace),
        format_time(upcoming, zone) if upcoming and watch.enabled and not watch.paused else "-",
        watch.reason or "",
    ]


def _unknown(session: Session, name: str) -> UserError:
    from storage.sources.names import read_tags

    with session.archive().reading() as reader:
        return unknown_name(name, read_tags(reader), "source", "the archive")
