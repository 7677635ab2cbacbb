"""Writes of alerts and decisions go before those of rounds, which are never kept waiting for ever."""

import asyncio
import threading
from collections.abc import Callable

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
