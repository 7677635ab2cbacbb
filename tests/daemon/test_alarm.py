"""What a process knows of a trouble that the one before it has reported, whenever that one was stopped."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.daemon.alarm import Alarm
from bot.daemon.direct_news import DirectNews, Trouble
from bot.daemon.reserve import Reserve
from storage.alerts import notices
from storage.archive.database import Archive
from storage.archive.errors import ArchiveFull

SINCE = 1_763_800_000_000_000


class OnFullDisk(AsyncArchive):
    """An archive that can be read and not written."""

    async def run(self, *_: Any, **__: Any) -> Any:
        raise ArchiveFull("no space left", self._archive.path)


def alarm_of(store: AsyncArchive, folder: Path) -> Alarm:
    clock = Clock()
    news = DirectNews(clock, lambda _: None, folder / "memory" / "trouble.json")
    return Alarm(store, clock, lambda _: None, Reserve(folder), lambda: (), news)


async def run_a_moment(alarm: Alarm) -> None:
    """From the start of a process to its stop."""
    running = asyncio.create_task(alarm.run())
    for _ in range(20):
        await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def test_a_process_that_is_stopped_just_when_there_is_room_again_leaves_word(archive: Archive, tmp_path: Path) -> None:
    async def live() -> Trouble | None:
        store = OnFullDisk(archive)
        first = alarm_of(store, tmp_path)
        running = asyncio.create_task(first.run())
        await asyncio.sleep(0.05)
        first.note(ArchiveFull("no space left", archive.path))
        await asyncio.sleep(0.05)
        assert not first.news.memory.exists(), "there is no room for it"
        first.news.memory.parent.mkdir()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        second = alarm_of(store, tmp_path)
        await run_a_moment(second)
        await store.aclose()
        return second._trouble

    left = asyncio.run(live())
    assert left is not None
    assert (left.sentence, left.recorded) == ("no space left", False)


@pytest.mark.parametrize("ended", [False, True])
def test_what_the_archive_has_of_a_trouble_counts_where_nothing_else_is_left(
    archive: Archive, tmp_path: Path, ended: bool
) -> None:
    with archive.writing() as writer:
        notices.add(writer, SINCE, "archive", "the archive cannot be written: no space left", ends=False)
        if ended:
            notices.add(writer, SINCE + 1, "archive", "the archive can be written again", ends=True)

    async def live(left: Trouble | None) -> Trouble | None:
        store = OnFullDisk(archive)
        alarm = alarm_of(store, tmp_path)
        if left is not None:
            alarm.news.memory.parent.mkdir()
            alarm.news.memorize(left)
        await run_a_moment(alarm)
        await store.aclose()
        return alarm._trouble

    recorded = Trouble("no space left", SINCE, heard=[], recorded=True)
    assert asyncio.run(live(None)) == (None if ended else recorded)
    assert asyncio.run(live(recorded)) == (None if ended else recorded)
