from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from storage import jobs
from storage.alerts import notices
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
    assert (first.id, first.attempts, second.id, second.attempts) == (second.id, 1, first.id, 2)


def test_new_work_on_a_claimed_post_is_free_again(write: Write, post_ids: tuple[int, ...], now: int) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    claim(write, now)
    enqueue(write, NewJob("decide", post_ids[0], now))
    assert [job.attempts for job in claim(write, now)] == [1]


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
        [notice] = notices.read_since(reader, 0)
        assert notices.read_since(reader, notice.id) == []
    assert notice.text == f"decide of post {post_ids[0]} is given up: the rule broke"


def test_bad_input_66_a_post_that_kills_its_worker_three_times_is_given_up(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now), NewJob("decide", post_ids[1], now + 3 * LEASE))
    for turn in range(3):
        assert len(claim(write, now + turn * LEASE)) == 1
    assert [job.post_id for job in claim(write, now + 3 * LEASE)] == [post_ids[1]]
    assert desk.rows("SELECT post_id FROM given_up") == [(post_ids[0],)]


def test_a_restart_frees_what_the_dead_process_held_but_counts_its_deaths(
    desk: Any, write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    for _ in range(3):
        assert len(claim(write, now)) == 1
        with write() as writer:
            jobs.release(writer)
    assert claim(write, now) == []
    assert desk.rows("SELECT post_id FROM given_up") == [(post_ids[0],)]


def test_what_could_not_be_begun_does_not_count_as_an_attempt(
    write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    enqueue(write, NewJob("decide", post_ids[0], now))
    for turn in range(5):
        [job] = claim(write, now + turn)
        assert job.attempts == 1
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


def test_a_job_that_was_begun_before_is_taken_alone_and_after_all_others(
    write: Write, post_ids: tuple[int, ...], now: int
) -> None:
    def take(at: int) -> list[int]:
        with write() as writer:
            return [job.post_id for job in jobs.claim(writer, "decide", at, lease=LEASE, limit=10, alone=True)]

    enqueue(write, NewJob("decide", post_ids[0], now), NewJob("decide", post_ids[1], now))
    assert take(now) == [post_ids[0], post_ids[1]]  # and the process dies
    enqueue(write, NewJob("decide", post_ids[2], now))
    assert take(now + LEASE) == [post_ids[2]]
    assert take(now + LEASE) == [post_ids[0]]
    assert take(now + LEASE) == [post_ids[1]]
