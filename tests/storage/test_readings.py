"""Which stored files an engine has read; the newest first, and never one for which a job waits."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import jobs
from storage.jobs import NewJob
from storage.media import readings
from storage.media import rows as media_rows
from storage.media.readings import ReadRequest
from storage.media.shelf import Kept
from storage.records import FetchedMedia, FetchedPost

Make = Callable[..., FetchedPost]
KEPT = Kept("ab" * 32, 9_000, f"media/ab/ab/{'ab' * 32}", "audio/ogg")
DAY_MIN = 24 * 60


@pytest.fixture
def heard(desk: Any, make_post: Make) -> Any:
    """Five stored voice notes, the oldest first, each a day after the one before; no job of theirs."""
    note = FetchedMedia("voice", "v", url="https://cdn.example/v.ogg")
    desk.save(*(make_post(number, media=(note,), minutes_ago=(6 - number) * DAY_MIN) for number in range(1, 6)))
    with desk.archive.writing() as writer:
        for media_id in range(1, 6):
            media_rows.mark_stored(writer, media_id, KEPT, 1)
    return desk


def unread(desk: Any, *, limit: int = 10) -> list[int]:
    """All pages of them."""
    with desk.archive.reading() as reader:
        found, below = [], None
        while page := readings.find_unread(reader, below=below, limit=limit):
            below = page[-1]
            found += [file.id for file in page]
    return found


def wanted(desk: Any, what: ReadRequest) -> list[int]:
    with desk.archive.reading() as reader:
        return [file.id for file in readings.find_requested(reader, what, limit=10)]


def give_up(desk: Any, media_id: int, by: str, reason: str = "too long") -> None:
    with desk.archive.writing() as writer:
        post_id = writer.value(f"SELECT post_id FROM media WHERE id = {media_id}")
        jobs.enqueue(writer, [NewJob("transcript", post_id, 0, str(media_id), False)])
        job = jobs.claim_newest(writer, "transcript", 1, lease=10)
        assert job is not None
        jobs.give_up(writer, job.id, 1, reason)
        readings.mark_read(writer, media_id, by, 1)


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_what_no_engine_has_read_is_found_newest_first_page_by_page(heard: Any, limit: int) -> None:
    assert unread(heard, limit=limit) == [5, 4, 3, 2, 1]
    with heard.archive.writing() as writer:
        readings.mark_read(writer, 4, "ears 1", 1)
        post_id = writer.value("SELECT post_id FROM media WHERE id = 3")
        jobs.enqueue(writer, [NewJob("transcript", post_id, 1, "3", False)])
        writer.execute("UPDATE media SET state = 'gone' WHERE id = 1")
    assert unread(heard, limit=limit) == [5, 2]


def test_what_was_given_up_is_asked_for_by_people_only(heard: Any) -> None:
    give_up(heard, 4, "ears 1")
    assert unread(heard) == [5, 3, 2, 1]
    with heard.archive.reading() as reader:
        [found] = readings.list_given_up(reader, limit=5)
    assert (found.file.id, found.native_id, found.reason, found.read_by) == (4, "4", "too long", "ears 1")
    assert wanted(heard, ReadRequest()) == [5, 4, 3, 2, 1]
    with heard.archive.writing() as writer:
        readings.reopen(writer, [4, 5])
    assert unread(heard) == [5, 4, 3, 2, 1]
    with heard.archive.reading() as reader:
        assert readings.list_given_up(reader, limit=5) == []


def test_people_ask_for_a_time_for_sources_and_for_what_was_read_before(heard: Any, now: int) -> None:
    with heard.archive.writing() as writer:
        readings.mark_read(writer, 5, "ears 1", 1)
    assert wanted(heard, ReadRequest(since=now - 3 * DAY_MIN * 60_000_000)) == [4, 3]
    assert wanted(heard, ReadRequest(since=now - 3 * DAY_MIN * 60_000_000, again=True)) == [5, 4, 3]
    assert wanted(heard, ReadRequest(sources=("spokesman",))) == [4, 3, 2, 1]
    assert wanted(heard, ReadRequest(sources=("desk", "nobody"), again=True)) == []


def test_asking_leaves_alone_what_is_under_way_and_what_has_failed_before(heard: Any) -> None:
    def rows() -> Any:
        return heard.rows(
            "SELECT slot, due_at, attempts, claimed_until FROM jobs WHERE kind = 'transcript' ORDER BY id"
        )

    with heard.archive.writing() as writer:
        ids = {row["id"]: row["post_id"] for row in writer.rows("SELECT id, post_id FROM media")}
        jobs.enqueue(writer, [NewJob("transcript", ids[number], 1, str(number), False) for number in (4, 5)])
        five = jobs.claim_newest(writer, "transcript", 1, lease=10)
        four = jobs.claim_newest(writer, "transcript", 1, lease=10)
        assert five is not None
        assert four is not None
        assert not jobs.record_failure(writer, four.id, 1, "crash")
    before = rows()
    new = [NewJob("transcript", ids[number], 7, str(number), True) for number in (4, 5)]
    with heard.archive.writing() as writer:
        jobs.enqueue_missing(writer, new, again=False)
    assert rows() == before
    with heard.archive.writing() as writer:
        jobs.enqueue_missing(writer, new, again=True)
    assert rows() == [("4", 7, 0, None), ("5", 1, 0, 11)]


def test_patient_work_and_work_of_other_sources_is_not_claimed(heard: Any) -> None:
    with heard.archive.writing() as writer:
        ids = {row["id"]: row["post_id"] for row in writer.rows("SELECT id, post_id FROM media")}
        jobs.enqueue(writer, [NewJob("ocr", ids[number], 1, str(number), number > 2) for number in range(1, 6)])

        def take(**which: Any) -> str | None:
            job = jobs.claim_newest(writer, "ocr", 1, lease=10, **which)
            return job.slot if job else None

        assert take(background=False, sources=["desk"]) is None
        assert take(background=False, sources=["desk", "spokesman"]) == "2"
        assert [take(background=False), take(background=False)] == ["1", None]
        assert [take(background=True), take()] == ["5", "4"]
    with heard.archive.reading() as reader:
        assert jobs.is_due(reader, "ocr", 1, background=True)
        assert not jobs.is_due(reader, "ocr", 1, background=False)
        assert not jobs.is_due(reader, "ocr", 0, background=True)
        assert not jobs.is_due(reader, "ocr", 1, background=True, sources=["desk"])
