"""One round of one source: the newest reply, then pages for its open gaps."""

import asyncio
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.contracts.source import Source, SourceSettings, Want
from bot.errors import Later, Never
from bot.intake import identities, ledger
from bot.intake.backoff import Streak, after_failure, after_success
from bot.intake.owner import expect_owner
from bot.intake.reread import read_shown_again, reader_of
from bot.intake.settling import End, Look, Part, Settled, look_before, settle, write_part
from bot.intake.unwritten import Unwritten, is_quiet
from storage.posts import observations, reading
from storage.posts.content import content_hash
from storage.records import Batch, Gap, History, Saved, SourceRow
from storage.sources import first_contact, unwritten
from storage.sources.unwritten import QuietRounds
from storage.state_names import INTERNAL_ERROR, THROTTLED

if TYPE_CHECKING:
    from storage.archive.database import Writer

P = ParamSpec("P")
T = TypeVar("T")

POSTS_A_COMMIT = 200  # SPEED.md: batches of 100 to 200 keep a writer short and lose nothing to commits
PAGES_A_ROUND = 20  # so that a long history never keeps the newest posts waiting
ROUND_DEADLINE_S = 15 * 60  # of the newest posts
FILLING_S = 5 * 60.0  # of older ones
_LOOKED_THROUGH = 4  # times as many stored posts as a reply has, for those that came under another id


Shown = dict[str, tuple[object, ...]]  # native id -> content hash, the label "edited", and what changes without an edit


@dataclass(frozen=True, slots=True)
class Last:
    """The last reply that was written down or kept: its posts, what it said beside them, and its mark."""

    shown: Shown
    said: Batch
    mark: str | None


@dataclass(slots=True)
class Round:
    """What one round brought; `error` says why it ended early, `gaps_left` how many fillable gaps are still open.

    `change` is the sentence about a changed state of the source, "" if it did not change; None until that is settled.
    """

    new: int = 0
    revised: int = 0
    unchanged: int = 0
    quarantined: int = 0
    gaps_left: int = 0
    change: str | None = None
    error: Later | Never | None = None
    notices: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)  # sources that waited for what this one has reached
    detail: str | None = None  # something worth knowing about a round that succeeded

    def add(self, saved: Saved) -> None:
        self.new += len(saved.new)
        self.revised += len(saved.revised)
        self.unchanged += saved.unchanged
        self.quarantined += saved.quarantined

    def note(self, settled: "Settled") -> None:
        self.change = settled.change
        self.woken.extend(settled.woken)


