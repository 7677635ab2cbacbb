"""Who is to blame for a death of the process: only work that was alone, and only once the process was healthy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from storage import jobs
from storage.alerts import claiming, deaths, outbox
from storage.jobs import ClaimedJob, NewJob
from storage.records import FetchedPost

SECOND = 1_000_000
LEASE = 60 * SECOND


@dataclass
class Process:
    """What a process does to the archive: it claims, and dies or stops."""

    desk: Any
    now: int

    def claim(self, kind: str = "decide", *, healthy: bool = False, limit: int = 10) -> list[ClaimedJob]:
        with self.desk.archive.writing() as writer:
            found = jobs.claim(writer, kind, self.now, lease=LEASE, limit=limit, healthy=healthy)
            if not found and healthy:
                found = jobs.claim_suspect(writer, kind, self.now, lease=LEASE)
        return found

    def die(self) -> list[deaths.LostDelivery]:
        """The next process finds what this one held."""
        with self.desk.archive.writing() as writer:
            return deaths.settle_death(writer, self.now, blameless=("transcript", "ocr", "translation"))

    def stop(self) -> None:
        with self.desk.archive.writing() as writer:
            deaths.let_go(writer)

    def finish(self, *found: ClaimedJob) -> None:
        with self.desk.archive.writing() as writer:
            jobs.finish(writer, [job.id for job in found])

    @property
    def given_up(self) -> list[tuple[Any, ...]]:
        return list(self.desk.rows("SELECT kind, post_id FROM given_up"))


@pytest.fixture
def posts(desk: Any, make_post: Callable[..., FetchedPost]) -> tuple[int, ...]:
    """Three posts that wait for their rules, and for nothing else."""
    saved = desk.save(*(make_post(number) for number in range(3)))
    return saved.new  # type: ignore[no-any-return]


@pytest.fixture
def process(desk: Any, posts: tuple[int, ...], now: int) -> Process:
    return Process(desk, now)


def test_any_number_of_deaths_right_after_the_start_gives_nothing_up(process: Process, posts: tuple[int, ...]) -> None:
    for _ in range(20):
        process.claim(limit=1)
        process.die()
    assert process.given_up == []
    while found := process.claim(healthy=True):
        process.finish(*found)
    assert process.desk.rows("SELECT count(*) FROM jobs WHERE kind = 'decide'") == [(0,)]


def test_any_number_of_deaths_with_several_claimed_gives_nothing_up(process: Process, posts: tuple[int, ...]) -> None:
    with process.desk.archive.writing() as writer:
        outbox.announce(writer, ["desk"], "x", "x is failing", process.now)
    for _ in range(20):
        with process.desk.archive.writing() as writer:
            assert claiming.claim(writer, "desk", process.now) or claiming.claim_suspect(writer, "desk", process.now)
        process.claim(healthy=True)
        process.die()
    assert process.given_up == []
    assert process.desk.rows("SELECT state FROM deliveries") == [("pending",)]


def test_bad_input_66_two_deaths_in_a_row_with_nothing_else_claimed_give_it_up_and_no_other(
    process: Process, posts: tuple[int, ...]
) -> None:
    """The second post kills whoever works on it."""
    lives = 0
    while process.desk.rows("SELECT count(*) FROM jobs WHERE kind = 'decide'") != [(0,)]:
        lives += 1
        alive, healthy = True, False
        while (alive and (found := process.claim(healthy=healthy))) or not healthy:
            if not found:
                healthy = True  # a minute passes
            elif posts[1] in [job.post_id for job in found]:
                alive = healthy = False
                break
            else:
                process.finish(*found)
        process.die()
        assert lives < 10
    assert process.given_up == [("decide", posts[1])]
    assert lives == 4, "in a batch, alone at the start, and twice after a healthy minute"


def test_what_was_interrupted_once_is_taken_first_and_alone(process: Process, posts: tuple[int, ...]) -> None:
    process.claim(limit=2)
    process.die()
    assert [job.post_id for job in process.claim()] == [posts[0]]
    assert [job.post_id for job in process.claim()] == [posts[1]]
    assert [job.post_id for job in process.claim()] == [posts[2]]


def test_what_was_interrupted_twice_waits_until_the_process_is_healthy(
    process: Process, posts: tuple[int, ...]
) -> None:
    process.claim(limit=1)
    process.die()
    process.claim()
    process.die()
    assert [job.post_id for job in process.claim(limit=1)] == [posts[1]]
    assert [job.post_id for job in process.claim(limit=1)] == [posts[2]]
    assert process.claim() == []
    assert [job.post_id for job in process.claim(healthy=True)] == [posts[0]]


def test_an_outcome_between_two_deaths_begins_the_count_again(process: Process, posts: tuple[int, ...]) -> None:
    for _ in range(5):
        process.finish(*process.claim(limit=10))
        with process.desk.archive.writing() as writer:
            jobs.enqueue(writer, [NewJob("decide", posts[0], process.now)])
        process.claim(healthy=True)
        process.die()
        [job] = process.claim()
        with process.desk.archive.writing() as writer:
            assert not jobs.record_failure(writer, job.id, process.now, "a bug")
            jobs.enqueue(writer, [NewJob("decide", posts[0], process.now)])
    assert process.given_up == []


def test_an_orderly_stop_is_no_death(process: Process, posts: tuple[int, ...]) -> None:
    for _ in range(5):
        process.claim(healthy=True)
        process.stop()
        process.die()
    assert len(process.claim()) == 3


def test_work_in_a_process_of_its_own_is_not_blamed_and_blames_no_other(
    process: Process, posts: tuple[int, ...]
) -> None:
    process.finish(*process.claim())
    with process.desk.archive.writing() as writer:
        jobs.enqueue(writer, [NewJob("transcript", posts[0], process.now, "1", False)])
    for _ in range(5):
        with process.desk.archive.writing() as writer:
            assert jobs.claim_newest(writer, "transcript", process.now, lease=LEASE) is not None
        process.die()
    assert process.given_up == []


@pytest.mark.parametrize("healthy", [False, True])
def test_a_message_whose_sending_kills_the_process_is_given_up_after_two_healthy_minutes(
    process: Process, healthy: bool
) -> None:
    process.finish(*process.claim())
    with process.desk.archive.writing() as writer:
        outbox.announce(writer, ["desk"], "x", "x is failing", process.now)
    lost: list[deaths.LostDelivery] = []
    for _ in range(5):
        with process.desk.archive.writing() as writer:
            claimed = claiming.claim(writer, "desk", process.now, healthy=healthy)
            if claimed is None and healthy:
                claiming.claim_suspect(writer, "desk", process.now)
        lost += process.die()
    assert [(one.match_id, one.target, one.kind) for one in lost] == ([(None, "desk", "health")] if healthy else [])
    [(state, attempts, repeat)] = process.desk.rows("SELECT state, attempts, possible_repeat FROM deliveries")
    assert (state, attempts, repeat) == ("dead" if healthy else "pending", 0, 1)


def test_what_was_interrupted_once_comes_before_what_failed(process: Process, posts: tuple[int, ...]) -> None:
    interrupted, failed = posts[1], posts[0]
    with process.desk.archive.writing() as writer:
        jobs.finish(writer, [row[0] for row in writer.rows("SELECT id FROM jobs WHERE kind = 'decide'")])
        jobs.enqueue(writer, [NewJob("decide", interrupted, process.now)])
    process.claim()
    process.die()
    with process.desk.archive.writing() as writer:
        jobs.postpone(
            writer, [row[0] for row in writer.rows("SELECT id FROM jobs WHERE kind = 'decide'")], process.now + 1
        )
        jobs.enqueue(writer, [NewJob("decide", failed, process.now)])
        [job] = jobs.claim(writer, "decide", process.now, lease=LEASE, limit=1)
        jobs.set_apart(writer, [job.id], process.now)
    process.now += 1
    assert [job.post_id for job in process.claim()] == [interrupted]
    assert [job.post_id for job in process.claim()] == [failed]
