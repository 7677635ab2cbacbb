"""A source whose server often fails for minutes is reported when it has failed for an hour, and its end only then."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from bot import sources
from bot.clock import HOUR, MINUTE
from bot.daemon.rounds import Rounds
from storage.archive.database import Archive
from tests.intake.test_reach import Listed, Settings, Weather, played


class PatientSettings(Settings):
    patience: ClassVar[int] = HOUR


class PatientWeather(Weather):
    def source(self, name: str, host: str) -> Listed:
        found = super().source(name, host)
        found.settings = PatientSettings(name=name, kind="feed", url=f"https://{host}/feed")
        return found


def test_failures_are_news_when_they_last_for_an_hour_and_once(archive: Archive) -> None:
    weather = PatientWeather()

    def said() -> list[str]:
        with archive.reading() as reader:
            return reader.column("SELECT text FROM notices ORDER BY id")

    async def minutes(count: int, poll: Callable[[], Awaitable[list[str]]]) -> None:
        for _ in range(count):
            weather.now += MINUTE
            await poll()

    async def step(_: Rounds, poll: Callable[[], Awaitable[list[str]]]) -> None:
        await poll()
        weather.broken = {"a"}
        await minutes(50, poll)
        with archive.reading() as reader:
            assert reader.column("SELECT state FROM sources") == ["failing"], "who asks sees it at once"
        assert said() == []
        weather.broken = set()
        await minutes(60, poll)
        assert said() == [], "what nobody has heard of has no end"
        weather.broken = {"a"}
        await minutes(150, poll)
        assert said() == ["source a: failing (one.example answered 503)"]
        weather.broken = set()
        await minutes(70, poll)
        [_begin, end] = said()
        assert end.startswith("source a recovered after")

    played(archive, weather, {"a": "one.example"}, step)


def test_youtube_is_such_a_source() -> None:
    assert sources.settings_of("youtube").patience == HOUR
