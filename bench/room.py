"""The reading room under 20 readers, while posts are stored: pages of searches and of posts, and the memory of it.

The real `communique serve` on an archive of 100,000 made-up posts, in a quick run 20,000 (`--posts 1000000` is what the
goals are for; `--keep DIR` keeps the archive). Each reader loads a page, reads it for a second, and loads the next.
Times are those of the clock on the wall: on a machine that does other work they say little, the processor time much.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles

import httpx

from bench._archive import NOW, fill
from bench._table import Row, amount, show, table, verdict
from bench._texts import FIXED, vocabulary
from storage.archive.database import Archive
from storage.archive.sqlite import sqlite3
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw

READERS = 20
_LARGEST, _MEMORY, _USUAL = 100, 150, 100  # kB of a page, MB, ms
_REVISIONS = (
    "INSERT INTO revisions (post_id, number, text, links, edited, content_hash, raw_sha256, collected_at, method)"
    " SELECT t.post_id, 0, t.text, '[]', 0, 'made up', :raw, 0, 'made up' FROM texts t WHERE t.kind = 'body'"
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work, less certain")
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="keep the archive in this directory and use it again next time")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        shown = show(_measure(asked.keep or Path(directory), asked.posts, 4 if asked.quick else 20))
    print("", *table(shown), sep="\n")
    return verdict(shown)


def rows(quick: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory:
        yield from _measure(Path(directory), 20_000 if quick else 100_000, 4 if quick else 20)


def _measure(directory: Path, posts: int, pages: int) -> Iterator[Row]:
    directory.chmod(0o700)
    words = vocabulary()
    asked = [*FIXED["my"], *FIXED["en"], *words.of["en"][:12], *words.of["my"][:12]]
    path = directory / "communique.db"
    if not path.exists():
        fill(path, words, posts)
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO raw (sha256, mime, bytes, zstd) VALUES ('0', 'text/plain', 0, x'')")
            connection.execute(_REVISIONS, {"raw": "0"})
    (directory / "config.toml").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "bot", "--config", str(directory / "config.toml"), "--data-dir", str(directory)]
    with subprocess.Popen(
        [*command, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as server:
        try:
            assert server.stdout
            address = server.stdout.readline().strip()
            with _storing(path):
                taken, largest = asyncio.run(_read(address, pages, asked))
            yield from (_times(kind, times, posts) for kind, times in taken.items())
            yield amount("largest page", largest / 1000, "kB", goal=_LARGEST)
            yield amount("processor time of a page", _cpu_s(server.pid) / sum(map(len, taken.values())) * 1000, "ms")
            yield amount("memory of the reading room", _memory(server.pid), "MB", goal=_MEMORY)
        finally:
            server.terminate()


def _times(kind: str, times: list[float], posts: int) -> Row:
    return amount(
        f"page of a {kind}, p95 of {READERS} readers, {posts:,} posts", quantiles(times, n=20)[-1], "ms", goal=_USUAL
    )


async def _read(address: str, pages: int, asked: Sequence[str]) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of the pages of each kind, and the bytes of the largest."""
    taken: dict[str, list[float]] = {"search": [], "post": []}
    largest = 0
    base = address.partition("/enter")[0]
    async with httpx.AsyncClient(base_url=base, timeout=60, follow_redirects=True) as client:
        await client.get(address)

        async def load(kind: str, where: str, **params: str) -> str:
            nonlocal largest
            began = time.perf_counter()
            answer = await client.get(where, params=params or None)
            taken[kind].append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
            largest = max(largest, len(answer.content))
            return answer.text

        async def reader(number: int) -> None:
            chance = random.Random(number)
            for _ in range(pages):
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                found = await load("search", "/search", q=chance.choice(asked))
                links = re.findall(r'href="(/post/\d+)"', found)
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                if links:
                    await load("post", chance.choice(links))

        await asyncio.gather(*map(reader, range(READERS)))
    return taken, largest


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    apart = multiprocessing.get_context("spawn")
    done = apart.Event()
    storing = apart.Process(target=_store, args=(path, done))
    storing.start()
    try:
        yield
    finally:
        done.set()
        storing.join()


def _store(path: Path, done: Event) -> None:
    """Store a post twenty times a second, as a busy daemon does."""
    with Archive(path) as archive:
        first = time.time_ns() // 1_000
        for number in count(first):
            if done.is_set():
                return
            post = FetchedPost(
                native_id=str(number), raw=Raw(str(number).encode(), "text/plain"), url=None, posted_at=NOW * 1_000_000,
                posted_raw="", text=f"town {number}",
            )  # fmt: skip
            with archive.writing() as writer:
                saving.save(writer, 1, Batch(posts=(post,)), now=NOW * 1_000_000, method="made up", alerts=False)
            time.sleep(0.05)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
