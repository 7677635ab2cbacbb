"""Who may hold claims together: a suspect has them to itself, and only in a process that has been healthy."""

import asyncio
from dataclasses import dataclass, field

from bot.claims import HEALTHY_S, Claims
from bot.clock import SECOND, Clock


@dataclass
class Seconds:
    """A clock that stands still until it is moved."""

    now: float = 1_000.0
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(now=lambda: round(self.now * SECOND), monotonic=lambda: self.now)


def test_a_process_is_healthy_a_minute_after_its_start_and_after_its_last_trouble() -> None:
    seconds = Seconds()
    claims = Claims(seconds.clock)
    healthy_at = claims.healthy_at
    states = [claims.healthy]
    seconds.now += HEALTHY_S
    states.append(claims.healthy)
    assert healthy_at == claims.healthy_at == seconds.clock.now()
    claims.note_trouble()
    states.append(claims.healthy)
    seconds.now += HEALTHY_S - 1
    states.append(claims.healthy)
    seconds.now += 1
    states.append(claims.healthy)
    assert states == [False, True, False, False, True]


def test_a_suspect_waits_for_all_others_and_they_for_it() -> None:
    steps: list[str] = []

    async def live() -> None:
        claims = Claims(Clock())
        begun, done = asyncio.Event(), asyncio.Event()

        async def ordinary(name: str) -> None:
            async with claims.together():
                steps.append(f"{name} begins")
                begun.set()
                await done.wait()
            steps.append(f"{name} ends")

        async def suspect() -> None:
            async with claims.alone():
                steps.append("the suspect begins")
                await asyncio.sleep(0)
                steps.append("the suspect ends")

        first = asyncio.create_task(ordinary("the first"))
        await begun.wait()
        alone = asyncio.create_task(suspect())
        await asyncio.sleep(0)
        assert claims.suspect_waits
        late = asyncio.create_task(ordinary("the late one"))
        for _ in range(5):
            await asyncio.sleep(0)
        done.set()
        await asyncio.gather(first, alone, late)

    asyncio.run(live())
    assert steps == [
        "the first begins",
        "the first ends",
        "the suspect begins",
        "the suspect ends",
        "the late one begins",
        "the late one ends",
    ]


def test_a_suspect_that_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    async def live() -> None:
        claims = Claims(Clock())
        async with claims.together():

            async def suspect() -> None:
                async with claims.alone():
                    raise AssertionError("it was not alone")

            waiting = asyncio.create_task(suspect())
            await asyncio.sleep(0)
            assert claims.suspect_waits
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            async with claims.together():
                pass
        async with claims.alone():
            pass

    asyncio.run(live())
