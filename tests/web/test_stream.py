"""The stream of news: what it tells of, in which order, and that a break of either side costs nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.web.pulse import Pulse
from bot.web.viewer import Viewer
from storage.archive.database import Archive
from storage.people import persons, tokens
from storage.posts import saving
from storage.records import Checked
from storage.sources import states
from tests.web.archive import FETCHED, MINUTE, Day, Seeded
from tests.web.letting_in import Guarded, guarded
from tests.web.serving import OWNER, opened, served

DEADLINE_S = 120.0
LAST = 999  # the number of a bulletin


@dataclass
class Event:
    """One event as it came."""

    kind: str = ""
    id: str = ""
    data: Any = None


@dataclass
class Listener:
    """Listens to a stream, and comes back with the last id as a browser does."""

    query: str = ""
    last: str = ""
    got: list[Event] = field(default_factory=list)

    async def listen(self, address: str, enough: Callable[[Event], bool]) -> bool:
        """Read until an event is enough, or the stream ends; whether it was enough."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        async with (
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
            client.stream("GET", f"{address}/api/v1/stream{self.query}", headers=headers) as answer,
        ):
            assert answer.status_code == 200
            async for event in self._events(answer):
                self.got.append(event)
                if enough(event):
                    return True
        return False

    async def _events(self, answer: httpx.Response) -> AsyncIterator[Event]:
        event = Event()
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event.kind = value
            elif name == "id":
                event.id = value
            elif name == "data":
                event.data = json.loads(value)
            elif not line:
                self.last = event.id or self.last
                if event.data is not None:
                    yield event
                event = Event()


@pytest.fixture
def later(copy_of_seeded: Callable[[], Seeded]) -> Seeded:
    copied = copy_of_seeded()
    return replace(copied, posts=dict(copied.posts))


def day_after(seeded: Seeded, archive: Archive) -> Day:
    day = Day(archive, seeded.config, seeded)
    day.now = seeded.now
    day.numbers = {one.name: 1_000 for one in seeded.config.sources}
    return day


def delete(day: Day, post: int) -> None:
    for _ in range(2):
        day.now += 10 * MINUTE
        with day.archive.writing() as writer:
            [number] = writer.column("SELECT native_id FROM posts WHERE id = :id", {"id": post})
            saving.save_check(
                writer, post, Checked(number, "absent", "page", control=True, fetch=FETCHED), day.now, apart=MINUTE
            )
        day.decide()


async def hear(seeded: Seeded, listener: Listener, last: Callable[[Event], bool], viewer: Viewer = OWNER) -> None:
    with opened(seeded, viewer) as room, served(room) as address:
        async with asyncio.timeout(DEADLINE_S):
            assert await listener.listen(address, last)


async def begin(seeded: Seeded, listener: Listener, viewer: Viewer = OWNER) -> None:
    """Come once, so that the listener has a place."""
    with opened(seeded, viewer) as room, served(room) as address:
        async with asyncio.timeout(DEADLINE_S):
            while not listener.last:
                task = asyncio.create_task(listener.listen(address, lambda _: True))
                await asyncio.sleep(0.1)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def test_what_happened_while_nobody_was_there_comes_in_its_order(later: Seeded) -> None:
    every, bridges = Listener(), Listener("?q=bridge")
    asyncio.run(begin(later, every))
    bridges.last = every.last
    with Archive(later.data_dir / "communique.db") as archive:
        day = day_after(later, archive)
        post = day.say("hill-rangers", "new", "The bridge is closed.")
        day.say("hill-rangers", "new", "The road is closed.", number=1_001)
        other = day.say("valley-radio", "other", "Nothing to report.")
        delete(day, post)
        day.say("hill-rangers", "new", "The road is open.", number=1_001)
        end = day.say("valley-radio", "end", "A bridge again.")

    def last(event: Event) -> bool:
        return bool(event.kind == "match" and event.data["post_id"] == str(end))

    for listener in (every, bridges):
        asyncio.run(hear(later, listener, last))
    posts = {"post", "edit", "deletion", "return"}
    mine = [event.kind for event in bridges.got if event.kind in posts and event.data["id"] == str(post)]
    assert sorted(mine) == ["deletion", "edit", "edit", "post", "return"], (
        "an edit that takes the words away is news, too"
    )
    assert [event.data["id"] for event in every.got if event.kind == "post"] == [str(post), str(other), str(end)]
    assert str(other) not in {event.data.get("id") for event in bridges.got}
    [matched] = [event for event in bridges.got if event.kind == "match" and event.data["post_id"] == str(end)]
    assert matched.data["deliveries"]
    assert len({event.id for event in every.got}) == len(every.got)
    assert [one["text"] for one in bridges.got[0].data["matched"]] == ["bridge"]


def test_news_wakes_a_listener(later: Seeded) -> None:
    async def play(address: str) -> Event:
        listener = Listener()
        task = asyncio.create_task(listener.listen(address, lambda event: event.kind == "post"))
        while not listener.last:  # noqa: ASYNC110  it has begun when it has a place
            await asyncio.sleep(0.05)
        with Archive(later.data_dir / "communique.db") as archive:
            await asyncio.to_thread(day_after(later, archive).say, "valley-radio", "new", "It is quiet.")
        async with asyncio.timeout(DEADLINE_S):
            await task
        return listener.got[-1]

    with opened(later) as room, served(room) as address:
        assert asyncio.run(play(address)).data["text"] == "It is quiet."


