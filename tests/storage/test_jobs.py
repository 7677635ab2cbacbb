from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from storage import jobs
from storage.alerts.given_up import list_unannounced
from storage.jobs import ClaimedJob, NewJob
from storage.posts import rechecks
from storage.records import FetchedPost

SECOND = 1_000_000
LEASE = 60 * SECOND
Make = Callable[..., FetchedPost]
Write = Callable[[], AbstractContextManager[Any]]


@pytest.fixture
def post_ids(desk: Any, make_post: Make) -> tuple[int, ...]:
    """Three posts without any job."""
    saved = desk.save(*(make_post(number) for number in range(3)))
    with desk.archive.writing() as writer:
        jobs.finish(writer, [row[0] for row in writer.rows("SELECT id FROM jobs")])
    return saved.new  # type: ignore[no-any-return]


@pytest.fixture
def write(desk: Any, post_ids: tuple[int, ...]) -> Write:
    return desk.archive.writing  # type: ignore[no-any-return]


def claim(write: Write, at: int, *, limit: int = 10) -> list[ClaimedJob]:
    with write() as writer:
        return jobs.claim(writer, "decide", at, lease=LEASE, limit=limit)


def enqueue(write: Write, *new: NewJob) -> None:
    with write() as writer:
        jobs.enqueue(writer, new)


def test_what_is_due_is_claimed_once_longest_due_first(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(
        write,
        NewJob("decide", post_ids[0], now),
        NewJob("decide", post_ids[1], now - 1),
        NewJob("decide", post_ids[2], now + 1),
        NewJob("recheck", post_ids[0], now, "60s"),
    )
    assert [job.post_id for job in claim(write, now)] == [post_ids[1], post_ids[0]]
    assert claim(write, now) == []
    assert [job.post_id for job in claim(write, now + 1)] == [post_ids[2]]


def test_a_lease_that_ran_out_gives_the_job_to_the_next(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    [first] = claim(write, now)
    [second] = claim(write, now + LEASE)
    assert (first.id, first.attempts, second.id, second.attempts) == (second.id, 0, first.id, 0)


def test_new_work_on_a_claimed_post_is_free_again(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    claim(write, now)
    enqueue(write, NewJob("decide", post_ids[0], now))
    assert [job.attempts for job in claim(write, now)] == [0]


def test_a_failed_job_comes_back_later_and_is_given_up_the_third_time(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    at = now
    for given_up in (False, False, True):
        [job] = claim(write, at)
        with write() as writer:
            assert jobs.record_failure(writer, job.id, at, "the rule broke") is given_up
        assert claim(write, at + SECOND) == []
        at += 3600 * SECOND
    assert claim(write, at) == []
    assert desk.rows("SELECT kind, post_id, reason FROM given_up") == [("decide", post_ids[0], "the rule broke")]
    with desk.archive.reading() as reader:
        [job_given_up] = list_unannounced(reader)
    assert (job_given_up.kind, job_given_up.source, job_given_up.reason) == ("decide", "spokesman", "the rule broke")


def test_a_lease_that_ran_out_blames_nothing(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    for turn in range(10):
        assert [job.attempts for job in claim(write, now + turn * LEASE)] == [0]


def test_what_could_not_be_begun_does_not_count_as_an_attempt(
    write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    for turn in range(5):
        [job] = claim(write, now + turn)
        assert job.attempts == 0
        with write() as writer:
            jobs.postpone(writer, [job.id], now + turn + 1)


def test_the_next_job_is_known_so_that_nobody_needs_to_ask_in_vain(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    def next_due() -> int | None:
        with desk.archive.reading() as reader:
            return jobs.next_due(reader, "decide")

    assert next_due() is None
    enqueue(write, NewJob("decide", post_ids[0], now), NewJob("decide", post_ids[1], now + 5))
    assert next_due() == now
    claim(write, now, limit=1)
    assert next_due() == now + 5
    claim(write, now + 5)
    assert next_due() == now + LEASE


def test_a_post_to_be_looked_at_again_is_found_at_its_source(desk: Any, post_ids: tuple[int, ...]) -> None:
    with desk.archive.reading() as reader:
        places = rechecks.find_addresses(reader, [post_ids[1]])
    assert places == {post_ids[1]: rechecks.PostAddress("spokesman", "1")}


def test_a_failed_job_is_tried_after_half_a_minute_and_after_five_minutes(
    write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    at = now
    for pause in (30 * SECOND, 300 * SECOND):
        [job] = claim(write, at)
        with write() as writer:
            jobs.record_failure(writer, job.id, at, "the rule broke")
        assert claim(write, at + pause - 1) == []
        at += pause
    assert len(claim(write, at)) == 1


def test_the_longest_due_is_claimed_first_however_late_its_post_is(
    write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    due = (now - 1, now - 3, now - 2)
    enqueue(write, *[NewJob("decide", post, at) for post, at in zip(post_ids, due, strict=True)])
    taken = [claim(write, now, limit=1)[0].post_id for _ in post_ids]
    assert taken == [post_ids[1], post_ids[2], post_ids[0]]


def test_a_job_that_failed_is_taken_by_itself(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, *[NewJob("decide", post, now) for post in post_ids])
    ids = [job.id for job in claim(write, now)]
    with write() as writer:
        jobs.set_apart(writer, ids[:2], now + SECOND)
        jobs.postpone(writer, ids[2:], now)
    assert [job.post_id for job in claim(write, now)] == [post_ids[2]]
    assert [job.post_id for job in claim(write, now + SECOND)] == [post_ids[0]]
    assert [job.post_id for job in claim(write, now + SECOND)] == [post_ids[1]]


def test_of_what_failed_the_longest_due_is_taken_first(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, *[NewJob("decide", post, now) for post in post_ids])
    with write() as writer:
        for job, due in zip(jobs.claim(writer, "decide", now, lease=LEASE, limit=3), (3, 1, 2), strict=True):
            jobs.set_apart(writer, [job.id], now + due)
    taken = [claim(write, now + 3)[0].post_id for _ in post_ids]
    assert taken == [post_ids[1], post_ids[2], post_ids[0]]


def test_what_a_person_takes_up_again_begins_from_nothing(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    [job] = claim(write, now)
    with write() as writer:
        jobs.give_up(writer, job.id, now, "the rule broke")
        jobs.take_up(writer, NewJob("decide", post_ids[0], now))
    assert desk.rows("SELECT count(*) FROM given_up") == [(0,)]
    assert [job.attempts for job in claim(write, now)] == [0]


def test_what_succeeds_after_all_is_no_longer_listed_as_given_up(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    [job] = claim(write, now)
    with write() as writer:
        jobs.give_up(writer, job.id, now, "the rule broke")
    enqueue(write, NewJob("decide", post_ids[0], now))
    [again] = claim(write, now)
    with write() as writer:
        jobs.finish(writer, [again.id])
    assert desk.rows("SELECT count(*) FROM given_up") == [(0,)]
