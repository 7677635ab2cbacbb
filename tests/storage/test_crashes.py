"""Which file is left alone because its reading kills the whole process: never one that only was there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from storage import jobs
from storage.alerts import deaths
from storage.jobs import NewJob
from storage.media import crashes, readings
from storage.records import FetchedMedia

MINUTE = 60_000_000


@dataclass
class Reading:
    """What processes do with three voice notes."""

    desk: Any
    now: int

    def begin(self, *, healthy: bool, files: int = 1) -> list[int]:
        """A process claims jobs and begins to read the newest files; their ids."""
        begun = []
        with self.desk.archive.writing() as writer:
            for _ in range(files):
                job = jobs.claim_newest(writer, "transcript", self.now, lease=MINUTE, healthy=healthy)
                if job is not None:
                    crashes.begin_reading(writer, int(job.slot), self.now)
                    begun.append(int(job.slot))
        return begun

    def die(self) -> None:
        """The next process finds what the last one was at."""
        with self.desk.archive.writing() as writer:
            deaths.settle_death(writer, self.now, blameless=("transcript", "ocr", "translation"))
            crashes.count(writer, self.now)

    def end(self, media_id: int, *, broken_off: bool = False) -> None:
        with self.desk.archive.writing() as writer:
            crashes.end_reading(writer, media_id, broken_off=broken_off)
            job = writer.value("SELECT id FROM jobs WHERE slot = :slot", {"slot": str(media_id)})
            jobs.postpone(writer, [job], self.now)

    @property
    def suspects(self) -> list[int]:
        with self.desk.archive.reading() as reader:
            jobs_of = {int(slot): job for job, slot in self.desk.rows("SELECT id, slot FROM jobs WHERE slot != ''")}
            return [one for one in (1, 2, 3) if one in jobs_of and crashes.is_suspect(reader, jobs_of[one])]

    @property
    def alone(self) -> list[int]:
        with self.desk.archive.reading() as reader:
            return [one for one in (1, 2, 3) if crashes.was_interrupted(reader, one)]

    @property
    def given_up(self) -> list[tuple[Any, ...]]:
        return list(self.desk.rows("SELECT slot, announced FROM given_up"))


@pytest.fixture
def reading(desk: Any, make_post: Callable[..., Any], now: int) -> Reading:
    for number in (1, 2, 3):
        desk.save(make_post(number, media=(FetchedMedia("voice", "v", url="https://cdn.example/v.ogg"),)))
        with desk.archive.writing() as writer:
            post_id = writer.value("SELECT max(post_id) FROM media")
            jobs.enqueue(writer, [NewJob("transcript", post_id, now, str(number), background=False)])
    return Reading(desk, now)


def test_a_file_on_which_a_healthy_process_dies_twice_is_left_alone_and_that_is_announced(reading: Reading) -> None:
    for _ in range(2):
        assert (reading.begin(healthy=True), reading.given_up) == ([3], [])
        reading.die()
        assert reading.alone == [3]
    assert reading.given_up == [("3", 0)]
    assert reading.begin(healthy=True) == [2]


def test_no_number_of_deaths_soon_after_a_start_gives_up_a_file(reading: Reading) -> None:
    for _ in range(5):
        assert reading.begin(healthy=False) == [3]
        reading.die()
    assert (reading.given_up, reading.suspects) == ([], [3])


def test_a_death_while_several_files_are_read_counts_against_none_and_makes_all_of_them_suspects(
    reading: Reading,
) -> None:
    for _ in range(5):
        assert reading.begin(healthy=True, files=2) == [3, 2]
        reading.die()
    assert (reading.given_up, reading.suspects) == ([], [2, 3])


def test_a_file_that_always_kills_the_process_is_left_alone_after_four_deaths_however_it_begins(
    reading: Reading,
) -> None:
    reading.begin(healthy=False, files=3)
    reading.die()
    reading.begin(healthy=False)
    reading.die()
    assert reading.suspects == [3], "from now on it is read only by a healthy process"
    for _ in range(2):
        reading.begin(healthy=True)
        reading.die()
    assert reading.given_up == [("3", 0)]


def test_only_deaths_in_a_row_count_and_a_reading_that_was_broken_off_acquits_nobody(reading: Reading) -> None:
    reading.begin(healthy=True)
    reading.die()
    [file] = reading.begin(healthy=True)
    reading.end(file)
    assert (reading.alone, reading.suspects) == ([], [])
    for _ in range(2):
        assert reading.given_up == []
        reading.begin(healthy=True)
        reading.end(file, broken_off=True)
        reading.begin(healthy=True)
        reading.die()
    assert reading.given_up == [("3", 0)]


def test_a_person_who_takes_it_up_again_clears_it_of_suspicion(reading: Reading) -> None:
    for _ in range(2):
        reading.begin(healthy=True)
        reading.die()
    with reading.desk.archive.writing() as writer:
        readings.reopen(writer, [3])
    assert (reading.given_up, reading.alone) == ([], [])
