from collections.abc import Callable
from typing import Any

from storage import jobs
from storage.alerts import rules
from storage.jobs import NewJob
from storage.records import FetchedPost
from storage.sources import clock_repair, states

YEAR = 365 * 86_400_000_000
DAY = 86_400_000_000


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
        rules.save_versions(writer, [("command", "v1", "command")], ahead)
        jobs.enqueue(writer, [NewJob("recheck", saved.new[0], now + DAY, "86400s")])
        clock_repair.repair_times(writer, now)
    [source] = desk.rows("SELECT next_poll_at, hold_until FROM sources")
    assert source == (now, now + DAY)
    assert desk.rows("SELECT loaded_at FROM rules") == [(now,)]
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
