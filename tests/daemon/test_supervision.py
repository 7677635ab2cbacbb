"""Stages that fail are restarted and reported once; systemd's watchdog is fed only while the archive is written to."""

import asyncio
import gc
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.claims import Claims
from bot.clock import Clock
from bot.daemon.journal import CALM_S
from bot.daemon.supervision import Supervision, heartbeat
from bot.daemon.systemd import Systemd
from storage.archive.database import Archive
from storage.archive.errors import ArchiveFull, ArchiveMissing


class Leaping(selectors.DefaultSelector):
    """Time that leaps to the next thing that is due instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


def leaping_loop() -> tuple[asyncio.AbstractEventLoop, Clock]:
    selector = Leaping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]  # before anything runs in it
    return loop, Clock(monotonic=loop.time)


def run_for(seconds: float, work: Any) -> tuple[Supervision, list[str]]:
    """Let a supervised stage run for so many seconds, none of which is waited for."""
    loop, clock = leaping_loop()
    said: list[str] = []
    made: list[Supervision] = []

    async def live() -> None:
        made.append(Supervision(clock, said.append, Claims(clock)))
        stage = asyncio.create_task(made[0].keep("polling", work))
        await asyncio.sleep(seconds)
        stage.cancel()
        await asyncio.gather(stage, return_exceptions=True)

    with closing(loop):
        loop.run_until_complete(live())
    return made[0], said


def failing(times: int, error: Callable[[], Exception]) -> tuple[Any, list[float]]:
    """A stage that fails so many times and then works; when each attempt began."""
    began: list[float] = []

    async def work() -> None:
        began.append(asyncio.get_running_loop().time())
        if len(began) <= times:
            raise error()
        await asyncio.Event().wait()

    return work, began


def test_a_stage_that_fails_is_restarted_and_said_once_and_once_more_when_it_works() -> None:
    work, began = failing(3, lambda: ValueError("a bug"))
    _, said = run_for(3 * SWEEP_S + CALM_S + 5, work)
    assert began == [0.0, SWEEP_S, 2 * SWEEP_S, 3 * SWEEP_S]
    broke, recovered = said
    assert broke.startswith("internal error in polling, restarting: ValueError: a bug (")
    assert broke.endswith("; please report it")
    assert recovered == "polling is working again"


def test_a_full_disk_pauses_a_stage_and_is_not_called_an_internal_error() -> None:
    work, began = failing(2, lambda: ArchiveFull("no space left", Path("communique.db")))
    _, said = run_for(60, work)
    assert (len(began), said) == (3, [])


def test_an_archive_that_is_taken_away_ends_the_process() -> None:
    work, _ = failing(1, lambda: ArchiveMissing("there is no archive", Path("communique.db")))
    supervision, said = run_for(1, work)
    assert supervision.stopped.is_set()
    assert str(supervision.lost) == "the archive communique.db was removed or replaced while it was in use"
    assert said == []


@contextmanager
def supervisor(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket as systemd has it, with its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield str(tmp_path / "notify"), listening


def received(listening: socket.socket) -> list[str]:
    """All that has arrived and was not read yet."""
    listening.setblocking(False)
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_the_watchdog_is_fed_while_the_archive_is_written_to(archive: Archive, tmp_path: Path) -> None:
    async def live(address: str, listening: socket.socket) -> str:
        store = AsyncArchive(archive)
        beating = asyncio.create_task(heartbeat(store, Clock(), Systemd(address), 20_000, lambda: "2 sources"))
        first = await asyncio.to_thread(listening.recv, 4096)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await store.aclose()
        return first.decode()

    with supervisor(tmp_path) as (address, listening):
        assert asyncio.run(live(address, listening)) == "WATCHDOG=1"
        assert "STATUS=2 sources" in received(listening)


def test_the_watchdog_is_not_fed_while_the_archive_does_not_answer(archive: Archive, tmp_path: Path) -> None:
    failures: list[Exception] = []
    enough = asyncio.Event()

    async def live(address: str) -> None:
        def note(error: Exception | None) -> None:
            if error is not None:
                failures.append(error)
            if len(failures) >= 3:
                enough.set()

        store = AsyncArchive(archive, note)
        beating = asyncio.create_task(heartbeat(store, Clock(), Systemd(address), 20_000, lambda: "2 sources"))
        async with asyncio.timeout(60):
            await enough.wait()
        assert not beating.done(), "a moment without an archive ends no heartbeat"
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await store.aclose()

    archive.close()
    archive.path.write_bytes(b"no database" * 1000)
    with supervisor(tmp_path) as (address, listening):
        asyncio.run(live(address))
        assert received(listening) == []


def test_a_heartbeat_ends_where_the_archive_is_taken_away(archive: Archive, tmp_path: Path) -> None:
    async def live() -> None:
        store = AsyncArchive(archive)
        try:
            await heartbeat(store, Clock(), Systemd(None), None, str)
        finally:
            await store.aclose()

    archive.path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(ArchiveMissing):
        asyncio.run(live())


def test_a_full_disk_that_ends_work_nobody_awaits_is_no_internal_error() -> None:
    said: list[str] = []
    supervision = Supervision(Clock(), said.append, Claims(Clock()))

    async def live() -> None:
        async def fail(error: Exception) -> None:
            raise error

        asyncio.get_running_loop().set_exception_handler(supervision.report_lost)
        for error in (ArchiveFull("no space left", Path("x.db")), ValueError("a bug")):
            asyncio.get_running_loop().create_task(fail(error))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            gc.collect()

    asyncio.run(live())
    assert len(said) == 1
    assert said[0].startswith("internal error: ValueError: a bug")
