"""One source, on request and without the daemon: its history page by page, or one look at it."""

from collections.abc import Callable

from bot.daemon.app import App
from bot.intake.ledger import EVERYTHING, BackfillLimit
from bot.intake.poll import Round
from storage.records import SourceRow
from storage.sources import gaps, states


def has_history(app: App, name: str) -> bool:
    """Whether this source can be asked for history at all."""
    source = app.stages.wired.sources.get(name)
    return source is not None and source.pages


async def backfill(
    app: App, name: str, limit: BackfillLimit, *, alerts: bool, page_stored: Callable[[Round], bool]
) -> None:
    """Fetch the history of one source page by page; `page_stored` is called after each and returns False to end.

    Raises Later and Never; what was stored stays, the rest is an open gap.
    """
    stages, archive, result = app.stages, app.stages.archive, Round()
    await app.begin()
    source, intake = stages.wired.sources[name], stages.rounds.intake
    try:
        row = await _row_of(app, name)
        if row.first_contact_at is None:
            first = await intake.round(source, row, stages.rounds.every[name], pages=0)
            if first.error is not None:
                raise first.error
        gap_id = await archive.run(
            gaps.request_backfill,
            row.id,
            below=None,
            now=app.clock.now(),
            count=limit.count if limit.count < EVERYTHING else None,
            since=limit.since,
            alerts=alerts,
        )
        cursor = (await _row_of(app, name)).cursor
        open_gaps = await archive.read(gaps.list_open_gaps, row.id)
        while gap := next((gap for gap in open_gaps if gap.id == gap_id), None):
            open_gaps = await intake.page(source, gap, cursor, result)
            if not page_stored(result):
                break
        await stages.decisions.drain()
        await stages.given_up.announce()
        await stages.wired.outbox.drain(app.clock.now())
    finally:
        await app.close()


async def check(app: App, name: str) -> str:
    """Look at one source once, store nothing, and describe what it shows. Raises Later and Never."""
    from bot.intake.live import Checkable, check_source

    await app.begin()
    source = app.stages.wired.sources[name]
    assert isinstance(source, Checkable)
    try:
        return await check_source(source, (await _row_of(app, name)).channel_id)
    finally:
        await app.close()


async def _row_of(app: App, name: str) -> SourceRow:
    row = await app.stages.archive.read(states.find_source, name)
    assert row is not None
    return row
