"""`communique sources check`: ask sources once and show what they answer."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from bot.cli.daemon import ask_daemon, build_app
from bot.cli.names import expect_enabled, find_source
from bot.cli.sources.advice import advise
from bot.cli.terminal.output import Session, format_options, say, source_arguments, write_json, write_line
from bot.clock import DAY, SECOND
from bot.documents.as_json import iso
from bot.documents.counts import format_count
from bot.errors import AlreadyRunning, Later, Never, UserError
from bot.foreign.text import NOT_UNDERSTOOD, one_line
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.config import Config
    from bot.contracts.source import Source, SourceSettings
    from storage.records import Batch, SourceRow

_AT_ONCE = 16
_RATE_DAYS = 28


@dataclass(frozen=True, slots=True)
class KnownSource:
    """What the archive has of a source: its row, and how many posts a day it publishes; None: nothing yet."""

    row: "SourceRow | None" = None
    per_day: float | None = None


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What one source answered: a reply, the sentence of the account, or a failure."""

    name: str
    kind: str
    known: KnownSource
    batch: "Batch | None" = None
    said: str = ""
    failure: Later | Never | None = None


@click.command("check")
@source_arguments
@format_options(streams=False)
@click.pass_context
def command(ctx: click.Context, names: Sequence[str], form: str | None) -> None:
    """Ask sources once and show what they answer; nothing is stored. Without NAME: every source that is enabled.

    Exit code 1 if one failed and may work later, 5 if a person must act first.
    """
    session: Session = ctx.obj
    config = session.written_config()
    chosen = [find_source(config.sources, name) for name in names]
    if len(chosen) == 1:
        answers = _ask(session, config, chosen)
        _show_one(session, answers[0], form)
        return
    answers = _ask(session, config, chosen or [source for source in config.sources if source.enabled])
    if not answers:
        say(
            session, "no source is enabled: add a [[sources]] entry to the config, or remove `enabled = false` from one"
        )
    if form == "json":
        write_json(session, [_document(answer) for answer in answers])
    else:
        for answer in answers:
            for line in _describe(answer):
                write_line(session, line)
    failures = [answer.failure for answer in answers if answer.failure is not None]
    ctx.exit(5 if any(isinstance(one, Never) for one in failures) else int(bool(failures)))


def _show_one(session: Session, answer: SourceAnswer, form: str | None) -> None:
    """Print one answer; raises its failure."""
    if form == "json":
        write_json(session, _document(answer))
    else:
        for line in _describe(answer):
            write_line(session, line)
    if answer.failure is not None:
        raise answer.failure


def _ask(session: Session, config: "Config", chosen: "Sequence[SourceSettings]") -> list[SourceAnswer]:
    """The answers in this order: pages all at once, then what the account reads."""
    known = _read_known(session, [source.name for source in chosen])
    pages = [source for source in chosen if not source.reads_with_account]
    found = {answer.name: answer for answer in asyncio.run(_fetch_all(session, config, pages, known))}
    for source in chosen:
        if source.name not in found:
            found[source.name] = _ask_with_account(session, config, source, known[source.name])
    return [found[source.name] for source in chosen]


