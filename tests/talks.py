"""The connections that a loopback server of the tests holds, and their end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from bot.world import stop_listening


class Talks:
    """Every connection is closed at the end, also one whose talk was cancelled before its first step."""

    def __init__(self) -> None:
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def begin(self, talk: Coroutine[Any, Any, None], writer: asyncio.StreamWriter) -> None:
        self._writers[asyncio.ensure_future(talk)] = writer

    async def end(self, server: asyncio.Server) -> None:
        """Stop listening, hang up, and return when the sockets are closed."""
        await stop_listening(server)
        for talk in self._writers:
            talk.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        for writer in self._writers.values():
            writer.transport.abort()
        await asyncio.sleep(0)  # the turn in which aborted transports close their sockets
