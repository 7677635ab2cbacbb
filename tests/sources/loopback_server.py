"""A loopback server that answers as it is told, and a source's tools that lead to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bot.clock import Clock
from bot.contracts.source import SourceTools
from bot.http import Http, HttpRules
from tests.talks import Talks

NOW = 1_795_343_400_000_000  # 2026-11-22T10:30:00Z


@dataclass
class Answer:
    """One reply; `hangs` means that it never comes. `then` continues behind its head, which names no length."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    then: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None

    def wire(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} So"]
        lines += [] if self.then else [f"Content-Length: {len(self.body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if self.status == 304 else self.body)


class Peer:
    """Answers every path with `answers[path]`, else with `reply(path)` if that is set, else with `answer`.

    Who has the ETag of an answer already gets a 304. `asked` holds (path, headers) of each request. With `speaks` it
    speaks another protocol, behind TLS where there is `tls`.
    """

    def __init__(self) -> None:
        self.answer = Answer()
        self.answers: dict[str, Answer] = {}
        self.reply: Callable[[str], Answer] | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self.speaks: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None
        self.tls: ssl.SSLContext | None = None
        self._talks = Talks()

    def url(self, path: str = "/feed") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._talks.end(self._server)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.begin(self._talk(reader, writer), writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.speaks is not None:
                if self.tls is not None:
                    await writer.start_tls(self.tls)
                await self.speaks(reader, writer)
                return
            request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            path = request.split()[1]
            self.asked.append(
                (path, {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)})
            )
            answer = self.answers.get(path) or (self.reply(path) if self.reply else self.answer)
            if self.asked[-1][1].get("if-none-match", "") == answer.headers.get("ETag"):
                answer = Answer(status=304)
            if answer.hangs:
                await asyncio.Event().wait()
            writer.write(answer.wire())
            await writer.drain()
            if answer.then is not None:
                await answer.then(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


@asynccontextmanager
async def surrounded(directory: Path, *ports: int, clock: Clock | None = None) -> AsyncIterator[SourceTools]:
    """What a source may use, with these loopback ports opened as if the config had named them."""
    clock = clock or Clock(now=lambda: NOW)
    private = frozenset(("127.0.0.1", port) for port in ports)
    http = Http(HttpRules(user_agent="communique-tests", private=private, intervals={"127.0.0.1": 0}), clock)
    tools = SourceTools(http=http, clock=clock, directory=directory)
    try:
        yield tools
    finally:
        await tools.aclose()
