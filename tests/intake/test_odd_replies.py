"""One odd reply between good ones costs minutes: through real sources, over sockets, with a clock that is moved."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import sources
from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.intake.poll import Intake
from bot.world import World
from bot.world.answers import Request, answer
from storage.archive.database import Archive
from storage.sources import states
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded

EVERY = MINUTE
CHANNEL = "old_ferry_town"
Good = Callable[[int], Answer]


def show_feed(number: int) -> Answer:
    items = "".join(
        f"<item><guid>{each}</guid><description>Notice {each}</description></item>" for each in range(number)
    )
    return Answer(f"<rss version='2.0'><channel>{items}</channel></rss>".encode())


def show_page(number: int) -> Answer:
    world = World(Clock(now=lambda: NOW), gzip=False)
    world.open_channel(CHANNEL, "Old Ferry Town")
    for each in range(number):
        world.publish(CHANNEL, f"Notice {each}", at=NOW)
    page = answer(world, Request(f"/s/{CHANNEL}", {}))
    return Answer(page.body, page.status, page.headers)


ELSEWHERE = Answer(status=302, headers={"Location": f"/{CHANNEL}"})
ODD: list[tuple[str, Good, Answer]] = [
    *(("feed", show_feed, Answer(b"<p>no</p>", status=status)) for status in (401, 403, 404, 410, 500, 503)),
    ("feed", show_feed, Answer(b"<!doctype html><title>Log in</title>")),
    ("feed", show_feed, Answer(b"")),
    *(("telegram_web", show_page, Answer(b"<p>no</p>", status=status)) for status in (401, 403, 404, 410, 451, 500)),
    ("telegram_web", show_page, ELSEWHERE),
    ("telegram_web", show_page, Answer(b"<p>no</p>")),
]


@pytest.mark.parametrize("before", [0, 3], ids=["alone", "after errors"])
@pytest.mark.parametrize(("kind", "good", "odd"), ODD, ids=[f"{kind} {odd.status}" for kind, _, odd in ODD])
def test_an_odd_reply_between_good_ones_costs_minutes(
    archive: Archive, tmp_path: Path, kind: str, good: Good, odd: Answer, before: int
) -> None:
    moment = [NOW]

    async def go() -> None:
        clock, store = Clock(now=lambda: moment[0]), AsyncArchive(archive)
        await store.run(states.declare, [states.Declared("it", kind)], NOW)
        intake = Intake(store, clock, lambda: None, lambda: 0.0, list)
        async with Peer() as peer, surrounded(tmp_path, peer.port, clock=clock) as tools:
            keys = (
                {"url": peer.url()} if kind == "feed" else {"channel": CHANNEL, "base_url": peer.url(""), "recheck": []}
            )
            source = sources.build(
                sources.settings_of(kind).model_validate({"name": "it", "kind": kind, **keys}), tools
            )

            async def poll(path: str, reply: Answer) -> tuple[int, int, str]:
                """A round at its time with this reply: new posts, seconds until the next one, the state."""
                peer.answers[path] = reply
                row = await store.read(states.find_source, "it")
                assert row is not None
                moment[0] = max(moment[0], row.next_poll_at, row.hold_until or 0)
                result = await intake.round(source, row, EVERY)
                row = await store.read(states.find_source, "it")
                assert row is not None
                return result.new, (row.next_poll_at - moment[0]) // SECOND, row.state

            path = "/feed" if kind == "feed" else f"/s/{CHANNEL}"
            peer.answer = Answer(b"<!doctype html><title>Telegram</title><div class='tgme_page'></div>")
            await poll(path, good(1))
            for _ in range(before):
                await poll(path, Answer(b"", status=502))
            _, wait, state = await poll(path, odd)
            assert state not in ("ok", "stopped")
            assert wait <= (300 if before == 0 else 15 * 60)
            new, wait, state = await poll(path, good(3))
            assert (new, wait, state) == (2, 60, "ok")
        await store.aclose()

    asyncio.run(go())
