from collections.abc import Callable
from typing import Any

import pytest

from storage import jobs
from storage.alerts import outbox, target_states
from storage.jobs import NewJob
from storage.posts import saving
from storage.records import Checked, FetchedPost
from storage.sources import clock_repair, states, telegram

YEAR = 365 * 86_400_000_000
DAY = 86_400_000_000
MINUTE = 60_000_000


def settle(writer: Any, source_id: int, now: int, **more: Any) -> None:
    values: dict[str, Any] = {"outcome": "ok", "detail": None, "hold_until": None, "failures": 0, "posts": 0}
    states.settle(writer, source_id, now=now, next_poll_at=now + DAY, **{**values, **more})


def test_a_round_of_tomorrow_shows_that_a_clock_was_wrong(desk: Any, now: int) -> None:
    with desk.archive.writing() as writer:
        assert not clock_repair.has_future_rounds(writer, now)
        settle(writer, desk.source_id, now)
        assert not clock_repair.has_future_rounds(writer, now)
        assert clock_repair.has_future_rounds(writer, now - DAY)


def test_nothing_waits_for_a_time_that_a_wrong_clock_had_named(
    desk: Any, make_post: Callable[..., FetchedPost], now: int
) -> None:
    ahead = now + YEAR
    saved = desk.save(make_post(1), at=ahead, recheck=(DAY,))
    with desk.archive.writing() as writer:
        settle(writer, desk.source_id, ahead, hold_until=ahead)
        jobs.enqueue(writer, [NewJob("recheck", saved.new[0], now + DAY, "86400s")])
        clock_repair.repair_times(writer, now)
    [source] = desk.rows("SELECT next_poll_at, hold_until FROM sources")
    assert source == (now, now + DAY)
    due = dict(desk.rows("SELECT kind, due_at FROM jobs"))
    assert due == {"decide": now, "recheck": now + DAY}, "re-checks count from publishing"


def test_a_source_that_stopped_for_good_stays_stopped(desk: Any, now: int) -> None:
    with desk.archive.writing() as writer:
        states.settle(
            writer, desk.source_id, outcome="renamed", detail=None, now=now, next_poll_at=states.NEVER,
            hold_until=None, failures=1, posts=0,
        )  # fmt: skip
        clock_repair.repair_times(writer, now)
    assert desk.rows("SELECT next_poll_at FROM sources") == [(states.NEVER,)]


@pytest.mark.parametrize("drift", [YEAR, -DAY])
def test_a_clock_that_is_set_leaves_every_wait_what_is_left_of_it(
    desk: Any, make_post: Callable[..., FetchedPost], now: int, drift: int
) -> None:
    desk.save(make_post(1), at=now, recheck=(7 * DAY,))
    with desk.archive.writing() as writer:
        before = writer.value("SELECT due_at FROM jobs WHERE kind = 'recheck'")
        settle(writer, desk.source_id, now, hold_until=now + 2 * DAY)
        telegram.keep_wait(writer, "messages.getHistory", now + 3 * DAY)
        target_states.hold_targets(writer, ["desk"], now + DAY, now)
        outbox.announce(writer, ["desk"], "x", "y", now + 40 * DAY)
        clock_repair.repair_times(writer, now + drift, drift)
    assert desk.rows("SELECT next_poll_at, hold_until FROM sources") == [(now + drift, now + 2 * DAY + drift)]
    assert desk.rows("SELECT until FROM telegram_waits") == [(now + 3 * DAY + drift,)]
    assert desk.rows("SELECT hold_until FROM targets") == [(now + DAY + drift,)]
    assert desk.rows("SELECT due_at FROM jobs WHERE kind = 'recheck'") == [(before + drift,)]
    with desk.archive.writing() as writer:
        clock_repair.repair_times(writer, now, -drift)
    assert desk.rows("SELECT hold_until FROM sources") == [(now + 2 * DAY,)]
    assert desk.rows("SELECT due_at FROM jobs WHERE kind = 'recheck'") == [(before,)]
    [(due, not_before)] = desk.rows(
        "SELECT max(due_at), max(not_before) FROM jobs, deliveries WHERE jobs.kind = 'decide'"
    )
    assert max(due, not_before) <= now


@pytest.mark.parametrize("drift", [YEAR, -DAY])
def test_an_absence_before_a_jump_of_the_clock_proves_nothing_after_it(
    desk: Any, make_post: Callable[..., FetchedPost], now: int, drift: int
) -> None:
    [post_id] = desk.save(make_post(1)).new
    gone = Checked("1", "absent", "embed", control=True)
    then = now + drift
    with desk.archive.writing() as writer:
        assert saving.save_check(writer, post_id, gone, now, apart=MINUTE) == "absent"
        clock_repair.repair_times(writer, then, drift)
        assert writer.column("SELECT due_at FROM jobs WHERE slot = 'confirm'") == [then]
        assert saving.save_check(writer, post_id, gone, then, apart=MINUTE) == "absent"
        assert saving.save_check(writer, post_id, gone, then + MINUTE, apart=MINUTE) == "deleted"


def test_a_round_after_the_clock_was_set_back_begins_one_stretch_of_watching(desk: Any, now: int) -> None:
    with desk.archive.writing() as writer:
        settle(writer, desk.source_id, now)
        for turn in range(3):
            settle(writer, desk.source_id, now - DAY + turn)
    assert desk.rows("SELECT started_at, ended_at FROM runs") == [(now, now), (now - DAY, now - DAY + 2)]
    with desk.archive.writing() as writer:
        assert not clock_repair.has_future_rounds(writer, now - DAY), "it was repaired once"