async def keep_listening(listener: Listener, address: Callable[[], str], last: Callable[[Event], bool]) -> None:
    while True:
        try:
            if await listener.listen(address(), last):
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("listeners", "restarts"), [(5, 2), pytest.param(50, 10, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_restarts_of_the_server_lose_and_repeat_no_event(later: Seeded, listeners: int, restarts: int) -> None:
    heard = [Listener("?q=bulletin" if number % 2 else "") for number in range(listeners)]
    where = [""]
    happened: list[tuple[str, str]] = []

    def do(day: Day, number: int) -> None:
        """A post, its edit and its deletion; they are read after each other only if no restart comes between."""
        post = day.say("hill-rangers", "new", f"A bulletin {number}")
        day.say("hill-rangers", "new", f"A bulletin {number}, corrected", number=day.numbers["hill-rangers"])
        delete(day, post)
        happened.extend((kind, str(post)) for kind in ("post", "edit", "deletion"))

    async def play(day: Day) -> None:
        def last(event: Event) -> bool:
            return event.kind == "deletion" and f"bulletin {LAST}," in event.data["text"]

        for listener in heard:
            listener.last = first
        tasks = [asyncio.create_task(keep_listening(one, lambda: where[0], last)) for one in heard]
        for number in range(restarts + 1):
            with opened(later) as room, served(room) as address:
                where[0] = address
                for piece in range(2):
                    await asyncio.to_thread(do, day, 2 * number + piece)
                    await asyncio.sleep(0.3)
                if number == restarts:
                    await asyncio.to_thread(do, day, LAST)
                    async with asyncio.timeout(DEADLINE_S):
                        await asyncio.gather(*tasks)

    beginning = Listener()
    asyncio.run(begin(later, beginning))
    first = beginning.last
    with Archive(later.data_dir / "communique.db") as archive:
        asyncio.run(play(day_after(later, archive)))
    for listener in heard:
        got = [(event.kind, event.data["id"]) for event in listener.got if event.kind != "match"]
        assert sorted(got) == sorted(happened)
        for kind in ("post", "edit", "deletion"):  # in the order of the archive, which has no clock
            assert [one for one in got if one[0] == kind] == [one for one in happened if one[0] == kind]


def test_an_archive_that_was_replaced_by_an_older_one_is_said(later: Seeded) -> None:
    listener = Listener(last="999999-0.0-0.0")
    asyncio.run(hear(later, listener, lambda event: event.kind == "reset"))
    assert listener.got[0].id != "999999-0.0-0.0"


def test_who_reads_some_sources_hears_nothing_of_others_not_even_by_ids(later: Seeded) -> None:
    with Archive(later.data_dir / "communique.db") as archive:
        with archive.reading() as reader:
            seen = frozenset(row.id for row in states.list_sources(reader) if row.name == "valley-radio")
        ann = Viewer("ann", "reader", seen)
        quiet, listener = Listener(), Listener()
        asyncio.run(begin(later, quiet, ann))
        day = day_after(later, archive)
        for number in range(3):
            day.say("state-spokesman", f"hidden {number}", f"The bridge is ours, {number}.")
        asyncio.run(begin(later, listener, ann))
        assert listener.last == quiet.last
        shown = day.say("valley-radio", "shown", "The bridge is open.")
    asyncio.run(hear(later, listener, lambda event: event.kind == "match", ann))
    assert {event.data.get("post_id", event.data["id"]) for event in listener.got} == {str(shown)}


def take_token(house: Guarded, ann: int) -> None:
    with house.people.writing() as writer:
        tokens.revoke_token(writer, 1, house.now)


def take_rights(house: Guarded, ann: int) -> None:
    with house.people.writing() as writer:
        persons.set_rights(writer, ann, "reader", ["source:valley-radio"])


def remove(house: Guarded, ann: int) -> None:
    with house.people.writing() as writer:
        persons.remove_person(writer, ann)


@pytest.mark.parametrize("change", [remove, take_token, take_rights])
def test_who_may_no_longer_read_hears_no_more_on_a_stream_that_is_open(
    later: Seeded, tmp_path: Path, change: Callable[[Guarded, int], None]
) -> None:
    with guarded(later, tmp_path) as house, served(house.room) as address:
        ann = house.add("ann", "reader")
        headers = {"Authorization": f"Bearer {house.token(ann, 'read')}"}
        with httpx.stream("GET", f"{address}/api/v1/stream", headers=headers, timeout=DEADLINE_S) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith("id: "))
            change(house, ann)
            with Archive(later.data_dir / "communique.db") as archive:
                day_after(later, archive).say("state-spokesman", "later", "The bridge is ours.")
            assert next((line for line in lines if line.startswith("data:")), None) is None


@pytest.mark.parametrize("words", ["?after=x", "?after=1.2", "?q=(", "?nothing=1"])
def test_a_stream_that_cannot_be_is_refused(seeded: Seeded, words: str) -> None:
    with opened(seeded) as room, served(room) as address:
        answer = httpx.get(f"{address}/api/v1/stream{words}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_who_waits_is_woken_by_news_that_came_between_the_look_and_the_wait() -> None:
    async def play() -> None:
        pulse = Pulse()
        beat = pulse.beat
        pulse._ring()
        async with asyncio.timeout(DEADLINE_S):
            await pulse.wait(beat, 10_000, never)

    async def never() -> None:
        raise AssertionError("nobody looks")

    asyncio.run(play())