def _read_known(session: Session, names: Sequence[str]) -> dict[str, KnownSource]:
    from storage.posts.ids import first_id
    from storage.sources.rhythm import count_posts
    from storage.sources.states import find_source as find_row

    known = dict.fromkeys(names, KnownSource())
    begin = session.clock.now() - _RATE_DAYS * DAY
    with suppress(UserError), session.archive(says=False).reading() as reader:  # nothing collected yet
        for name in names:
            row = find_row(reader, name)
            if row is not None:
                posts = count_posts(reader, row.id, begin, first_id(begin // SECOND))
                known[name] = KnownSource(row, posts / _RATE_DAYS if posts else None)
    return known


def _ask_with_account(session: Session, config: "Config", source: "SourceSettings", known: KnownSource) -> SourceAnswer:
    """Only one process may use the Telegram session: a running daemon, otherwise this one."""
    from bot.daemon import backfill
    from bot.daemon.lock import open_archive

    expect_enabled(source)
    name = source.name
    try:
        try:
            with open_archive(config.data_dir, session.clock.now(), partial(say, session)) as archive:

                async def look() -> str:
                    return await backfill.check(build_app(session, config, archive), name)

                return SourceAnswer(name, source.kind, known, said=asyncio.run(look()))
        except AlreadyRunning:
            return SourceAnswer(name, source.kind, known, said=ask_daemon(session, "check", name))
    except (Later, Never) as failure:
        return SourceAnswer(name, source.kind, known, failure=failure)


async def _fetch_all(
    session: Session, config: "Config", chosen: "Sequence[SourceSettings]", known: dict[str, KnownSource]
) -> list[SourceAnswer]:
    from bot import sources
    from bot.contracts.source import SourceTools
    from bot.http import Http

    http = Http(config.http_rules(), session.clock)
    tools, places = SourceTools(http, session.clock, config.directory), asyncio.Semaphore(_AT_ONCE)

    async def ask(settings: "SourceSettings") -> SourceAnswer:
        name, kind, before = settings.name, settings.kind, known[settings.name]
        async with places:
            try:
                batch = await look(sources.build(settings, tools), before.row)
                return SourceAnswer(name, kind, before, batch)
            except (Later, Never) as failure:
                return SourceAnswer(name, kind, before, failure=failure)

    try:
        return list(await asyncio.gather(*map(ask, chosen)))
    finally:
        await http.aclose()


async def look(source: "Source", row: "SourceRow | None") -> "Batch":
    """What the source shows: an account that is known by an id is asked under it, as the daemon does."""
    from bot.contracts.source import Want
    from bot.intake.owner import expect_owner

    batch = await source.fetch(Want(), row.cursor if row is not None and row.channel_id is not None else None)
    if row is not None:
        expect_owner(row, batch)
    return batch


def _per_day(answer: SourceAnswer) -> float | None:
    """Posts a day in the archive, or else as far as the reply tells."""
    if answer.known.per_day is not None or answer.batch is None:
        return answer.known.per_day
    times = sorted(post.posted_at for post in answer.batch.posts if post.posted_at is not None)
    return (len(times) - 1) * DAY / (times[-1] - times[0]) if len(times) > 2 and times[-1] > times[0] else None


def _document(answer: SourceAnswer) -> dict[str, object]:
    row, rate = answer.known.row, _per_day(answer)
    often = None if rate is None else round(rate, 2)
    if answer.failure is not None:
        return {
            "source": answer.name,
            "ok": False,
            "state": answer.failure.state,
            "reason": str(answer.failure),
            "to_do": advise(answer.failure),
            "title": row.title if row is not None else None,
            "channel_id": row.channel_id if row is not None else None,
            "handle": row.handle if row is not None else None,
            "way": answer.kind,
            "newest": _newest(answer),
            "per_day": often,
            "last_ok": iso(row.last_ok_at) if row is not None else None,
        }
    if answer.batch is None:
        return {"source": answer.name, "ok": True, "said": answer.said}
    batch = answer.batch
    return {
        "source": answer.name,
        "ok": True,
        "title": batch.title,
        "channel_id": batch.channel_id,
        "handle": batch.handle,
        "pinned": row is not None and row.channel_id is not None and row.channel_id == batch.channel_id,
        "way": batch.method or answer.kind,
        "posts": len(batch.posts),
        "unreadable": len(batch.quarantined),
        "newest": _newest(answer),
        "per_day": often,
    }


def _newest(answer: SourceAnswer) -> str | None:
    """When the newest post was published, in the answer or in the archive: an answer may be the first part of many."""
    shown = [post.posted_at for post in answer.batch.posts] if answer.batch is not None else []
    known = answer.known.row.last_post_at if answer.known.row is not None else None
    return iso(max((at for at in (*shown, known) if at is not None), default=None))


def _describe(answer: SourceAnswer) -> Iterator[str]:
    """The answer in one line; for a failure also what is known of the source, and what a person can do."""
    if answer.failure is not None:
        yield f"{answer.name}: {answer.failure.state}: {one_line(answer.failure.reason)}"
        yield f"  {_known(answer)}"
        yield f"  {one_line(advise(answer.failure))}"
    elif answer.batch is None:
        yield f"{answer.name}: {one_line(answer.said)}"
    else:
        yield _sentence(answer, answer.batch)


def _known(answer: SourceAnswer) -> str:
    """What the archive has of a source that fails."""
    row = answer.known.row
    if row is None or row.last_ok_at is None:
        return f"it has never answered; asked by {answer.kind}"
    title = f" as “{one_line(row.title)}”" if row.title else ""
    number = f" (channel id {one_line(row.channel_id)})" if row.channel_id else ""
    return f"known{title}{number}{_habit(answer)}, last answer {iso(row.last_ok_at)}, asked by {answer.kind}"


def _habit(answer: SourceAnswer) -> str:
    newest, rate = _newest(answer), _per_day(answer)
    last = f", the newest from {newest}" if newest is not None else ""
    often = f", about {rate:{'.0f' if rate >= 100 else '.3g'}} a day" if rate is not None else ""
    return last + often


def _sentence(answer: SourceAnswer, batch: "Batch") -> str:
    title = f" “{one_line(batch.title)}”" if batch.title else ""
    row = answer.known.row
    same = ", as before" if row is not None and row.channel_id is not None else ""
    number = f" (channel id {one_line(batch.channel_id)}{same})" if batch.channel_id else ""
    unreadable = f", {format_count(len(batch.quarantined), 'unreadable piece')}" if batch.quarantined else ""
    undated = sum(1 for post in batch.posts if post.posted_at is None and post.posted_raw.strip())
    odd = f", {NOT_UNDERSTOOD} of {format_count(undated, 'post')}" if undated else ""
    way = f", by {batch.method}" if batch.method and batch.method != answer.kind else ""
    why = f" ({one_line(batch.detail)})" if batch.detail else ""
    posts = format_count(len(batch.posts), "post")
    return f"{answer.name}: ok{title}{number}: {posts}{_habit(answer)}{odd}{unreadable}{way}{why}"
