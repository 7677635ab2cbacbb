"""Rounds of one source on a loopback server, as intake makes them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Source, Want
from bot.errors import Later
from storage.records import Batch, FetchedPost
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded

T = TypeVar("T")


class Rounds:
    """A source and its stored cursor."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.cursor: str | None = None
        self.last = Batch()

    async def round(self) -> list[FetchedPost]:
        """Fetch until there is no more."""
        posts: list[FetchedPost] = []
        while True:
            try:
                self.last = await self.source.fetch(Want(), self.cursor)
            except Later as problem:
                self.cursor = problem.cursor or self.cursor
                raise
            self.cursor = self.last.cursor
            posts += self.last.posts
            if not self.last.more:
                return posts


def on_server(
    reply: Callable[[str], Answer],
    keys: Callable[[Peer], dict[str, Any]],
    work: Callable[[Rounds], Awaitable[T]],
    clock: Clock | None = None,
) -> T:
    """What `work` gives with a source on a server that answers so; `keys` are those of its entry in the config."""
    clock = clock or Clock(now=lambda: NOW)

    async def go() -> T:
        async with Peer() as peer, surrounded(Path(), peer.port, clock=clock) as tools:
            peer.reply = reply
            entry = {"name": "it", **keys(peer)}
            settings = sources.settings_of(entry["kind"]).model_validate(entry, context={"directory": Path()})
            return await work(Rounds(sources.build(settings, tools)))

    return asyncio.run(go())
