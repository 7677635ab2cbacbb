"""Alerts to a webhook: processor time of one of 1,000 pending, and alerts a second where each takes 200 ms."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from bench._table import Row, amount, run
from bot.alerts import targets
from bot.alerts.outbox import Outbox
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.contracts.target import TargetTools
from bot.http import Http, HttpRules
from storage.alerts import matches
from storage.archive.database import Archive
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, Hit, MatchRow, Raw
from storage.sources import states

_NOW = 1_763_800_000_000_000
_WORDS = "The northern command says that nothing has changed at the bridge. " * 8
_AT_ONCE = 16
_RECEIVER = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def receiving(delay: float) -> Iterator[int]:
    """A webhook in a process of its own that answers each request after `delay` seconds; its port."""
    process = subprocess.Popen([sys.executable, "-c", _RECEIVER, str(delay)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def fill(archive: Archive, count: int) -> None:
    """An archive in which so many alerts are pending at one target."""
    migrate.ensure(archive, now=_NOW)
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay")], _NOW)
        posts = tuple(
            FetchedPost(native_id=str(number), raw=Raw(b"{}", "text/plain"), text=f"{_WORDS}{number}", posted_at=_NOW)
            for number in range(count)
        )
        saved = saving.save(writer, 1, Batch(posts=posts), now=_NOW, method="bench", alerts=True)
        for post in saved.new:
            hit = Hit(post << 14, "body", 4, 20, "northern command")
            match = MatchRow("fire", "v1", post, "h", "match", _NOW, (hit,), alerting=True, why="new match")
            matches.save(writer, match, ["hook"], _NOW)


async def deliver(archive: Archive, port: int) -> int:
    """Send what is pending as the daemon does; how many messages arrived."""
    clock = Clock(now=lambda: _NOW)
    http = Http(HttpRules("bench", private=frozenset({("127.0.0.1", port)})), clock, per_server=200, in_all=200)
    store = AsyncArchive(archive)
    keys = {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{port}/hook"}
    settings = targets.settings_of("webhook").model_validate(keys)
    hook = targets.build(settings, TargetTools(http, clock, ZoneInfo("UTC"), sys.stdout, colour=False))
    outbox = Outbox(store, {"hook": hook}, Rendering(ZoneInfo("UTC")), clock, Claims(clock), print)
    try:
        return (await outbox.drain(_NOW)).sent
    finally:
        await outbox.aclose()
        await http.aclose()
        await store.aclose()


def fill_floor(path: Path, count: int) -> None:
    """The same alerts in one table, each with its body."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE alerts (id INTEGER PRIMARY KEY, data TEXT, state TEXT DEFAULT 'pending')")
        data = json.dumps({"rule": "fire", "source": "spokesman", "text": _WORDS})
        database.executemany("INSERT INTO alerts (data) VALUES (?)", [(data,)] * count)


async def deliver_floor(path: Path, port: int) -> int:
    """Claim 16 in one transaction, send them over 16 connections that stay open, settle them in one transaction."""
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_AT_ONCE)]
    sent = 0

    async def post(line: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int, data: str) -> None:
        body = json.dumps({"id": number, "data": json.loads(data)}).encode()
        line[1].write(b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        answer = await line[0].readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 204"), answer

    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = FULL")
        claim = (
            "UPDATE alerts SET state = 'sending' WHERE id IN (SELECT id FROM alerts WHERE state = 'pending' LIMIT ?)"
            " RETURNING id, data"
        )
        while rows := database.execute(claim, (_AT_ONCE,)).fetchall():
            database.commit()
            await asyncio.gather(*(post(line, *row) for line, row in zip(lines, rows, strict=False)))
            database.executemany("UPDATE alerts SET state = 'sent' WHERE id = ?", [(row[0],) for row in rows])
            database.commit()
            sent += len(rows)
    for _, writer in lines:
        writer.close()
    return sent


def measure(work: Callable[[], Awaitable[int]], count: int) -> tuple[float, float]:
    """Processor milliseconds of one alert, and alerts a second."""

    async def whole() -> int:
        return await work()

    began, processor = time.perf_counter(), time.process_time()
    sent = asyncio.run(whole())
    assert sent == count, f"{sent} of {count} arrived"
    return (time.process_time() - processor) * 1000 / count, count / (time.perf_counter() - began)


def compare(count: int, delay: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """One run of ours, and one of the floor."""
    with receiving(delay) as port, tempfile.TemporaryDirectory() as place:
        lean = Path(place) / "lean.db"
        with Archive(Path(place) / "communique.db") as archive:
            fill(archive, count)
            ours = measure(lambda: deliver(archive, port), count)
        fill_floor(lean, count)
        return ours, measure(lambda: deliver_floor(lean, port), count)


def rows(quick: bool) -> Iterator[Row]:
    count = 400 if quick else 1_000
    runs = [compare(count, 0.0) for _ in range(1 if quick else 3)]
    ours, floor = (min(one[which][0] for one in runs) for which in (0, 1))
    yield amount(
        "processor time of one alert of many", ours, "ms", goal=2, floor=f"{floor:.2f} ms, sqlite3 and raw HTTP"
    )
    (_, ours), (_, floor) = compare(200 if quick else 500, 0.2)
    yield amount(
        "to a webhook that takes 200 ms", ours, "alerts/s", goal=40, at_least=True, floor=f"{floor:.0f} alerts/s"
    )


if __name__ == "__main__":
    run(rows, __doc__)
