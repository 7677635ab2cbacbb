"""Rounds of many sources at once: who waits for whom."""

import asyncio
from typing import Any

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.contracts.source import SourceSettings, Want
from bot.daemon.rounds import ROUNDS_AT_ONCE, Rounds
from bot.intake.poll import PAGES_A_ROUND, Intake
from storage.archive.database import Archive
from storage.records import Batch, Checked, FetchedPost, Raw, Seen
from storage.sources import gaps, states


class Channel:
    """A channel of numbered posts; its newest page comes when `gate` opens, older ones when `past` does."""

    pages = True
    checks = False

    def __init__(self, name: str, kind: str, gate: asyncio.Event, past: asyncio.Event | None = None) -> None:
        self.settings = SourceSettings(name=name, kind=kind)
        self.gate = gate
        self.past = past or gate

    async def fetch(self, want: Want, cursor: str | None) -> Batch:  # noqa: ARG002 - as the contract has it
        await (self.gate if want.kind == "newest" else self.past).wait()
        number = 100 if want.below is None else want.below - 1
        post = FetchedPost(str(number), Raw(b"x", "text/plain"), "words", number=number)
        return Batch(posts=(post,), seen=Seen(number, number), cursor="c")

    async def check(self, native_id: str) -> Checked:
        raise NotImplementedError


def live(archive: Archive, channels: list[Channel], use: Any, *, filling_s: float = 60) -> Any:
    async def run() -> Any:
        store, clock = AsyncArchive(archive), Clock()
        said: list[str] = []
        stored = asyncio.Event()
        intake = Intake(store, clock, stored.set, lambda: 0.0, list, filling_s)
        names = {channel.settings.name: channel for channel in channels}
        collector = Rounds(store, intake, clock, said.append, names, dict.fromkeys(names, 60_000_000))
        declared = [states.Declared(channel.settings.name, channel.settings.kind) for channel in channels]
        await store.run(states.declare, declared, clock.now())
        try:
            return await use(collector, stored)
        finally:
            await collector.aclose()
            await store.aclose()

    return asyncio.run(run())


def test_hundreds_of_channels_that_wait_for_one_host_hold_up_no_other_kind(archive: Archive) -> None:
    shut, open_ = asyncio.Event(), asyncio.Event()
    open_.set()
    channels = [Channel(f"channel{number}", "telegram_web", shut) for number in range(ROUNDS_AT_ONCE + 10)]
    feed = Channel("feed", "feed", open_)
    feed.pages = False

    async def use(collector: Rounds, stored: asyncio.Event) -> None:
        await collector.start_due()
        await asyncio.wait_for(stored.wait(), 60)

    live(archive, [*channels, feed], use)


def test_history_that_takes_long_is_no_failure(archive: Archive) -> None:
    shut, open_ = asyncio.Event(), asyncio.Event()
    open_.set()

    async def use(collector: Rounds, _: asyncio.Event) -> Any:
        [result] = (await collector.once())[0].values()
        return result

    result = live(archive, [Channel("slow", "telegram_web", open_, past=shut)], use, filling_s=0.05)
    assert result.error is None
    assert (result.new, result.gaps_left) == (1, 1)


def test_a_long_history_goes_on_without_waiting_to_be_due_again(archive: Archive) -> None:
    open_ = asyncio.Event()
    open_.set()

    async def use(collector: Rounds, stored: asyncio.Event) -> int:
        await collector.start_due()
        async with asyncio.timeout(60):
            while True:
                await stored.wait()
                stored.clear()
                if not await collector.archive.read(gaps.list_open_gaps):
                    rows = await collector.archive.read(
                        lambda reader: reader.execute("SELECT id FROM posts").fetchall()
                    )
                    return len(rows)

    assert live(archive, [Channel("long", "telegram_web", open_)], use) == 100 > 2 * PAGES_A_ROUND
