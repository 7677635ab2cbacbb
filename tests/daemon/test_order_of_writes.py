"""Writes of alerts and decisions go before those of rounds, which share transactions and never wait for ever."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from bot.archive import AsyncArchive
from storage.archive.database import Archive, Writer


def order_of(archive: Archive, *writes: tuple[str, int]) -> str:
    """In which order transactions end that wait for the same one; "b" waits behind, "a" does not."""
    done: list[str] = []
    begun, busy = threading.Event(), threading.Event()

    def hold(_: Writer) -> None:
        begun.set()
        assert busy.wait(60)

    def note(name: str) -> Callable[[Writer], None]:
        return lambda _: done.append(name)

    async def go() -> None:
        store = AsyncArchive(archive)
        first = asyncio.create_task(store.run(hold))
        await asyncio.to_thread(begun.wait, 60)
        waiting = [
            asyncio.create_task((store.run_behind if name == "b" else store.run)(note(name)))
            for name, count in writes
            for _ in range(count)
        ]
        await asyncio.sleep(0)  # each has its place in the queue
        busy.set()
        await asyncio.gather(first, *waiting)
        await store.aclose()

    asyncio.run(go())
    return "".join(done)


def test_what_is_urgent_overtakes_a_burst_of_rounds(archive: Archive) -> None:
    assert order_of(archive, ("b", 64), ("a", 3)) == "aaa" + "b" * 64


def test_rounds_have_their_turn_under_a_flood_of_alerts(archive: Archive) -> None:
    assert order_of(archive, ("b", 2), ("a", 20)) == "aaaaaaaab" * 2 + "aaaa"


def test_a_close_waits_for_all_that_was_asked_for(archive: Archive) -> None:
    done: list[int] = []

    async def go() -> None:
        store = AsyncArchive(archive)
        tasks = [asyncio.create_task(store.run_behind(lambda _, n=n: done.append(n))) for n in range(20)]  # type: ignore[misc]
        await asyncio.sleep(0)
        await store.aclose()
        await asyncio.gather(*tasks)

    asyncio.run(go())
    assert done == list(range(20))


SAVED = "SELECT key FROM meta WHERE key LIKE 'n%' ORDER BY key"


def save(name: str) -> Callable[[Writer], str]:
    def write(writer: Writer) -> str:
        writer.execute("INSERT INTO meta (key, value) VALUES (:key, '')", {"key": name})
        return name

    return write


def behind_each_other(archive: Archive, *writes: Callable[[Writer], Any]) -> list[Any]:
    """What each of these got that wait together: its result, or what it raised."""
    busy = threading.Event()

    async def ask(store: AsyncArchive, write: Callable[[Writer], Any]) -> Any:
        result = await store.run_behind(write)
        if isinstance(result, str):
            assert result in await store.read(lambda reader: reader.column(SAVED)), "committed before the answer"
        return result

    async def go() -> list[Any]:
        store = AsyncArchive(archive)
        first = asyncio.create_task(store.run(lambda _: busy.wait(60)))
        waiting = asyncio.gather(*(ask(store, write) for write in writes), return_exceptions=True)
        await asyncio.sleep(0)
        busy.set()
        await first
        found = await waiting
        await store.aclose()
        return found

    return asyncio.run(go())


def saved(archive: Archive) -> list[str]:
    with archive.reading() as reader:
        return reader.column(SAVED)


def test_rounds_that_wait_together_are_committed_together(archive: Archive) -> None:
    seen: list[list[str]] = []

    def look_and_save(name: str) -> Callable[[Writer], str]:
        def write(writer: Writer) -> str:
            seen.append(saved(archive))
            return save(name)(writer)

        return write

    names = [f"n{n:02}" for n in range(20)]
    assert behind_each_other(archive, *map(look_and_save, names)) == names
    assert seen == [[]] * 20


def test_much_to_write_takes_nothing_along(archive: Archive) -> None:
    def save_many(writer: Writer) -> None:
        for n in range(2_000):
            save(f"n{n:04}")(writer)

    seen: list[int] = []
    behind_each_other(archive, save_many, lambda _: seen.append(len(saved(archive))))
    assert seen == [2_000]


def test_one_that_fails_takes_no_other_with_it(archive: Archive) -> None:
    def fail(writer: Writer) -> None:
        save("n9")(writer)
        raise ValueError("a bug")

    found = behind_each_other(archive, save("n1"), fail, save("n2"), save("n3"))
    assert [str(one) for one in found] == ["n1", "a bug", "n2", "n3"]
    assert saved(archive) == ["n1", "n2", "n3"]


def test_a_commit_that_fails_is_the_failure_of_the_one_that_caused_it(archive: Archive) -> None:
    def break_commit(writer: Writer) -> None:
        writer.execute("PRAGMA defer_foreign_keys = ON")
        writer.execute("INSERT INTO gaps (source_id, reason, opened_at, alerts) VALUES (77, 'of no source', 0, 0)")

    found = behind_each_other(archive, save("n1"), break_commit, save("n2"))
    assert [str(one) for one in found] == ["n1", "FOREIGN KEY constraint failed", "n2"]
    assert saved(archive) == ["n1", "n2"]


def test_what_a_cancelled_caller_wanted_is_written_with_the_others(archive: Archive) -> None:
    begun, busy = threading.Event(), threading.Event()

    def hold(writer: Writer) -> str:
        begun.set()
        busy.wait(60)
        return save("n2")(writer)

    async def go() -> None:
        store = AsyncArchive(archive)
        first, second, third = (asyncio.create_task(store.run_behind(one)) for one in (save("n1"), hold, save("n3")))
        await asyncio.to_thread(begun.wait, 60)
        for task in (second, third):  # one is under way, the other is not
            task.cancel()
        await asyncio.gather(second, third, return_exceptions=True)
        busy.set()
        assert await first == "n1"
        await store.aclose()

    asyncio.run(go())
    assert saved(archive) == ["n1", "n2"]


def test_rounds_under_way_are_committed_as_soon_as_something_urgent_waits(archive: Archive) -> None:
    begun, busy = threading.Event(), threading.Event()

    def hold(writer: Writer) -> str:
        begun.set()
        busy.wait(60)
        return save("n1")(writer)

    async def go() -> None:
        store = AsyncArchive(archive)
        rounds = [asyncio.create_task(store.run_behind(one)) for one in (hold, save("n2"))]
        await asyncio.to_thread(begun.wait, 60)
        urgent = asyncio.create_task(store.run(lambda _: saved(archive)))
        await asyncio.sleep(0)
        busy.set()
        assert await urgent == ["n1"]
        await asyncio.gather(*rounds)
        await store.aclose()

    asyncio.run(go())
    assert saved(archive) == ["n1", "n2"]
