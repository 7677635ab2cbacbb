"""The running daemon, as other commands see it: whether there is one, and how to ask it for something."""

import time
from functools import partial
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session
from bot.errors import Later, Never

if TYPE_CHECKING:
    from bot.config import Config
    from bot.daemon.app import App
    from bot.daemon.journal import Journal
    from bot.daemon.wiring import Startup
    from storage.archive.database import Archive
    from storage.sources.telegram import RequestKind

_WAIT_S = 40


def open_journal(session: Session) -> "Journal":
    """What the daemon of this process says on stderr."""
    from bot.daemon.journal import Journal

    return Journal(session.err, session.clock, stamps=session.environment.journal_stream is None)


def build_app(
    session: Session,
    config: "Config",
    archive: "Archive",
    journal: "Journal | None" = None,
    *,
    stop_with_stdin: bool = False,
) -> "App":
    """The daemon of this process, not yet started."""
    from bot.daemon.app import App

    return App(config, archive, make_startup(session, journal or open_journal(session), stop_with_stdin))


def make_startup(session: Session, journal: "Journal", stop_with_stdin: bool = False) -> "Startup":
    """What a daemon of this process is started with."""
    from bot.daemon.wiring import Startup

    return Startup(
        session.environment,
        session.out,
        journal,
        session.colour,
        partial(session.config),
        session.clock,
        stop_with_stdin,
    )


def ask_daemon(session: Session, kind: "RequestKind", source: str, account: str = "") -> str:
    """Ask the daemon, which alone has the Telegram session, and wait for its answer. Raises Later and Never."""
    from storage.sources import telegram

    with session.archive() as archive:
        with archive.writing() as writer:
            request = telegram.file_request(writer, kind, source, session.clock.now(), account)
        until = session.clock.monotonic() + _WAIT_S
        while session.clock.monotonic() < until:
            with archive.reading() as reader:
                row = telegram.read_request(reader, request)
            if row.outcome == "ok":
                return row.detail or ""
            if row.outcome == "never":
                raise Never(row.detail or "refused", state="refused")
            if row.outcome == "later":
                raise Later(row.detail or "it failed")
            time.sleep(0.2)
    raise Later("the daemon has not answered yet; it is still working on it")
