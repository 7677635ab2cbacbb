"""A backup while the archive is written to: how long a commit takes at most, against the same commits without one.

What a backup itself may cost a writer is the wait for the write lock: a busy disk or processor delays commits, too. So
the parts are shown apart: the wait for the lock, the work until the commit, the commit. This process commits a post
every 20 ms, as a busy daemon does; another, as nice as the daemon's own, backs the archive up meanwhile. Most posts of
a large archive are copies of a few thousand, made by SQL: folding a million takes an hour.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench._table import Row, amount, run
from bench.store import START, fresh, invented
from bot.daemon.marking import EVERY_S
from storage.archive.connections import connect
from storage.archive.database import Archive
from storage.archive.index_row import NAMES
from storage.archive.log import empty_log, spare_commits
from storage.posts import saving
from storage.records import Batch, FetchedPost

if TYPE_CHECKING:
    from storage.archive.database import Connection

_SEED = 2_000
_SPAN = _SEED * 7  # seconds between two copies of the same post
_PAUSE = 0.02
_CHILD = """
import os, sys, time
from pathlib import Path
from storage.backups import making
os.nice(10)
data, to = map(Path, sys.argv[1:])
making.make(data, data / "communique.db", to, now=lambda: time.time_ns() // 1000, brought=making.Brought(), keep=None)
"""
# By table: which columns of a copy differ, and which rows are copied.
_COPIES = {
    "raw": ({"sha256": "sha256 || '-' || :n"}, "sha256 NOT LIKE '%-%'"),
    "posts": (
        {"id": "id + :posts", "native_id": "native_id || '-' || :n", "url": "url || '-' || :n"},
        "native_id NOT LIKE '%-%'",
    ),
    "revisions": (
        {"id": "NULL", "post_id": "post_id + :posts", "raw_sha256": "raw_sha256 || '-' || :n"},
        "raw_sha256 NOT LIKE '%-%'",
    ),
    "texts": ({"id": "id + :texts", "post_id": "post_id + :posts"}, "id < :first_copy"),
}
_INDEX = f"INSERT INTO posts_index (rowid, {NAMES}) SELECT id, {NAMES} FROM posts_words WHERE id BETWEEN :low AND :high"


def copying(writer: Connection, table: str) -> str:
    """The statement that copies rows of a table, whatever columns it has."""
    changed, condition = _COPIES[table]
    columns = [row[1] for row in writer.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(column, column) for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {condition}"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one transaction: until it had the lock, until all was written, until it was on the disk."""

    lock: float
    work: float
    commit: float


def save(archive: Archive, posts: Sequence[FetchedPost]) -> Took:
    """Store posts in one transaction."""
    began = time.perf_counter()
    with archive.writing() as writer:
        held = time.perf_counter()
        batch = Batch(posts=tuple(posts), cursor="x")
        saving.save(writer, 1, batch, now=START + 10**15, method="bench", alerts=True)
        written = time.perf_counter()
    return Took(held - began, written - held, time.perf_counter() - written)


def large(path: Path, posts: int) -> Archive:
    """An archive of so many posts."""
    archive = fresh(path)
    save(archive, invented(min(posts, _SEED), seed=1))
    with archive.reading() as reader:
        low, high = reader.execute("SELECT min(id), max(id) FROM posts").fetchone()
    archive.close()
    with closing(connect(path, mode="rw")) as writer:
        writer.execute("PRAGMA synchronous = OFF")
        writer.execute("PRAGMA cache_size = -262144")
        statements = [*(copying(writer, table) for table in _COPIES), _INDEX]
        for n in range(1, posts // _SEED):
            shift = n * _SPAN << 16
            values = {"n": n, "posts": shift, "texts": shift << 14, "first_copy": (high + 1) << 14}
            values |= {"low": low + shift, "high": high + shift}
            writer.execute("BEGIN")
            for statement in statements:
                writer.execute(statement, values)
            writer.execute("COMMIT")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return archive


def commits(archive: Archive, new: Iterator[FetchedPost], until: threading.Event) -> list[Took]:
    """Store one post after the other."""
    took = []
    while not until.wait(_PAUSE):
        took.append(save(archive, [next(new)]))
    return took


def emptying(database: Path, until: threading.Event) -> None:
    """Empty the log as the daemon does."""
    while not until.wait(EVERY_S):
        empty_log(database)


def during_backup(archive: Archive, new: Iterator[FetchedPost], to: Path) -> tuple[list[Took], float, int]:
    """Commit while a backup is made: what the commits took, the seconds of the backup, the largest log in bytes."""
    done, began, log = threading.Event(), time.perf_counter(), [0]
    threading.Thread(target=emptying, args=(archive.path, done)).start()
    wal = archive.path.with_name(archive.path.name + "-wal")

    def back_up() -> None:
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(archive.path.parent), str(to)])
        while child.poll() is None:
            log.append(wal.stat().st_size if wal.exists() else 0)
            time.sleep(0.2)
        done.set()

    thread = threading.Thread(target=back_up)
    thread.start()
    took = commits(archive, new, done)
    thread.join()
    return took, time.perf_counter() - began, max(log)


def rows(quick: bool) -> Iterator[Row]:
    posts = 4_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        archive = large(Path(folder) / "data" / "communique.db", posts)
        new = (post for seed in itertools.count(2) for post in _others(seed))
        print(f"  {posts:,} posts, {archive.path.stat().st_size / (1 << 20):,.0f} MB", flush=True)
        with archive.writing() as writer:
            spare_commits(writer)
        enough = threading.Event()
        timer = threading.Timer(2 if quick else 10, enough.set)
        timer.start()
        threading.Thread(target=emptying, args=(archive.path, enough)).start()
        alone = commits(archive, new, enough)
        took, seconds, log = during_backup(archive, new, Path(folder) / "backups")
        archive.close()
    yield amount("a backup, made and proved", seconds, "s wall", ours=f"the log grew to {log / (1 << 20):.1f} MB")
    for name, part, goal in _PARTS:
        ours, floor = ([part(one) * 1000 for one in found] for found in (took, alone))
        yield amount(
            f"commits during a backup, {name}, longest",
            max(ours),
            "ms wall",
            goal=goal,
            ours=f"median {statistics.median(ours):.1f} ms of {len(ours)}",
            floor=f"{max(floor):.1f} ms, median {statistics.median(floor):.1f} ms",
        )


_PARTS: tuple[tuple[str, Callable[[Took], float], float | None], ...] = (
    ("wait for the lock", lambda one: one.lock, 50),
    ("work", lambda one: one.work, None),
    ("commit to the disk", lambda one: one.commit, None),
)


def _others(seed: int) -> Iterator[FetchedPost]:
    """Posts that are not in the archive yet."""
    from dataclasses import replace

    for post in invented(_SEED, seed):
        yield replace(post, native_id=f"new/{seed}/{post.native_id}", url=None)


if __name__ == "__main__":
    run(rows, __doc__)
