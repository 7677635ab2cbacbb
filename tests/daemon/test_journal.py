"""What the daemon says: once when something breaks, once when it works again, and never at the cost of its life."""

import asyncio
import io
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.clock import Clock
from bot.daemon.journal import CALM_S, Incident, Journal
from bot.daemon.schedule import Schedule, Steady


@dataclass
class Heard:
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def incident(self) -> Incident:
        return Incident(self.said.append, replace(Clock(), monotonic=lambda: self.seconds), "it works again")


def test_what_breaks_is_told_once_and_once_more_when_it_has_been_calm() -> None:
    heard = Heard()
    incident = heard.incident()
    incident.end()
    for _ in range(3):
        incident.begin("no space left")
        incident.end()  # half-full disks take a small write now and then
        heard.seconds += 5
    assert heard.said == ["no space left"]
    heard.seconds += CALM_S
    incident.end()
    incident.end()
    assert heard.said == ["no space left", "it works again"]
    incident.begin("no space left")
    assert heard.said[2:] == ["no space left"]


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    Journal(Full(), Clock(), stamps=True)("a sentence")
    closed = io.StringIO()
    closed.close()
    Journal(closed, Clock(), stamps=False)("a sentence")


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
