"""One round of one source: the newest reply, then the pages that its open gaps still want."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from bot.clock import Clock
from bot.errors import Later, Never
from bot.intake import ledger
from bot.intake.health import Outlook, after_failure, after_success
from bot.sources._contract import Source, Want
from bot.store import Store
from storage import gaps, history, outbox, posts, rechecks, sources
from storage.records import Batch, FetchedPost, Gap, History, LedgerChange, Saved, SourceRow

POSTS_A_COMMIT = 200  # SPEED.md: batches of 100 to 200 keep a writer short and lose nothing to commits
PAGES_A_ROUND = 20  # so that a long history never keeps the newest posts waiting
ROUND_DEADLINE_S = 15 * 60


@dataclass(slots=True)
class Round:
    """What one round brought; `error` says why it ended early, `gaps_left` how many fillable gaps are still open."""

    new: int = 0
    revised: int = 0
    unchanged: int = 0
    quarantined: int = 0
    gaps_left: int = 0
    change: str = ""  # the sentence that tells that the source's state is another than before
    error: Later | Never | None = None
    notices: list[str] = field(default_factory=list)

    def add(self, saved: Saved) -> None:
        self.new += len(saved.new)
        self.revised += len(saved.revised)
        self.unchanged += saved.unchanged
        self.quarantined += saved.quarantined


@dataclass(frozen=True, slots=True)
class Intake:
    """What a round needs.

    `stored` is called after each commit that brought something; `jitter` returns 0..1; `health` names the targets that
    hear when a source breaks or recovers.
    """

    store: Store
    clock: Clock
    stored: Callable[[], None]
    jitter: Callable[[], float]
    health: Callable[[], Sequence[str]]

    async def round(self, source: Source, every: int, *, pages: int = PAGES_A_ROUND) -> Round:
        """Ask once, store what comes, settle the source's state. Raises only what the archive raises.

        `every` is the source's interval in microseconds.
        """
        row = await self.store.read(sources.by_name, source.settings.name)
        assert row is not None
        result = Round()
        try:
            async with asyncio.timeout(ROUND_DEADLINE_S):
                await self._newest(source, row, result)
                if source.pages:
                    await self._fill(source, row.id, result, pages)
        except (Later, Never) as error:
            result.error = error
        except TimeoutError:
            result.error = Later(f"a round took longer than {ROUND_DEADLINE_S // 60} minutes")
        outlook = self._outlook(result, row, every)
        result.change = await self.store.run(_settle, row, outlook, self.clock.now(), result.new, self.health())
        return result

    async def broke(self, row: SourceRow, mistake: Exception, every: int) -> Round:
        """Settle a round that ended in a mistake of ours: backed off and shown like any failure, never lost."""
        result = Round(error=Later(f"our own mistake: {type(mistake).__name__}: {mistake}", state="broken"))
        outlook = self._outlook(result, row, every)
        result.change = await self.store.run(_settle, row, outlook, self.clock.now(), 0, self.health())
        return result

    async def _newest(self, source: Source, row: SourceRow, result: Round) -> None:
        cursor = row.cursor
        known = await self.store.read(history.recall, row.id)
        contacted = row.first_contact_at is not None
        started = contacted or cursor is not None
        while True:
            batch = await source.fetch(Want(), cursor)
            if contacted:
                step = ledger.newest(row, batch, known)
            else:
                step = ledger.first_contact(
                    batch,
                    ledger.Wanted.of(source.settings.backfill),
                    started=started,
                    alerts=source.settings.alert_backfill,
                )
            await self._save(source, row.id, batch, step, result)
            if contacted and source.checks and batch.seen is not None and batch.posts:
                shown = frozenset(post.native_id for post in batch.posts)
                await self.store.run(rechecks.doubt, row.id, batch.seen, shown, self.clock.now())
            result.notices.extend(batch.notices)
            if not batch.more:
                return
            cursor, started = batch.cursor, True

    async def _fill(self, source: Source, source_id: int, result: Round, pages: int) -> None:
        """Missed stretches before asked-for history, the newest first, at most `pages` pages."""
        for _ in range(pages):
            open_gaps = await self._fillable(source_id)
            result.gaps_left = len(open_gaps)
            if not open_gaps:
                return
            await self.page(source, open_gaps[0], result)
        result.gaps_left = len(await self._fillable(source_id))

    async def page(self, source: Source, gap: Gap, result: Round) -> None:
        """Fetch and store the next page of one gap. Raises Later and Never; the gap stays as the last page left it."""
        assert gap.high is not None
        row = await self.store.read(sources.by_name, source.settings.name)
        batch = await source.fetch(Want("older", below=gap.high + 1), row.cursor if row else None)
        step = ledger.older(gap, batch)
        if step is None:
            raise Later(f"the page below {gap.high + 1} brought nothing older", state="throttled")
        await self._save(source, gap.source_id, batch, step, result)

    async def _fillable(self, source_id: int) -> list[Gap]:
        found = await self.store.read(gaps.open_gaps, source_id)
        return sorted(
            (gap for gap in found if gap.high is not None),
            key=lambda gap: (gap.reason != "missed", -(gap.high or 0)),
        )

    async def _save(self, source: Source, source_id: int, batch: Batch, step: ledger.Step, result: Round) -> None:
        """Store one reply in commits of at most POSTS_A_COMMIT; the last one carries the ledger and the cursor."""
        parts = _parts(step, alert_all=source.settings.alert_backfill)
        method = source.settings.kind
        recheck = source.settings.recheck if source.checks else ()
        for place, (chosen, alerts) in enumerate(parts):
            last = place == len(parts) - 1
            part = replace(batch, posts=chosen) if last else Batch(posts=chosen)
            change = step.change if last else LedgerChange()
            known = step.history if last else None
            saved = await self.store.run(
                _write, source_id, part, change, known, self.clock.now(), method, alerts, tuple(recheck)
            )
            result.add(saved)
            if saved.new or saved.revised:
                self.stored()

    def _outlook(self, result: Round, row: SourceRow, every: int) -> Outlook:
        now = self.clock.now()
        if result.error is not None:
            return after_failure(result.error, every=every, failures=row.failures, now=now, jitter=self.jitter())
        outlook = after_success(every=every, now=now, jitter=self.jitter())
        return replace(outlook, next_poll_at=now) if result.gaps_left else outlook


def _parts(step: ledger.Step, *, alert_all: bool) -> Sequence[tuple[tuple[FetchedPost, ...], bool]]:
    """(posts, whether they may alert) per commit; one empty part where there is nothing, for the ledger's sake."""
    parts = [
        (chosen[start : start + POSTS_A_COMMIT], alerts)
        for chosen, alerts in ((step.old, alert_all), (step.fresh, True))
        for start in range(0, len(chosen), POSTS_A_COMMIT)
    ]
    return parts or [((), True)]


def _write(
    writer: Connection,
    source_id: int,
    batch: Batch,
    change: LedgerChange,
    known: History | None,
    now: int,
    method: str,
    alerts: bool,
    recheck: tuple[int, ...],
) -> Saved:
    if known is not None:
        history.remember(writer, source_id, known)
    return posts.save(writer, source_id, batch, now=now, method=method, alerts=alerts, change=change, recheck=recheck)


def _settle(writer: Connection, row: SourceRow, outlook: Outlook, now: int, new: int, health: Sequence[str]) -> str:
    """Settle the source's state; the targets named by `health` hear of a change in the same transaction."""
    change = sources.settle(
        writer,
        row.id,
        outcome=outlook.outcome,
        detail=outlook.detail,
        now=now,
        next_poll_at=outlook.next_poll_at,
        hold_until=outlook.hold_until,
        failures=outlook.failures,
        posts=new,
    )
    if change and row.state != "new":
        outbox.announce(writer, health, f"source {row.name}", change, now)
    return change
