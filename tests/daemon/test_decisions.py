"""Decisions are finished even if the process stops, and a full disk costs no post its turn."""

import asyncio
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bot.alerts.loaded_rules import LoadedRules
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.config import Config
from bot.config.model import RuleConfig
from bot.daemon.decisions import Decisions, shielded
from storage.archive.errors import ArchiveFull
from storage.posts import saving
from storage.records import Batch


def test_what_is_shielded_ends_before_the_cancelled_caller_does() -> None:
    steps: list[str] = []

    async def live() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            for _ in range(5):
                await asyncio.sleep(0)
            steps.append("written")

        caller = asyncio.create_task(shielded(work()))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        steps.append("cancelled")

    asyncio.run(live())
    assert steps == ["written", "cancelled"]


def test_posts_that_a_full_disk_left_undecided_are_decided_when_there_is_space(
    desk: Any, make_post: Any, tmp_path: Path
) -> None:
    rule = RuleConfig(name="command", query="command", targets=())
    config = Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,))
    rung: list[bool] = []
    desk.save(*[make_post(number, f"The command, part {number}. " * 50) for number in range(60)])

    def allow_pages(writer: Any, most: int) -> None:
        writer.execute(f"PRAGMA max_page_count = {most}")

    def count_pages(writer: Any) -> int:
        return int(writer.value("PRAGMA page_count"))

    async def live() -> None:
        archive = AsyncArchive(desk.archive)
        decisions = Decisions(archive, Clock(), Claims(Clock()))
        decisions.rules, decisions.alerts_due = LoadedRules.of(config), lambda: rung.append(True)
        try:
            await archive.run(allow_pages, await archive.run(count_pages) + 2)
            with pytest.raises(ArchiveFull):
                await decisions.drain()
            assert desk.rows("SELECT count(*) FROM matches") == [(0,)]
            await archive.run(allow_pages, 1 << 30)
            await decisions.drain()
        finally:
            await archive.aclose()

    asyncio.run(live())
    assert desk.rows("SELECT count(*) FROM matches") == [(60,)]
    assert desk.rows("SELECT count(*) FROM jobs WHERE kind = 'decide'") == [(0,)]


def test_others_can_write_while_many_posts_wait_for_their_event(desk: Any, make_post: Any, tmp_path: Path) -> None:
    rule = RuleConfig(name="command", query="command", targets=())
    config = Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,))
    desk.save(*[make_post(number, f"Part {number}.") for number in range(1_300)])
    placed = [0]

    def look(_: Any) -> None:  # after each transaction
        placed.append(desk.rows("SELECT count(*) FROM event_posts")[0][0])

    async def live() -> None:
        archive = AsyncArchive(desk.archive, look)
        decisions = Decisions(archive, Clock(), Claims(Clock()))
        decisions.rules, decisions.alerts_due = LoadedRules.of(config), lambda: None
        try:
            await decisions.drain()
        finally:
            await archive.aclose()

    asyncio.run(live())
    assert placed[-1] == 1_300
    assert max(after - before for before, after in pairwise(placed)) <= 600


def test_a_post_that_is_stored_right_behind_new_rules_is_decided_by_them(
    desk: Any, make_post: Any, tmp_path: Path, now: int
) -> None:
    def load(name: str) -> LoadedRules:
        rule = RuleConfig(name=name, query="command", targets=())
        return LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,)))

    def save(writer: Any) -> None:
        batch = Batch(posts=(make_post(1, "The command fell."),))
        saving.save(writer, desk.source_id, batch, now=now, method="test", alerts=True)

    async def live() -> None:
        archive, go_on = AsyncArchive(desk.archive), Event()
        decisions = Decisions(archive, Clock(), Claims(Clock()))
        decisions.rules, decisions.alerts_due = load("former"), lambda: None
        new = load("new")

        async def queue(work: Any) -> asyncio.Task[Any]:
            task = asyncio.create_task(work)
            for _ in range(20):  # until it waits for the writer
                await asyncio.sleep(0)
            return task

        try:
            await queue(archive.run(lambda _: go_on.wait(60)))
            declared = await queue(decisions.take_up(new, partial(new.declare, now=now)))
            stored = await queue(archive.run(save))
            decided = await queue(decisions.drain())
            go_on.set()
            await asyncio.gather(declared, stored, decided)
            await decisions.drain()
        finally:
            go_on.set()
            await archive.aclose()

    asyncio.run(live())
    assert desk.rows("SELECT rule FROM matches") == [("new",)]
