"""`communique sources check`: ask a source once and show what it answers."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import click

from bot.cli.daemon import ask_daemon, build_app
from bot.cli.names import expect_enabled, find_source
from bot.cli.terminal.output import Session, format_count, format_options, say, source_argument, write_json, write_line
from bot.documents.as_json import iso
from bot.errors import AlreadyRunning, Later, Never
from bot.foreign.text import NOT_UNDERSTOOD, one_line

if TYPE_CHECKING:
    from bot.config import Config
    from bot.contracts.source import SourceSettings
    from storage.records import Batch


@click.command("check")
@source_argument
@format_options(streams=False)
@click.pass_obj
def command(session: Session, name: str, form: str | None) -> None:
    """Ask a source once and show what it answers; nothing is stored.

    Exit code 1 if it failed and may work later, 5 if a person must act first.
    """
    config = session.written_config()
    settings = find_source(config.sources, name)
    name = settings.name
    try:
        if settings.reads_with_account:
            expect_enabled(settings)
            answer = _ask_with_account(session, config, name)
            document: dict[str, object] = {"said": answer}
            sentence = f"{name}: {one_line(answer)}"
        else:
            batch = asyncio.run(_fetch(session, config, settings))
            newest = iso(max((post.posted_at for post in batch.posts if post.posted_at is not None), default=None))
            document = _document(batch, newest)
            sentence = _sentence(name, batch, newest)
    except (Later, Never) as error:
        if form == "json":
            write_json(session, {"source": name, "ok": False, "state": error.state, "reason": str(error)})
        raise
    if form == "json":
        write_json(session, {"source": name, "ok": True, **document})
    else:
        write_line(session, sentence)


def _ask_with_account(session: Session, config: "Config", name: str) -> str:
    """Only one process may use the Telegram session: a running daemon, otherwise this one."""
    from bot.daemon import backfill
    from bot.daemon.lock import open_archive

    try:
        with open_archive(config.data_dir, session.clock.now(), partial(say, session)) as archive:

            async def look() -> str:
                return await backfill.check(build_app(session, config, archive), name)

            return asyncio.run(look())
    except AlreadyRunning:
        return ask_daemon(session, "check", name)


async def _fetch(session: Session, config: "Config", settings: "SourceSettings") -> "Batch":
    from bot import sources
    from bot.contracts.source import SourceTools, Want
    from bot.http import Http

    tools = SourceTools(Http(config.http_rules(), session.clock), session.clock, config.directory)
    try:
        return await sources.build(settings, tools).fetch(Want(), None)
    finally:
        await tools.aclose()


def _document(batch: "Batch", newest: str | None) -> dict[str, object]:
    return {
        "title": batch.title,
        "channel_id": batch.channel_id,
        "posts": len(batch.posts),
        "unreadable": len(batch.quarantined),
        "newest": newest,
    }


def _sentence(name: str, batch: "Batch", newest: str | None) -> str:
    title = f" “{one_line(batch.title)}”" if batch.title else ""
    number = f" (channel id {one_line(batch.channel_id)})" if batch.channel_id else ""
    last = f", the newest from {newest}" if newest is not None else ""
    unreadable = f", {format_count(len(batch.quarantined), 'unreadable piece')}" if batch.quarantined else ""
    undated = sum(1 for post in batch.posts if post.posted_at is None and post.posted_raw.strip())
    odd = f", {NOT_UNDERSTOOD} of {format_count(undated, 'post')}" if undated else ""
    why = f" ({one_line(batch.detail)})" if batch.detail else ""
    return f"{name}: ok{title}{number}: {format_count(len(batch.posts), 'post')}{last}{odd}{unreadable}{why}"
