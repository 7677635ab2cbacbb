"""`communique run`: the daemon in the foreground; --once makes one pass."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import click

from bot.cli.daemon import build_app, make_startup, open_journal
from bot.cli.terminal.output import Session
from bot.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.daemon.app import App
    from bot.daemon.journal import Journal


@click.command("run")
@click.option(
    "--once", is_flag=True, help="Poll every source once, deliver what is due, and exit: 1 if no source could be read."
)
@click.option(
    "--new-archive", is_flag=True, help="Set aside a database that is not the right one, and begin an empty one."
)
@click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Stop when stdin is closed: for the demo.")
@click.pass_obj
def command(session: Session, once: bool, new_archive: bool, stop_with_stdin: bool) -> None:
    """Watch every configured source until Ctrl-C or SIGTERM; SIGHUP reads the config again.

    It also stops when the terminal that it was started in is closed, unless it was started with nohup.

    Alerts of a `console` target go to stdout, everything else to stderr.
    """
    from bot.daemon.lock import open_archive
    from bot.daemon.room import Room
    from bot.heap import share_heap

    share_heap()
    config = session.written_config()
    if not any(source.enabled for source in config.sources):
        place = str(config.path or "config.toml")
        raise ConfigError(
            (Problem("sources", "there is no source to watch: add a [[sources]] entry, or uncomment one", path=place),)
        )
    journal = open_journal(session)
    for warning in (*config.warnings, *config.silent):
        journal(f"warning: {warning}")
    try:
        room = Room(config, make_startup(session, journal))
        wait, now = (None if once else room.wait), session.clock.now()
        with open_archive(config.data_dir, now, journal, new_archive=new_archive, wait=wait) as archive:
            room.begin()
            app = partial(build_app, session, config, archive, journal, stop_with_stdin=stop_with_stdin)
            raise SystemExit(_run(app, journal, once=once))
    finally:
        journal.drain()


def _run(build: "Callable[[], App]", journal: "Journal", *, once: bool) -> int:
    import gc
    import logging

    import bot.daemon.app  # before the freeze
    from bot.daemon.journal import LogLines
    from bot.daemon.once import run_once

    if not once:
        import bot.daemon.schedule  # noqa: F401

    # What is imported now is never collected: without this a full collection stalls the loop for tens of milliseconds.
    # The little rubbish among it, less than a megabyte, stays too: looking for it costs a twentieth of the start.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)

    logging.getLogger().addHandler(LogLines(journal))

    async def live() -> int:
        app = build()
        return await (run_once(app) if once else app.run())

    return asyncio.run(live())
