"""The ledger keeps one promise: what a source shows is taken, or stands in an open gap, or was not asked for."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake import ledger
from storage.records import Batch, FetchedPost, Gap, History, LedgerChange, Raw, Seen, SourceRow

PAGE = 5


def post(number: int, posted_at: int | None = None) -> FetchedPost:
    return FetchedPost(native_id=str(number), number=number, raw=Raw(b"", "text/html"), posted_at=posted_at)


def row(high_water: int | None, contacted: bool = True) -> SourceRow:
    return SourceRow(
        id=1, name="spokesman", kind="telegram_web", tags=(), side=None, state="ok", reason=None, state_since=0,
        channel_id=None, handle=None, title=None, cursor=None, high_water=high_water,
        first_contact_at=1 if contacted else None, next_poll_at=0, hold_until=None, failures=0, last_ok_at=7,
        last_post_at=5, paused=False,
    )  # fmt: skip


@dataclass
class Channel:
    """A channel with holes in its numbering, and an archive that follows it through the ledger alone."""

    numbers: list[int] = field(default_factory=list)
    stored: dict[int, bool] = field(default_factory=dict)  # number -> may alert
    high_water: int | None = None
    history: History | None = None
    gaps: dict[int, Gap] = field(default_factory=dict)
    opened: int = 0

    def page(self, below: int | None = None) -> Batch:
        older = [number for number in self.numbers if below is None or number < below]
        shown = older[-PAGE:]
        if not shown:
            return Batch(seen=Seen(0, (below or 1) - 1) if below else None, end=True)
        high = shown[-1] if below is None else below - 1
        return Batch(posts=tuple(post(number) for number in shown), seen=Seen(shown[0], high), end=len(older) <= PAGE)

    def apply(self, step: ledger.Step) -> None:
        for chosen, alerts in ((step.old, False), (step.fresh, True)):
            for one in chosen:
                assert one.number is not None
                self.stored.setdefault(one.number, alerts)
        self.history = step.history or self.history
        self.change(step.change)

    def change(self, change: LedgerChange) -> None:
        if change.high_water is not None:
            assert change.high_water >= (self.high_water or 0), "the high water never falls"
            self.high_water = change.high_water
        for new in change.opened:
            self.opened += 1
            number = self.opened
            self.gaps[number] = Gap(
                id=number, source_id=1, low=new.low, high=new.high, from_at=None, to_at=None, reason=new.reason,
                opened_at=0, until_count=new.until_count, until_time=new.until_time, alerts=new.alerts,
            )  # fmt: skip
        for less in change.narrowed:
            old = self.gaps[less.id]
            self.gaps[less.id] = Gap(
                id=old.id, source_id=1, low=less.low, high=less.high, from_at=None, to_at=None, reason=old.reason,
                opened_at=0, until_count=less.until_count, until_time=old.until_time, alerts=old.alerts,
            )  # fmt: skip
        for closed in change.closed:
            del self.gaps[closed.id]

    def poll(self, wanted: ledger.BackfillLimit) -> None:
        if self.history is None:
            self.apply(ledger.first_contact(self.page(), wanted, started=False, alerts=False))
        else:
            self.apply(ledger.newest(row(self.high_water), self.page(), self.history))

    def fill(self) -> bool:
        for gap in list(self.gaps.values()):
            assert gap.high is not None
            step = ledger.older(gap, self.page(below=gap.high + 1), self.history or History())
            assert step is not None
            self.apply(step)
            return True
        return False

    def in_open_gap(self, number: int) -> bool:
        return any((gap.low or 0) <= number <= (gap.high or 0) for gap in self.gaps.values())


appearing = st.lists(st.integers(min_value=1, max_value=4), max_size=30)  # distances between numbers: holes are normal
rounds = st.lists(st.tuples(appearing, st.integers(min_value=0, max_value=6)), min_size=1, max_size=8)


@given(past=appearing, rounds=rounds, backfill=st.sampled_from([0, 3, 8, 10_000]))
@settings(max_examples=150, deadline=None)
def test_what_is_shown_after_first_contact_is_taken_or_in_an_open_gap(
    past: list[int], rounds: list[tuple[list[int], int]], backfill: int
) -> None:
    channel, number = Channel(), 0
    for distance in past:
        number += distance
        channel.numbers.append(number)
    before = set(channel.numbers)
    channel.poll(ledger.BackfillLimit(count=backfill))
    for new, pages in rounds:
        for distance in new:
            number += distance
            channel.numbers.append(number)
        channel.poll(ledger.BackfillLimit(count=backfill))
        for _ in range(pages):
            channel.fill()
        for shown in set(channel.numbers) - before:
            assert channel.stored.get(shown) or channel.in_open_gap(shown), f"{shown} is lost or would not alert"
    while channel.fill():
        pass
    assert set(channel.numbers) - before <= {one for one, alerts in channel.stored.items() if alerts}
    taken = sorted(before & set(channel.stored))
    assert taken == sorted(before)[len(before) - min(backfill, len(before)) :], "as much history as was asked for"
    assert not any(channel.stored[one] for one in taken), "history never alerts"


@pytest.mark.parametrize(("shown_from", "gap"), [(11, None), (12, (11, 11)), (13, (11, 12))])
def test_a_page_that_begins_one_number_too_late_leaves_a_gap_of_one_post(
    shown_from: int, gap: tuple[int, int] | None
) -> None:
    page = Batch(posts=tuple(post(number) for number in range(shown_from, 16)), seen=Seen(shown_from, 15))
    step = ledger.newest(row(10), page, History(1, 10))
    assert [(new.low, new.high) for new in step.change.opened] == ([gap] if gap else [])


def test_a_gap_of_one_post_is_filled_by_the_page_that_holds_it() -> None:
    gap = Gap(7, 1, 11, 11, None, None, ledger.MISSED, 0, alerts=True)
    step = ledger.older(gap, Batch(posts=tuple(post(number) for number in range(9, 12)), seen=Seen(9, 11)), History())
    assert step is not None
    assert [one.number for one in step.fresh] == [11]
    assert [one.how for one in step.change.closed] == ["filled"]
    empty = ledger.older(gap, Batch(posts=(post(9), post(10)), seen=Seen(9, 11)), History())
    assert empty is not None
    assert (empty.fresh, len(empty.change.closed)) == ((), 1), "the number was never shown: nothing is missing"


def test_a_backfill_by_date_ends_at_the_first_older_post() -> None:
    gap = Gap(1, 1, None, 9, None, None, "backfill", 0, until_time=50)
    batch = Batch(posts=tuple(post(number, posted_at=number * 10) for number in range(3, 10)), seen=Seen(3, 9))
    step = ledger.older(gap, batch, History(10, 20))
    assert step is not None
    assert [one.native_id for one in step.old] == ["5", "6", "7", "8", "9"]
    assert [closed.how for closed in step.change.closed] == ["the requested date is reached"]
    assert step.history == History(5, 20), "what is older was not wanted"


def test_a_page_that_brings_nothing_older_is_no_progress() -> None:
    gap = Gap(1, 1, 3, 9, None, None, "missed", 0, alerts=True)
    assert ledger.older(gap, Batch(posts=(post(12),), seen=Seen(12, 12)), History()) is None
    assert ledger.older(gap, Batch(), History()) is None


def test_a_feed_whose_window_was_shorter_than_the_absence_leaves_an_open_gap() -> None:
    batch = Batch(posts=(FetchedPost("b", Raw(b"", "x"), posted_at=40),), overlap=False)
    step = ledger.newest(row(None), batch, History())
    (gap,) = step.change.opened
    assert (gap.low, gap.high, gap.from_at, gap.to_at) == (None, None, 7, 40)


def test_what_a_source_calls_history_is_stored_and_alerts_nobody() -> None:
    posts = tuple(FetchedPost(name, Raw(b"", "x")) for name in ("old", "new"))
    step = ledger.newest(row(None), Batch(posts=posts, history=frozenset({"old"})), History())
    assert ([post.native_id for post in step.fresh], [post.native_id for post in step.old]) == (["new"], ["old"])


def test_a_gap_does_not_end_before_it_begins_where_pages_have_a_date_and_no_hour() -> None:
    today = (FetchedPost("b", Raw(b"", "x"), posted_at=3), FetchedPost("c", Raw(b"", "x"), posted_at=40))
    (dated,) = ledger.newest(row(None), Batch(posts=today, overlap=False), History()).change.opened
    (undated,) = ledger.newest(row(None), Batch(posts=today[:1], overlap=False), History()).change.opened
    assert [(gap.from_at, gap.to_at) for gap in (dated, undated)] == [(7, 40), (7, None)]


def test_posts_of_a_feed_that_were_not_wanted_at_first_contact_stay_out_later() -> None:
    batch = Batch(posts=(FetchedPost("a", Raw(b"", "x")), FetchedPost("b", Raw(b"", "x"))))
    first = ledger.first_contact(batch, ledger.BackfillLimit.of(1), started=False, alerts=False)
    assert [one.native_id for one in first.old] == ["b"]
    assert first.history is not None
    assert [one.native_id for one in ledger.newest(row(None), batch, first.history).fresh] == ["b"]


def test_history_that_is_asked_for_below_the_first_post_is_no_endless_gap() -> None:
    gap = Gap(1, 1, None, 0, None, None, "backfill", 0)
    step = ledger.older(gap, Batch(end=True), History(5, 9))
    assert step is not None
    assert [closed.how for closed in step.change.closed] == ["the beginning of the source is reached"]
    assert step.history == History(0, 9)


def test_a_post_that_hides_below_the_first_contact_is_kept_once_it_shows() -> None:
    hiding = Batch(posts=(post(3),), seen=Seen(3, 3), end=True)
    first = ledger.first_contact(hiding, ledger.BackfillLimit(), started=False, alerts=False)
    assert first.history is not None
    shown = ledger.newest(row(3), Batch(posts=(post(2), post(3)), seen=Seen(2, 3), end=True), first.history)
    assert [one.number for one in shown.old] == [2, 3]


def test_posts_of_wanted_history_are_kept_again_when_the_newest_page_shows_them() -> None:
    """As it does when the posts above them are deleted."""
    gap = Gap(1, 1, None, 9, None, None, "first contact", 0)
    page = ledger.older(gap, Batch(posts=(post(4), post(7)), seen=Seen(4, 9)), History(10, 20))
    assert page is not None
    assert page.history == History(4, 20)
    shown = ledger.newest(row(20), Batch(posts=(post(3), post(4), post(7)), seen=Seen(3, 7)), page.history)
    assert [one.number for one in shown.old] == [4, 7]