@dataclass(frozen=True, slots=True)
class Intake:
    """What a round needs.

    `stored` is called after each commit that brought something; `jitter` returns 0..1; `health` names the targets that
    hear when a source breaks or recovers.
    """

    archive: AsyncArchive
    clock: Clock
    stored: Callable[[], None]
    jitter: Callable[[], float]
    health: Callable[[], Sequence[str]]
    filling_s: float = FILLING_S
    unwritten: Unwritten = field(default_factory=Unwritten)
    _histories: dict[int, History] = field(default_factory=dict)
    _last: dict[int, Last] = field(default_factory=dict)

    def forget(self) -> None:
        """Look at whole pages again: something else than a round has changed what is stored."""
        self._last.clear()

    async def round(
        self, source: Source, row: SourceRow, every: int, *, look: Look | None = None, pages: int = PAGES_A_ROUND
    ) -> Round:
        """Poll once, store what comes, settle the source's state. Raises only what the archive raises.

        `row` is the source's row of now, `every` its interval in microseconds. `look` is what `look_before` found just
        before; without it, it is read here.
        """
        result, row = Round(), self.unwritten.update(row)
        try:
            try:
                async with asyncio.timeout(ROUND_DEADLINE_S):
                    open_gaps, cursor = await self._newest(source, row, result, every, look)
            except TimeoutError:
                raise Later(f"a round took longer than {ROUND_DEADLINE_S // 60} minutes") from None
            if source.pages and open_gaps:
                # Many sources of one host wait for each other here: what is left is the next round's, no failure.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.filling_s):
                        await self._fill(source, open_gaps, cursor, result, pages)
        except (Later, Never) as error:
            result.error = error
        if result.change is None:
            end = self._end(result, row, every, source.settings)
            result.note(await self._run(settle, end, self.clock.now(), result.new))
        return result

    async def write_down(self, behind: Callable[["Writer"], None] | None = None) -> None:
        """Write down the rounds that are only in memory, and do something else `behind` that."""
        if behind is not None or not self.unwritten.is_empty:
            await self._run(behind or (lambda _: None))

    async def _run(self, write: Callable[Concatenate["Writer", P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In one transaction, behind the rounds that are only in memory; alerts and decisions go first."""
        taken: list[QuietRounds] = []

        def behind(writer: "Writer") -> T:
            self.unwritten.give_back(taken)  # of a transaction that failed
            taken[:] = self.unwritten.take()  # not before: what waits here may be cancelled, or wait for long
            unwritten.write(writer, taken)
            return write(writer, *args, **kwargs)

        try:
            result = await self.archive.run_behind(behind)
        except Exception:
            self.unwritten.give_back(taken)
            raise
        self.unwritten.note_written(taken)
        return result

    async def settle_bug(self, row: SourceRow, bug: str, every: int) -> Round:
        """Settle a round that a bug ended: backed off and shown like any failure, never lost."""
        result = Round(error=Later(bug, state=INTERNAL_ERROR))
        result.note(await self._run(settle, self._end(result, row, every), self.clock.now(), 0))
        return result

    async def _newest(
        self, source: Source, row: SourceRow, result: Round, every: int, look: Look | None
    ) -> tuple[list[Gap], str | None]:
        """Fetch and store the present; the gaps that can be filled, and the cursor that is stored now.

        A round that is over with it is settled with it.
        """
        cursor = row.cursor
        contacted = row.first_contact_at is not None
        known = await self._history(row.id) if contacted else History()
        started = contacted or cursor is not None
        while True:
            before, look = look or await self._look(source, row), None
            last = self._last.get(row.id) if contacted else None
            batch = await source.fetch(Want(known=None if last is None else last.mark), cursor)
            expect_owner(row, batch)
            if batch.repeats and self._last.get(row.id) is not last:
                continue  # forgotten meanwhile: look at the whole page
            batch = await self._recognise(row.id, batch)
            result.notices.extend(batch.notices)
            result.detail = batch.detail
            if contacted:
                step = ledger.newest(row, batch, known)
            else:
                step = ledger.first_contact(
                    batch,
                    ledger.BackfillLimit.of(source.settings.backfill),
                    started=started,
                    alerts=source.settings.alert_backfill,
                )
            end = None if batch.more else self._end(result, row, every, source.settings)
            last = self._last.pop(row.id, None) if contacted else None
            earlier = last.shown if last is not None else {}
            nothing_earlier = last is None and batch.more  # nor is it remembered: it is not the present
            shown = earlier if batch.repeats or nothing_earlier else _index_shown(batch)
            said = replace(batch, posts=(), seen=None, cursor=None, fetch=None, mark=None, repeats=False)
            is_known = last is not None and last.said == said
            now_last = Last(shown, said, batch.mark if shown else None)
            same = shown if batch.repeats else {one: words for one, words in shown.items() if earlier.get(one) == words}
            result.unchanged += len(same)
            again = not nothing_earlier and shown.keys() == earlier.keys()
            step = _without(step, same)
            may_wait = is_known and again and not before.is_awaited
            if may_wait and end is not None and self._keep(row, batch, step, end, every):
                result.change = ""
                self._last[row.id] = now_last
                return [], batch.cursor or cursor
            open_gaps = await self._save(source, row.id, batch, step, result, end, began=before.last, again=again)
            cursor, started = batch.cursor or cursor, True
            if not batch.more:
                self._last[row.id] = now_last
                return open_gaps, cursor
            row = replace(row, high_water=max(row.high_water or 0, step.change.high_water or 0) or None)

    async def _look(self, source: Source, row: SourceRow) -> Look:
        found = await self.archive.read(look_before, {row.id: source.settings.server()})
        return found[row.id]

    def _keep(self, row: SourceRow, batch: Batch, step: ledger.Step, end: End, every: int) -> bool:
        """Keep a round in memory; False if it has to be written."""
        now = self.clock.now()
        if not is_quiet(row, batch, step, end.outlook, every, now):
            return False
        self.unwritten.note(row, end.outlook.next_poll_at, batch.cursor or row.cursor, now)
        return True

    async def _recognise(self, source_id: int, batch: Batch) -> Batch:
        """The reply with the stored ids of those entries that came under another one."""
        if not batch.ids_move or not batch.posts:
            return batch
        known = await self.archive.read(reading.find_stored_ids, source_id, [post.native_id for post in batch.posts])
        if len(known) == len(batch.posts):
            return batch
        rows = await self.archive.read(reading.read_newest_entries, source_id, _LOOKED_THROUGH * len(batch.posts))
        if not rows:
            return batch
        stored = [
            identities.EntryFacts(native_id, url or "", title or "", text, posted_at, sha256)
            for native_id, url, title, text, posted_at, sha256 in rows
        ]
        last = self._last.get(source_id)
        moved = identities.recognise(batch.posts, known, stored, None if last is None else frozenset(last.shown))
        posts = tuple(replace(post, native_id=moved.get(post.native_id, post.native_id)) for post in batch.posts)
        newer = {entry.native_id for entry in stored[-(len(posts) + 1) // 2 :]}  # one that is pinned proves nothing
        return replace(batch, posts=posts, overlap=batch.overlap or not newer.isdisjoint(moved.values()))

    async def _history(self, source_id: int) -> History:
        """What of the time before first contact was taken; it changes with pages of wanted history alone."""
        if source_id not in self._histories:
            self._histories[source_id] = await self.archive.read(first_contact.read_history, source_id)
        return self._histories[source_id]

    async def _fill(self, source: Source, open_gaps: list[Gap], cursor: str | None, result: Round, pages: int) -> None:
        """Missed stretches before asked-for history, the newest first, at most `pages` pages."""
        result.gaps_left = len(open_gaps)
        for _ in range(pages):
            if not open_gaps:
                break
            open_gaps = await self.page(source, open_gaps[0], cursor, result)
            result.gaps_left = len(open_gaps)

    async def page(self, source: Source, gap: Gap, cursor: str | None, result: Round) -> list[Gap]:
        """Fetch and store the next page of one gap; the gaps that are left. `cursor` is the one that is stored.

        Raises Later and Never; the gap stays as the last page left it.
        """
        assert gap.high is not None
        began = await self.archive.read(observations.find_last)
        batch = await source.fetch(Want("older", below=gap.high + 1), cursor)
        history = await self._history(gap.source_id)
        step = ledger.older(gap, batch, history)
        if step is None:
            raise Later(f"the page below {gap.high + 1} brought nothing older", state=THROTTLED)
        unmoved = replace(batch, cursor=None)  # the cursor is the present's
        step = step if step.history != history else replace(step, history=None)
        open_gaps = await self._save(source, gap.source_id, unmoved, step, result, began=began)
        self._histories[gap.source_id] = step.history or history
        return open_gaps

    async def _save(
        self,
        source: Source,
        source_id: int,
        batch: Batch,
        step: ledger.Step,
        result: Round,
        end: End | None = None,
        *,
        began: int,
        again: bool = False,
    ) -> list[Gap]:
        """Store one reply, a part a commit; the gaps that can be filled now. If there is none, the round is settled.

        `again`: the same posts were shown last time, so that none can be missing from them only now.
        """
        recheck = tuple(source.settings.recheck) if source.checks else ()
        await read_shown_again(self.archive, self.clock, source, source_id, (*step.old, *step.fresh))
        open_gaps: list[Gap] = []
        for chosen in _parts(batch, step, alert_all=source.settings.alert_backfill, again=again):
            part = replace(chosen, began=began, reader=reader_of(source))
            saved, open_gaps, settled = await self._run(
                write_part, source_id, part, self.clock.now(), source.settings.kind, recheck, end if part.last else None
            )
            result.add(saved)
            if settled is not None:
                result.note(settled)
            if saved.new or saved.revised:
                self.stored()
        return open_gaps

    def _end(self, result: Round, row: SourceRow, every: int, settings: SourceSettings | None = None) -> End:
        now = self.clock.now()
        if result.error is not None:
            before = Streak(row.failure, row.failures_alike, row.failures)
            outlook = after_failure(result.error, every=every, before=before, now=now, jitter=self.jitter())
        else:
            outlook = after_success(every=every, now=now, jitter=self.jitter(), detail=result.detail)
        if result.gaps_left and result.error is None:
            outlook = replace(outlook, next_poll_at=now)
        if settings is None:
            return End(row, outlook, self.health())
        account, server = settings.reads_with_account, settings.server()
        cursor = result.error.cursor if isinstance(result.error, Later) else None
        return End(row, outlook, self.health(), account, server, settings.patience, cursor)


def _index_shown(batch: Batch) -> Shown:
    """What a reply shows, as far as it is stored; empty if it shows one post twice."""
    shown: Shown = {
        post.native_id: (content_hash(post), post.edited, post.preview, post.cards, *(one.reason for one in post.media))
        for post in batch.posts
    }
    return shown if len(shown) == len(batch.posts) else {}


def _without(step: ledger.Step, known: Container[str]) -> ledger.Step:
    """Leave out posts that the last reply showed in the same words."""
    if not (step.fresh or step.old):
        return step
    fresh, old = (tuple(post for post in posts if post.native_id not in known) for posts in (step.fresh, step.old))
    return replace(step, fresh=fresh, old=old)


def _parts(batch: Batch, step: ledger.Step, *, alert_all: bool, again: bool = False) -> list[Part]:
    """The commits of one reply, at least one; the last carries cursor, ledger and quarantined pieces."""
    chosen = [
        (posts[start : start + POSTS_A_COMMIT], alerts)
        for posts, alerts in ((step.old, alert_all), (step.fresh, True))
        for start in range(0, len(posts), POSTS_A_COMMIT)
    ] or [((), True)]
    first = [Part(Batch(posts=posts, method=batch.method, fetch=batch.fetch), alerts) for posts, alerts in chosen[:-1]]
    posts, alerts = chosen[-1]
    shown = frozenset() if again else frozenset(post.native_id for post in batch.posts)
    return [*first, Part(replace(batch, posts=posts), alerts, step.change, step.history, shown, last=True)]
