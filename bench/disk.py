"""Bytes of the archive per post, by table and index: posts of 600 bytes of text from public Telegram pages.

A page of 20 posts is drawn as t.me draws them, read, and saved as the daemon saves it. The rules have run, so no job
waits. The goal is for the whole file beside the bytes of the texts. A file without any post has a page for each table
and index already, which counts for much where posts are few.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench._table import LeftOut, Row, amount, run
from bench._texts import vocabulary
from bot.sources.telegram_web.page import read_page
from bot.world import World
from bot.world.pages import list_page
from storage.archive import dictionaries
from storage.archive.database import Archive, Reader
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch
from storage.sources import states

GOAL = 2_300
_LEARNT_AFTER = 600
NOW = 1_763_800_000_000_000
_SIZES = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
_SMALL = 0.01  # of the whole: smaller ones are counted together


def rows(quick: bool) -> Iterator[Row]:
    posts = 2_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "data" / "communique.db"
        path.parent.mkdir(mode=0o700)
        text = fill(path, posts)
        sizes = dict(measure(path))
        bare = path.with_name("bare.db")
        with Archive(bare) as archive:
            migrate.ensure(archive, now=NOW)
        without = sum(size for _, size in measure(bare))
    whole = sum(sizes.values())
    yield amount("bytes of the archive per post", whole / posts, "B", goal=GOAL, ours=f"{text / posts:,.0f} B of text")
    yield amount("bytes of the archive per byte of text", whole / text, "x")
    yield amount("an archive without posts", without / 1000, "kB", ours=f"{without / posts:,.0f} B a post of these")
    yield amount("bytes per post beside that", (whole - without) / posts, "B")
    large = {name: size for name, size in sizes.items() if size >= _SMALL * whole}
    for name, size in large.items():
        yield amount(f"  {name}", size / posts, "B")
    yield amount("  everything else", (whole - sum(large.values())) / posts, "B")


def fill(path: Path, posts: int) -> int:
    """Save posts of ten channels, a page at a time; the bytes of their texts."""
    words, world, size = vocabulary(), World(), 0
    handles = [f"channel_{number}" for number in range(10)]
    with Archive(path) as archive:
        migrate.ensure(archive, now=NOW)
        with archive.writing() as writer:
            states.declare(writer, [states.Declared(handle, "telegram_web") for handle in handles], NOW)
            sources = {handle: _id_of(writer, handle) for handle in handles}
        for handle in handles:
            world.open_channel(handle, handle, first_id=10_000)
        for number in range(0, posts, 20):
            handle = handles[number // 20 % len(handles)]
            for place in range(number, number + 20):
                text = words.post(600)
                size += len(text.encode())
                world.publish(handle, text, at=NOW - (posts - place) * 60_000_000)
            page = list_page(world.show_page(handle), "https://t.me", NOW)
            batch = Batch(posts=tuple(read_page(page.encode()).posts), cursor=str(number))
            if number == _LEARNT_AFTER:
                learn(archive)
            with archive.writing() as writer:
                saving.save(writer, sources[handle], batch, now=NOW, method="preview page", alerts=False)
                writer.execute("DELETE FROM jobs")
        with archive.writing() as writer:
            writer.execute("INSERT INTO posts_index (posts_index) VALUES ('optimize')")
    return size


def learn(archive: Archive) -> None:
    """Do what the daemon does once an hour."""
    with archive.reading() as reader:
        samples = dictionaries.find_samples(reader)
    with archive.writing() as writer:
        dictionaries.save(writer, dictionaries.learn(samples), NOW)


def _id_of(reader: Reader, name: str) -> int:
    row = states.find_source(reader, name)
    assert row is not None
    return row.id


def measure(path: Path) -> list[tuple[str, int]]:
    """Bytes of the pages of each table and index."""
    import sqlite3

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        try:
            return connection.execute(_SIZES).fetchall()
        except sqlite3.OperationalError:
            raise LeftOut("this SQLite has no table dbstat") from None


if __name__ == "__main__":
    run(rows, __doc__)
