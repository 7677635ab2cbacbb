"""The schedule rings bells in the loop, whatever the wall clock does."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.clock import Clock
from bot.daemon.schedule import Schedule, Steady


@given(ahead=st.integers(-(10**9), 10**9), seconds=st.floats(0.01, 3600))
def test_bad_input_75_a_clock_that_jumps_owes_no_rings_of_the_time_between(ahead: int, seconds: float) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    following = Steady(seconds).get_next_fire_time(now, now + timedelta(seconds=ahead))
    assert following > now + timedelta(seconds=ahead), "the next run is to come, so none is counted up in between"


def test_bells_are_rung_in_the_loop_that_hears_them() -> None:
    async def live() -> int:
        rung: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def jumped() -> None:
            pass

        def ring() -> None:
            if not rung.done():
                rung.set_result(threading.get_ident())

        schedule = Schedule(Clock(), jumped, lambda _: None)
        schedule.every("poll", 0.01, ring)
        ringing = asyncio.create_task(schedule.run())
        try:
            return await asyncio.wait_for(rung, 30)
        finally:
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)

    assert asyncio.run(live()) == threading.get_ident()
