"""PURE: which numbers a source has shown, which gaps are open, and which posts of a reply are kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from bot.intake.identities import marks_of
from storage.frozen import dataclass
from storage.records import Batch, ClosedGap, FetchedPost, Gap, History, LedgerChange, NarrowedGap, NewGap, SourceRow

EVERYTHING = 1 << 62
MISSED = "missed"  # the reason of a gap that is filled before all others
_BEGINNING = "the beginning of the source is reached"


@dataclass(frozen=True, slots=True)
class BackfillLimit:
    """How far back: at most `count` posts, none published before `since` (microseconds UTC)."""

    count: int = EVERYTHING
    since: int | None = None

    @classmethod
    def of(cls, amount: int | str) -> "BackfillLimit":
        """From the config's `backfill`: a count, "all", or an ISO date in UTC."""
        if isinstance(amount, int):
            return cls(count=amount)
        if amount == "all":
            return cls()
        midnight = datetime.combine(date.fromisoformat(amount), time(), UTC)
        return cls(since=int(midnight.timestamp()) * 1_000_000)

    def of_newest_first(self, posts: tuple[FetchedPost, ...]) -> tuple[FetchedPost, ...]:
        """Those of `posts` within the limit (ascending in, ascending out)."""
        kept = posts[len(posts) - min(self.count, len(posts)) :]
        if self.since is None:
            return kept
        return tuple(post for post in kept if post.posted_at is None or post.posted_at >= self.since)


@dataclass(frozen=True, slots=True)
class Step:
    """What one reply means: posts to store that may alert, posts that are history, and the change of the ledger."""

    fresh: tuple[FetchedPost, ...]
    old: tuple[FetchedPost, ...]
    change: LedgerChange
    history: History | None = None


def first_contact(batch: Batch, wanted: BackfillLimit, *, started: bool, alerts: bool) -> Step:
    """The first reply of a source, or one of the first if a reply has `more`: history, silent without `alerts`.

    `started` says that an earlier part of the same first contact was stored before.
    """
    if wanted.count and (started or batch.more):
        # A long file comes in parts, oldest first: "the newest 100" is not known before its end, so all of it is taken.
        wanted = replace(wanted, count=EVERYTHING)
    kept = wanted.of_newest_first(batch.posts)
    left_out = _left_out(batch, kept)
    change = LedgerChange(first_contact=not batch.more)
    if batch.seen is None:
        return Step((), kept, change, History(left_out=left_out))
    low = min((post.number for post in kept if post.number is not None), default=batch.seen.high + 1)
    if not left_out:
        low = 0 if batch.end else min(low, batch.seen.low)  # what hides at the beginning may show itself later
    change = replace(change, high_water=batch.seen.high)
    rest = wanted.count - len(kept)
    if rest > 0 and not left_out and not batch.end and low > 1:
        gap = NewGap(
            low=None,
            high=low - 1,
            reason="first contact",
            until_count=rest if wanted.count < EVERYTHING else None,
            until_time=wanted.since,
            alerts=alerts,
        )
        change = replace(change, opened=(gap,))
    return Step((), kept, change, History(low=low, high=batch.seen.high))


def _left_out(batch: Batch, kept: tuple[FetchedPost, ...]) -> frozenset[str]:
    """The marks of the posts that are not kept; a post is compared with those of its id alone."""
    same: dict[str, list[FetchedPost]] = {}
    for post in kept:
        same.setdefault(post.native_id, []).append(post)
    return frozenset(
        mark for post in batch.posts if post not in same.get(post.native_id, ()) for mark in _marks(batch, post)
    )


def newest(source: SourceRow, batch: Batch, history: History) -> Step:
    """A later reply: what is new, and whether it reaches back to what was stored before."""
    posts = batch.posts
    if history.left_out:
        posts = tuple(post for post in posts if history.left_out.isdisjoint(_marks(batch, post)))
    if batch.seen is None:
        change = LedgerChange()
        if not batch.overlap:
            begin = source.last_ok_at or 0  # what is dated before it says nothing of when the gap ends
            times = [post.posted_at for post in posts if post.posted_at is not None and post.posted_at > begin]
            gap = NewGap(
                from_at=source.last_ok_at,
                to_at=min(times, default=None),
                reason="the source shows less than what was missed",
            )
            change = LedgerChange(opened=(gap,))
        fresh = tuple(post for post in posts if post.native_id not in batch.history)
        return Step(fresh, tuple(post for post in posts if post.native_id in batch.history), change)
    fresh = tuple(post for post in posts if post.number is None or post.number > history.high)
    old = tuple(post for post in posts if post.number is not None and history.low <= post.number <= history.high)
    water = source.high_water or 0
    change = LedgerChange(high_water=max(water, batch.seen.high))
    if batch.seen.low > water + 1 and not batch.end:
        first = next((post.posted_at for post in posts if post.posted_at is not None), None)
        gap = NewGap(
            low=water + 1,
            high=batch.seen.low - 1,
            from_at=source.last_post_at,
            to_at=first,
            reason=MISSED,
            alerts=True,
        )
        change = replace(change, opened=(gap,))
    return Step(fresh, old, change)


def _marks(batch: Batch, post: FetchedPost) -> frozenset[str]:
    return marks_of(post) if batch.ids_move else frozenset((post.native_id,))


def older(gap: Gap, batch: Batch, history: History) -> Step | None:
    """A page below `gap.high`: what of it is kept, what is left of the gap. None: the page brought no progress.

    A page of wanted history lowers the `low` of `history`: posts from there on are kept whenever the source shows them.
    """
    assert gap.high is not None
    whole = replace(history, low=0) if gap.low is None else None
    if batch.seen is None and batch.end:
        return Step((), (), LedgerChange(closed=(ClosedGap(gap.id, _BEGINNING),)), whole)
    if batch.seen is None or batch.seen.low > gap.high:
        return None
    inside = tuple(
        post for post in batch.posts if post.number is not None and (gap.low or 0) <= post.number <= gap.high
    )
    kept = BackfillLimit(EVERYTHING if gap.until_count is None else gap.until_count, gap.until_time).of_newest_first(
        inside
    )
    left = None if gap.until_count is None else gap.until_count - len(kept)
    how = None
    if left is not None and left <= 0:
        how = "the requested count is reached"
    elif len(kept) < len(inside):
        how = "the requested date is reached"
    elif batch.end:
        how = _BEGINNING
    elif gap.low is not None and batch.seen.low <= gap.low:
        how = "filled"
    if how is not None:
        change = LedgerChange(closed=(ClosedGap(gap.id, how),))
    else:
        change = LedgerChange(narrowed=(NarrowedGap(gap.id, gap.low, batch.seen.low - 1, left),))
    if whole is not None and how != _BEGINNING:
        reached = min((post.number or 0 for post in kept), default=history.low) if how else batch.seen.low
        whole = replace(history, low=min(history.low, reached))
    return Step(kept, (), change, whole) if gap.alerts else Step((), kept, change, whole)
