"""What people ask for on pages: done once, whatever dies between; refused in a sentence; a broken file stops nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.answers.requested import do_request
from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.config import paths
from bot.daemon.requests import Requests
from storage.alerts import mutes
from storage.archive.database import Archive
from storage.people import requests
from storage.people.database import PeopleFile
from tests.web.archive import END, HOUR, Seeded, seed


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    return seed(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def seeded(untouched: Seeded, tmp_path: Path) -> Seeded:
    """An archive of the test's own: what one test asks for is done in no other."""
    return untouched.in_copy(Path(copytree(untouched.directory, tmp_path / "seeded")))


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleFile]:
    with PeopleFile(tmp_path / "people.db") as people:
        yield people


def ask(people: PeopleFile, what: str, key: str = "k", who: str = "Ann", **arguments: Any) -> requests.ActionRow:
    with people.writing() as writer:
        return requests.ask(writer, key, who, what, {name: str(one) for name, one in arguments.items()}, END)


def do(seeded: Seeded, asked: requests.ActionRow, now: int = END) -> tuple[str, str]:
    with Archive(paths.database_in(seeded.data_dir)) as archive, archive.writing() as writer:
        return do_request(writer, seeded.config, asked, now)


def test_an_alert_is_taken_up_once_however_often_the_request_is(seeded: Seeded, people: PeopleFile) -> None:
    alert = seeded.alerts["pending"]
    asked = ask(people, "ack", alert=alert)
    assert do(seeded, asked) == ("ok", f"alert {alert} is acknowledged by Ann")
    assert do(seeded, asked) == ("ok", f"alert {alert} is acknowledged by Ann")
    assert do(seeded, ask(people, "ack", "other", "Bea", alert=alert))[1].startswith(
        f"alert {alert} was acknowledged before"
    )
    with Archive(paths.database_in(seeded.data_dir)) as archive, archive.reading() as reader:
        assert reader.value("SELECT count(*) FROM acks WHERE match_id = :id", {"id": alert}) == 1


def test_a_mute_has_an_end_and_a_reason_and_twice_is_once(seeded: Seeded, people: PeopleFile) -> None:
    wanted = {"rule": "regional-command", "for": "2h", "why": "an exercise"}
    outcome, said = do(seeded, ask(people, "mute", "m1", **wanted))
    assert outcome == "ok"
    assert do(seeded, ask(people, "mute", "m2", **wanted))[1].find("muted already") > 0
    with Archive(paths.database_in(seeded.data_dir)) as archive, archive.reading() as reader:
        [made] = [one for one in mutes.read_active(reader, END) if one.rule == "regional-command"]
    assert (made.until, made.why, made.who) == (END + 2 * HOUR, "an exercise", "Ann")
    assert f"mute {made.id}" in said
    assert do(seeded, ask(people, "unmute", "u1", mute=made.id)) == (
        "ok",
        f"mute {made.id} is ended; what it held stays silenced",
    )
    assert do(seeded, ask(people, "unmute", "u2", mute=made.id)) == ("ok", f"mute {made.id} is over already")


def test_a_mute_that_nobody_took_up_in_time_mutes_nothing(seeded: Seeded, people: PeopleFile) -> None:
    asked = ask(people, "mute", "late", rule="bridges", target="night-desk", why="x", **{"for": "1h"})
    assert do(seeded, asked, END + 2 * HOUR) == (
        "refused",
        "its time was over before `communique run` took it up",
    )


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("ack", {"alert": "99999999"}, "no alert 99999999"),
        ("ack", {"alert": "-1"}, "no alert -1"),
        ("ack", {}, "no alert"),
        ("useful", {"alert": "٣"}, "no alert"),
        ("mute", {"for": "2h", "why": "x"}, "say what to mute"),
        ("mute", {"rule": "bridges", "why": "x"}, "how long"),
        ("mute", {"rule": "bridges", "for": "9d", "why": "x"}, "7d at most"),
        ("mute", {"rule": "bridges", "for": "2h", "why": " "}, "say why"),
        ("mute", {"rule": "bridge", "for": "2h", "why": "x"}, "bridges"),
        ("mute", {"query": "(a", "for": "2h", "why": "x"}, ""),
        ("unmute", {"mute": "77777"}, "no mute 77777"),
        ("erase", {}, "no action erase"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    seeded: Seeded, people: PeopleFile, what: str, arguments: dict[str, str], words: str
) -> None:
    outcome, said = do(seeded, ask(people, what, f"{what}{arguments}", **arguments))
    assert outcome == "refused"
    assert words in said


async def until(condition: Callable[[], object]) -> None:
    """Wait for it, a minute at most."""
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it has not come")


@asynccontextmanager
async def running(seeded: Seeded, path: Path, said: list[str], acked: list[int]) -> AsyncIterator[asyncio.Task[None]]:
    """The stage at work."""
    archive = AsyncArchive(Archive(paths.database_in(seeded.data_dir)))
    clock = Clock(now=lambda: END)
    stage = Requests(archive, clock, path, lambda: seeded.config, lambda: acked.append(1), said.append)
    task = asyncio.create_task(stage.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await archive.aclose()


def look(people: PeopleFile, key: str) -> requests.ActionRow:
    with people.reading() as reader:
        found = requests.find_request(reader, key)
    assert found is not None
    return found


def test_the_stage_takes_requests_up_and_writes_back_what_came_of_them(seeded: Seeded, tmp_path: Path) -> None:
    async def scene() -> None:
        said: list[str] = []
        acked: list[int] = []
        path = tmp_path / "people.db"
        async with running(seeded, path, said, acked) as task:
            with PeopleFile(path) as people:
                for key in ("first", "second"):
                    ask(people, "ack", key, alert=seeded.alerts["dead"])
                    await until(lambda key=key: look(people, key).done_at)  # type: ignore[misc]
                    assert look(people, key).outcome == "ok"
                await until(lambda: len(acked) == 2)
            assert (said, task.done()) == ([], False)

    asyncio.run(scene())


def test_a_death_between_the_two_files_repeats_nothing(seeded: Seeded, people: PeopleFile) -> None:
    asked = ask(people, "noise", "once", alert=seeded.alerts["sent"])
    do(seeded, asked)  # done, and dead before it was written back

    async def scene() -> None:
        async with running(seeded, people.path, [], []):
            await until(lambda: look(people, "once").done_at)

    asyncio.run(scene())
    assert look(people, "once").outcome == "ok"
    with Archive(paths.database_in(seeded.data_dir)) as plain, plain.reading() as reader:
        assert reader.value("SELECT count(*) FROM verdicts WHERE who = 'Ann' AND verdict = 'noise'") == 1


def test_a_file_of_people_that_is_none_is_said_once_and_stops_nothing(seeded: Seeded, tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_bytes(b"no database at all, and more than a header " * 30)

    async def scene() -> None:
        said: list[str] = []
        async with running(seeded, path, said, []) as task:
            await until(lambda: said)
            path.unlink()
            with PeopleFile(path) as people:
                ask(people, "ack", alert=seeded.alerts["dead"])
                await until(lambda: look(people, "k").done_at)
            assert not task.done()
        assert len(said) == 1
        assert "people.db" in said[0]

    asyncio.run(scene())
