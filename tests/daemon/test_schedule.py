"""The schedule rings bells in the loop, whatever the wall clock does."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.archive import AsyncArchive
from bot.clock import DAY, SECOND, Clock, SteadyClock
from bot.daemon.app import follow_clock
from bot.daemon.schedule import Schedule, Steady
from storage.archive.database import Archive, Writer
from storage.sources import clock_repair
from storage.sources.states import Declared, declare, find_due


@given(ahead=st.integers(-(10**9), 10**9), seconds=st.floats(0.01, 3600))
def test_bad_input_75_a_clock_that_jumps_owes_no_rings_of_the_time_between(ahead: int, seconds: float) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    following = Steady(seconds).get_next_fire_time(now, now + timedelta(seconds=ahead))
    assert following > now + timedelta(seconds=ahead), "the next run is to come, so none is counted up in between"


def test_bells_are_rung_in_the_loop_that_hears_them() -> None:
    async def live() -> int:
        rung: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def jumped(_: int) -> None:
            pass

        def ring() -> None:
            if not rung.done():
                rung.set_result(threading.get_ident())

        schedule = Schedule(Clock(), SteadyClock(Clock()), jumped, lambda _: None)
        schedule.every("poll", 0.01, ring)
        ringing = asyncio.create_task(schedule.run())
        try:
            return await asyncio.wait_for(rung, 60)
        finally:
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)

    assert asyncio.run(live()) == threading.get_ident()


@dataclass
class Machine:
    """A machine whose wall clock can be set, and that can be suspended; otherwise its clocks run."""

    set_by: int = 0  # microseconds
    slept: float = 0.0  # seconds
    jumps: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def clock(self) -> Clock:
        real = Clock()
        return Clock(lambda: real.now() + self.set_by + int(self.slept * SECOND), real.monotonic, lambda: self.slept)

    def live(self, happening: Callable[[], None]) -> int:
        """Let something happen while the schedule runs; how far the daemon's time is then from the wall clock."""

        async def watched() -> int:
            clock, noticed = self.clock(), asyncio.Event()
            steady = SteadyClock(clock)

            async def jumped(drift: int) -> None:
                self.jumps.append(drift)
                steady.follow()
                noticed.set()

            schedule = Schedule(clock, steady, jumped, self.said.append)
            running = asyncio.create_task(schedule.run())
            try:
                await asyncio.sleep(0)
                before = steady.now()
                happening()
                assert abs(steady.now() - before) < DAY // 2, "what was planned and the time of now are of one clock"
                await asyncio.wait_for(noticed.wait(), 60)
                return steady.drift()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

        return asyncio.run(watched())


@pytest.mark.parametrize("days", [365, -1, -400])
def test_bad_input_75_a_clock_that_is_set_while_we_run_is_noticed_at_once_and_said_once(days: int) -> None:
    machine = Machine()
    assert abs(machine.live(lambda: setattr(machine, "set_by", days * DAY))) < 60 * SECOND
    [drift] = machine.jumps
    assert abs(drift - days * DAY) < 60 * SECOND
    [sentence] = machine.said
    assert sentence.startswith(f"the clock jumped by {days * 86_400:+d}"[:-3])


def test_the_time_of_a_suspend_is_no_jump_of_the_clock() -> None:
    machine = Machine()
    clock = SteadyClock(machine.clock())
    before = clock.now()
    machine.slept = 3600.0
    assert clock.now() - before >= 3600 * SECOND
    assert abs(clock.drift()) < 60 * SECOND
    machine.slept = 0.0
    machine.live(lambda: setattr(machine, "slept", 3600.0))
    assert machine.jumps == [0], "nothing is moved, everything is due"
    assert machine.said == ["the program did not run for a while: every source is polled again"]


def test_a_clock_that_was_set_is_followed_once_however_often_that_has_to_be_written(archive: Archive) -> None:
    machine, busy = Machine(), threading.Event()
    steady = SteadyClock(machine.clock())

    def fail(_: Writer) -> None:
        raise ValueError("a bug")

    async def go() -> list[str]:
        store = AsyncArchive(archive)
        other = asyncio.create_task(store.run(lambda _: busy.wait(60)))
        follow = store.run_behind(follow_clock, steady, DAY)
        both = asyncio.gather(follow, store.run_behind(fail), return_exceptions=True)  # in one transaction, which fails
        await asyncio.sleep(0)
        busy.set()
        await other
        found = [str(one) for one in await both]
        await store.aclose()
        return found

    with archive.writing() as writer:
        declare(writer, [Declared("office", "feed")], steady.now())
    machine.set_by = DAY
    assert asyncio.run(go()) == ["None", "a bug"]
    now = steady.now()
    assert abs(now - machine.clock().now()) < 60 * SECOND
    with archive.reading() as reader:
        assert [source.name for source in find_due(reader, None, now)] == ["office"]
        [(low, high)] = clock_repair.read_jumps(reader)
    assert (abs(now - DAY - low) < 60 * SECOND, abs(now - high) < 60 * SECOND) == (True, True), "as far as it was set"
