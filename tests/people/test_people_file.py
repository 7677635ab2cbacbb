"""What people.db keeps: sessions end, one-time addresses work once, wrong passwords make the next one wait."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from storage.archive.errors import ArchiveMissing, ArchiveTooNew
from storage.people import attempts, persons, requests, sessions, tokens
from storage.people.database import PeopleFile

SECOND = 1_000_000
HOUR = 3_600 * SECOND
NOON = 1_762_000_000 * SECOND


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleFile]:
    with PeopleFile(tmp_path / "people.db") as file:
        with file.writing() as writer:
            assert persons.add_person(writer, "ann", "desk", None, None, NOON)
        yield file


def test_a_session_ends_after_twelve_idle_hours_and_after_thirty_days(people: PeopleFile) -> None:
    with people.writing() as writer:
        secret = sessions.begin_session(writer, NOON, person_id=1)
        assert sessions.find_session(writer, secret, NOON + 12 * HOUR - 1)
        assert sessions.find_session(writer, secret, NOON + 12 * HOUR) is None
        at = NOON
        while at < NOON + 30 * 24 * HOUR - 11 * HOUR:
            at += 11 * HOUR
            assert sessions.find_session(writer, secret, at)
            sessions.touch_session(writer, secret, at)
        assert sessions.find_session(writer, secret, NOON + 30 * 24 * HOUR) is None


def test_a_one_time_address_works_once_and_not_for_long(people: PeopleFile) -> None:
    with people.writing() as writer:
        first, second = (sessions.make_one_time(writer, "me", NOON) for _ in range(2))
        session = sessions.use_one_time(writer, first, NOON + SECOND)
        assert session is not None
        found = sessions.find_session(writer, session, NOON + SECOND)
        assert found is not None
        assert (found.person_id, found.name) == (None, "me")
        assert sessions.use_one_time(writer, first, NOON + SECOND) is None
        assert sessions.use_one_time(writer, second, NOON + 24 * HOUR) is None
        assert sessions.use_one_time(writer, "made up", NOON) is None


def test_the_sixth_wrong_password_waits_and_each_further_one_longer(people: PeopleFile) -> None:
    waits = []
    with people.writing() as writer:
        for _ in range(9):
            waits.append(attempts.find_wait(writer, "Ann", "192.0.2.1", NOON))
            attempts.note_failure(writer, "ann", "192.0.2.1", NOON)
        assert attempts.find_wait(writer, "ann", "192.0.2.2", NOON) == 0
        assert attempts.find_wait(writer, "bea", "192.0.2.1", NOON) == 0
        assert attempts.find_wait(writer, "ann", "192.0.2.1", NOON + HOUR) == 0
        attempts.note_success(writer, "ann", "192.0.2.1")
        assert attempts.find_wait(writer, "ann", "192.0.2.1", NOON) == 0
    assert waits == [0, 0, 0, 0, 0, 15 * SECOND, 30 * SECOND, 60 * SECOND, 120 * SECOND]


def test_an_address_that_tries_many_names_waits_too(people: PeopleFile) -> None:
    with people.writing() as writer:
        for number in range(50):
            attempts.note_failure(writer, f"name {number}", "192.0.2.1", NOON)
        assert attempts.find_wait(writer, "another", "192.0.2.1", NOON) > 0
        assert attempts.find_wait(writer, "another", "192.0.2.2", NOON) == 0


def test_what_was_typed_as_a_name_is_kept_nowhere(people: PeopleFile, tmp_path: Path) -> None:
    with people.writing() as writer:
        attempts.note_failure(writer, "my password by mistake", "192.0.2.1", NOON)
    people.close()
    assert b"by mistake" not in (tmp_path / "people.db").read_bytes()


def test_a_token_opens_nothing_after_its_end(people: PeopleFile) -> None:
    with people.writing() as writer:
        _, secret = tokens.add_token(writer, "notebook", 1, "read", NOON, NOON + HOUR)
        assert tokens.find_token(writer, secret, NOON + HOUR - 1)
        assert tokens.find_token(writer, secret, NOON + HOUR) is None
        assert tokens.find_token(writer, secret + "x", NOON) is None


def test_the_same_request_twice_is_one(people: PeopleFile) -> None:
    with people.writing() as writer:
        first = requests.ask(writer, "key", "ann", "ack", {"alert": "1"}, NOON)
        second = requests.ask(writer, "key", "ann", "ack", {"alert": "2"}, NOON + 1)
        assert first == second
        assert requests.list_open(writer, 10) == [first]
        requests.settle(writer, first.id, "ok", "done", NOON)
        assert requests.list_open(writer, 10) == []


def test_two_names_that_look_the_same_are_one(people: PeopleFile) -> None:
    with people.writing() as writer:
        assert persons.add_person(writer, "Jose\u0301", "desk", None, None, NOON)
        assert persons.add_person(writer, "JOS\u00c9", "desk", None, None, NOON) is None


def test_a_newer_file_is_refused_and_a_missing_one_is_not_made_by_reading(people: PeopleFile, tmp_path: Path) -> None:
    with people.writing() as writer:
        writer.execute("PRAGMA user_version = 99")
    with PeopleFile(tmp_path / "people.db") as newer, pytest.raises(ArchiveTooNew), newer.reading():
        pass
    with PeopleFile(tmp_path / "none.db") as none, pytest.raises(ArchiveMissing), none.reading():
        pass
    assert not (tmp_path / "none.db").exists()


def test_many_threads_may_use_one_file(people: PeopleFile) -> None:
    def work(number: int) -> None:
        for step in range(20):
            with people.writing() as writer:
                attempts.note_failure(writer, f"{number}", "192.0.2.1", NOON)
            with people.reading() as reader:
                assert attempts.find_wait(reader, f"{number}", "192.0.2.9", NOON + step) == 0

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with people.reading() as reader:
        assert reader.value("SELECT failures FROM attempts WHERE name = ''") == 80
