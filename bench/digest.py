"""A digest of 10,000 posts: how long composing it takes for a webhook and for a chat, its size, the loop's stalls."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from bench._table import Row, amount, run
from bot.alerts.digests.compose import compose_digest
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.contracts.message import Message, Shows
from storage.alerts import digests, matches
from storage.archive.database import Archive
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, DeliveryRow, FetchedPost, Hit, MatchRow, Raw
from storage.sources import states

_NOW = 1_763_800_000_000_000
_AT_ONCE = 500
_LOOK_S = 0.005
_WORDS = "The northern command says that nothing has changed at the bridge. " * 10


def fill(archive: Archive, count: int) -> tuple[DeliveryRow, float]:
    """An archive in which so many posts wait at a target; the digest that settles them, and what it took in seconds."""
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay")], _NOW)
    for start in range(0, count, _AT_ONCE):
        with archive.writing() as writer:
            texts = {str(number): f"{_WORDS}{number}" for number in range(start, min(start + _AT_ONCE, count))}
            posts = tuple(
                FetchedPost(native_id=name, raw=Raw(text.encode(), "text/plain"), text=text, posted_at=_NOW + int(name))
                for name, text in texts.items()
            )
            saved = saving.save(writer, 1, Batch(posts=posts), now=_NOW, method="bench", alerts=True)
            for post in saved.new:
                hit = Hit(post << 14, "body", 4, 20, "northern command")
                match = MatchRow("fire", "v1", post, "h", "match", _NOW, (hit,), alerting=True, why="new match")
                matches.save(writer, match, ["desk"], _NOW)
    began = time.process_time()
    with archive.writing() as writer:
        digest = digests.make(
            writer, "desk", "quiet", (_NOW, _NOW + 1), writer.column("SELECT id FROM deliveries"), _NOW
        )
        made = digests.read_digest(writer, digest)
    assert made is not None
    return DeliveryRow(made.delivery_id, None, "desk", "digest", "sending", _NOW, 1, _NOW), time.process_time() - began


async def watched(work: Awaitable[Message]) -> tuple[Message, float]:
    """The result, and the longest time in which nothing else had its turn in the loop, in seconds."""
    worst = 0.0

    async def look() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_LOOK_S)
            worst = max(worst, time.perf_counter() - before - _LOOK_S)

    looking = asyncio.create_task(look())
    try:
        return await work, worst
    finally:
        looking.cancel()


async def compose(archive: Archive, row: DeliveryRow) -> list[Row]:
    """Compose it for a program and for a chat, as the daemon does: in a reader's thread."""
    store, rendering, found = AsyncArchive(archive), Rendering(ZoneInfo("Asia/Yangon")), []
    for name, shows in (("webhook", Shows("json")), ("chat", Shows("html", units=4096))):
        memory, processor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        message, stall = await watched(store.read(compose_digest, row, rendering, shows))
        spent = time.process_time() - processor
        size = message.body.size if message.body else len(message.text.encode())
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) >> 10
        shown = f"{size / 1e6:.2f} MB, longest stall {stall * 1000:.0f} ms, {more} MB more memory"
        found.append(amount(f"compose a digest for a {name}", spent, "s", ours=shown))
    await store.aclose()
    return found


def rows(quick: bool) -> Iterator[Row]:
    count = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as place, Archive(Path(place) / "communique.db") as archive:
        migrate.ensure(archive, now=_NOW)
        row, settled = fill(archive, count)
        yield amount(f"settle {count:,} messages by a digest", settled, "s")
        yield from asyncio.run(compose(archive, row))


if __name__ == "__main__":
    run(rows, __doc__)
