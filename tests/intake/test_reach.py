"""Sources that wait because something cannot be reached: who is due when it can be reached again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.clock import HOUR, MINUTE, Clock
from bot.contracts.source import SourceSettings, Want
from bot.daemon.rounds import Rounds
from bot.errors import Later
from bot.intake.poll import Intake
from storage.archive.database import Archive
from storage.records import Batch, Checked
from storage.sources import states


class Settings(SourceSettings):
    url: str

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)


@dataclass
class Weather:
    """What cannot be reached, by host or by name, and who was asked when."""

    away: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    now: int = 1_763_800_000_000_000

    def source(self, name: str, host: str) -> "Listed":
        return Listed(self, Settings(name=name, kind="feed", url=f"https://{host}/feed"), host)


@dataclass
class Listed:
    """A source of one host; `gate` holds its answer back."""

    weather: Weather
    settings: SourceSettings
    host: str
    gate: asyncio.Event | None = None
    pages = False
    checks = False

    async def fetch(self, want: Want, cursor: str | None) -> Batch:  # noqa: ARG002 - as the contract has it
        self.weather.asked.append(self.settings.name)
        away = not {self.host, self.settings.name}.isdisjoint(self.weather.away)
        if self.gate is not None:
            await self.gate.wait()
        if away:
            raise Later(f"{self.host} cannot be reached: connection refused", unreached=True)
        if self.settings.name in self.weather.broken:
            raise Later(f"{self.host} answered 503")
        return Batch(cursor="c")

    async def check(self, native_id: str) -> Checked:
        raise NotImplementedError


async def settled(rounds: Rounds) -> None:
    """Wait until no round is under way, nor begins."""
    while busy := [*rounds._under_way.values(), *([rounds._starting] if rounds._starting else [])]:
        await asyncio.gather(*busy)
        await asyncio.sleep(0)
        if not rounds._under_way and rounds._starting and rounds._starting.done():
            return


Step = Callable[[Rounds, Callable[[], Awaitable[list[str]]]], Awaitable[None]]


def played(archive: Archive, weather: Weather, hosts: Mapping[str, str], step: Step) -> dict[str, Listed]:
    """Run `step` with a source for each name of `hosts`; its second argument polls what is due and names it."""
    sources = {name: weather.source(name, host) for name, host in hosts.items()}

    async def go() -> None:
        store, clock = AsyncArchive(archive), Clock(now=lambda: weather.now)
        intake = Intake(store, clock, lambda: None, lambda: 0.0, list)
        rounds = Rounds(store, intake, clock, lambda _: None, sources, dict.fromkeys(sources, MINUTE))
        await store.run(states.declare, [states.Declared(name, "feed") for name in sources], clock.now())

        async def poll() -> list[str]:
            weather.asked.clear()
            await rounds.start_due()
            await settled(rounds)
            return sorted(weather.asked)

        try:
            await step(rounds, poll)
        finally:
            await rounds.aclose()
            await store.aclose()

    asyncio.run(go())
    return sources


def test_after_an_outage_of_our_network_the_first_success_makes_all_due(archive: Archive) -> None:
    weather = Weather()
    hosts = {"a": "one.example", "b": "two.example", "c": "three.example"}

    async def step(rounds: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        assert await poll() == ["a", "b", "c"]
        weather.away = set(hosts.values())
        asked = 0
        for _turn in range(120):  # two hours
            weather.now += MINUTE
            asked += len(await poll())
        assert asked >= len(hosts) * 120 / 5
        weather.away.clear()
        weather.asked.clear()
        rounds.start_soon(["a"])
        await settled(rounds)
        assert sorted(weather.asked) == ["a", "b", "c"]

    played(archive, weather, hosts, step)


def test_once_a_server_is_back_all_its_sources_are_polled_and_no_other(archive: Archive) -> None:
    weather = Weather()
    hosts = {"a": "one.example", "b": "one.example", "dead": "dead.example", "well": "well.example"}

    async def step(rounds: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        weather.away = {"dead.example"}
        await poll()
        for _turn in range(60):
            weather.now += MINUTE
            await poll()
        weather.away.add("one.example")
        weather.now += MINUTE
        await poll()
        for turn in range(10):
            weather.now += MINUTE
            await poll()
            assert turn == 0 or weather.asked.count("dead") <= 1
        weather.away.discard("one.example")
        weather.asked.clear()
        rounds.start_soon(["a"])
        await settled(rounds)
        assert sorted(weather.asked) == ["a", "b"]

    played(archive, weather, hosts, step)


def test_a_source_that_fails_alone_is_not_hurried_by_its_healthy_neighbours(archive: Archive) -> None:
    weather = Weather()
    hosts = {"alone": "well.example", **{f"well{number}": "well.example" for number in range(5)}}

    async def step(_: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        await poll()
        weather.away = {"alone"}
        asked = 0
        for _turn in range(60):
            weather.now += MINUTE
            asked += (await poll()).count("alone")
        assert 60 / 5 <= asked <= 60 / 5 + 4  # the first waits are shorter

    played(archive, weather, hosts, step)


def test_who_answers_with_an_error_is_not_hurried_by_the_end_of_an_outage(archive: Archive) -> None:
    weather = Weather(broken={"b"})
    hosts = {"a": "one.example", "b": "two.example", "c": "three.example", "d": "four.example"}

    async def step(rounds: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        for _turn in range(120):
            weather.now += MINUTE
            await poll()
        weather.away = {"one.example", "three.example", "four.example"}
        for _turn in range(8):
            weather.now += MINUTE
            await poll()
        weather.away.clear()
        weather.asked.clear()
        rounds.start_soon(["a"])
        await settled(rounds)
        assert sorted(weather.asked) == ["a", "c", "d"]
        weather.asked.clear()
        weather.now += HOUR
        assert "b" in await poll()

    played(archive, weather, hosts, step)


def test_a_round_that_is_still_waiting_when_the_network_comes_back_is_repeated_at_once(archive: Archive) -> None:
    weather = Weather()
    hosts = {"a": "one.example", "b": "two.example"}

    async def step(rounds: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        await poll()
        weather.away = set(hosts.values())
        weather.now += MINUTE
        await poll()
        slow = rounds.sources["b"]
        assert isinstance(slow, Listed)
        slow.gate = asyncio.Event()
        weather.asked.clear()
        rounds.start_soon(["b"])
        while "b" not in weather.asked:  # noqa: ASYNC110 - a source has no event for that
            await asyncio.sleep(0)
        weather.away.clear()
        rounds.start_soon(["a"])
        while set(rounds._under_way) != {"b"}:  # noqa: ASYNC110 - nor have rounds
            await asyncio.sleep(0.01)
        slow.gate.set()
        await settled(rounds)
        assert weather.asked == ["b", "a", "b"]

    played(archive, weather, hosts, step)
