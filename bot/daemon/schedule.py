"""The only file that knows APScheduler: interval jobs that ring bells, and a watchdog against clock jumps.

One job per kind of source, one for re-checks, one for sweeps. Which rows are due is read from the database. The memory
store is the only one: stored jobs are pickles, and whoever can write the database could run code.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from bot.clock import MINUTE, SECOND, Clock, SteadyClock

JUMP = MINUTE  # less than that is taken over without a word, as NTP corrects it
LOOK_EVERY = 1.0


class Steady(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Every so many seconds. APScheduler's own counts up each run that a jump skipped: a year of them by the second."""

    def __init__(self, seconds: float) -> None:
        self._pause = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """One pause after the last run; where that is past, one pause from now."""
        following = (previous_fire_time or now) + self._pause
        return following if following > now else now + self._pause


class Schedule:
    """Rings `bells` by name, each every so many seconds, whatever the wall clock does.

    `jumped` is awaited after a jump of the wall clock (NTP, an RTC that was wrong, a hand), with its microseconds, and
    with 0 after a time in which the program did not run. It lets `steady` follow the wall clock.
    """

    def __init__(
        self, clock: Clock, steady: SteadyClock, jumped: Callable[[int], Awaitable[None]], say: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._jumped = jumped
        self._say = say
        self._intervals: dict[str, tuple[float, Callable[[], None]]] = {}
        # `_report` writes one sentence about a failure; APScheduler's own log would be a traceback on stderr.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
        self._scheduler = self._make_scheduler()
        self._unhandled: int | None = None  # a jump for which `jumped` has not ended yet

    def every(self, name: str, seconds: float, ring: Callable[[], None]) -> None:
        """Add a bell, or change its interval."""
        self._intervals[name] = (seconds, ring)
        self._arm(name)

    def forget(self, name: str) -> None:
        """Stop ringing a bell; unknown names are no error."""
        if self._intervals.pop(name, None) is not None:
            self._scheduler.remove_job(name)

    async def run(self) -> None:
        """Ring until cancelled; may be run again."""
        self._rearm()
        try:
            await self._watch()
        finally:
            # wait=False: jobs only ring bells, so none is under way.
            self._scheduler.shutdown(wait=False)

    async def _watch(self) -> None:
        ran_at = self._awake()
        while True:
            if self._unhandled is not None:
                await self._jumped(self._unhandled)
                self._unhandled = None
            await asyncio.sleep(LOOK_EVERY)
            drift, idle, ran_at = self._steady.drift(), self._awake() - ran_at, self._awake()
            if abs(drift) > JUMP:
                self._say(f"the clock jumped by {drift / SECOND:+.0f} s: every source is polled again")
                self._unhandled = drift
            elif idle > LOOK_EVERY + JUMP / SECOND:
                self._say("the program did not run for a while: every source is polled again")
                self._unhandled = 0
            else:
                self._steady.follow()
                continue
            self._rearm()

    def _awake(self) -> float:
        return self._clock.monotonic() + self._clock.asleep()

    def _rearm(self) -> None:
        """Next run times are kept by the wall clock: after a step back the scheduler would sleep until then."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._scheduler = self._make_scheduler()
        for name in self._intervals:
            self._arm(name)
        self._scheduler.start()

    def _make_scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_listener(self._report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        return scheduler

    def _arm(self, name: str) -> None:
        seconds, ring = self._intervals[name]

        async def rung() -> None:  # a coroutine runs in the loop, a plain function in a thread, where no bell may ring
            ring()

        self._scheduler.add_job(rung, Steady(seconds), id=name, replace_existing=True)

    def _report(self, event: JobExecutionEvent) -> None:
        self._say(f"internal error in the job {event.job_id}: {event.exception or 'missed'}")
