"""Storing folded posts: our `save` compared with a bare `executemany` into the same tables with the same index.

Both write the same rows in batches with synchronous=FULL, in turn, each to a fresh file of its own. The bare side gets
finished tuples; ours also hashes, compresses, looks up known posts and assigns ids. Folding is done before for both and
reported separately.
"""

import random
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench._table import Cost, Row, amount, cost, ratio, run
from storage.archive.connections import connect
from storage.archive.database import Archive, open_writer
from storage.archive.index_row import MARK
from storage.archive.packed_words import FOLDED
from storage.migrations import migrate
from storage.posts import saving
from storage.posts.texts import AnalyzedText, analyze
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
TABLES = ("raw", "posts", "revisions", "texts", "jobs")
ENGLISH = ("the regional command", "said that", "troops", "moved north of", "river town", "at dawn", "roads closed")
BURMESE = ("တိုင်းစစ်ဌာနချုပ်က", "နံနက်ပိုင်းတွင်", "တပ်များ", "မြောက်ဘက်သို့", "ရွှေ့ပြောင်းခဲ့သည်", "ဟု", "ပြောကြားသည်")


@dataclass(frozen=True, slots=True)
class Round:
    """What both sides took for the same posts: seconds of the processor, and of the clock."""

    ours: tuple[float, float]
    bare: tuple[float, float]


def invented(count: int, seed: int) -> list[FetchedPost]:
    """Posts of about 600 bytes, half English and half Burmese, some seconds apart."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        words, glue, length = (ENGLISH, " ", 50) if number % 2 else (BURMESE, "", 14)
        text = glue.join(chance.choices(words, k=length)) + f" {number}"
        raw = Raw(f'<div class="message" data-post="bench/{number}"><p>{text}</p></div>'.encode(), "text/html")
        found.append(
            FetchedPost(
                str(number), raw, text, number, START + number * 7 * SECOND, url=f"https://example.org/{number}"
            )
        )
    return found


def finished_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that `save` wrote, for the bare side to write again."""
    with closing(connect(path, mode="ro")) as reader:
        rows = {table: reader.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
        folded = reader.execute(f"SELECT post_id, {FOLDED.format('')} FROM texts ORDER BY rowid").fetchall()
    rows["posts_index"] = [(row[0], f"{MARK} {row[1]}") for row in folded]
    return rows


def write_bare(writer: sqlite3.Connection, rows: dict[str, list[tuple[object, ...]]], part: slice) -> None:
    """Write one batch with bare SQL."""
    writer.execute("BEGIN IMMEDIATE")
    for table, of_table in rows.items():
        columns = "(rowid, body)" if table == "posts_index" else ""
        marks = ", ".join("?" * len(of_table[0]))
        writer.executemany(f"INSERT INTO {table} {columns} VALUES ({marks})", of_table[part])
    writer.execute("UPDATE sources SET cursor = ?, high_water = ? WHERE id = 1", (str(part.stop), part.stop))
    writer.execute("COMMIT")


def fresh(path: Path) -> Archive:
    archive = Archive(path)
    migrate.ensure(archive, now=START)
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("bench", "replay")], START)
    return archive


def one_round(folder: Path, every: Sequence[FetchedPost], readings: dict[str, AnalyzedText], batch: int) -> Round:
    """Write everything once to get the rows, then write them both ways, batch by batch, in turn."""
    now = START + 10**9 * SECOND

    def save(archive: Archive, part: slice) -> None:
        with archive.writing() as writer:
            reply = Batch(posts=tuple(every[part]), cursor=str(part.stop))
            saving.save(writer, 1, reply, now=now, method="bench", alerts=True, read=read)

    def read(texts: Sequence[str]) -> list[AnalyzedText]:
        return [readings[text] for text in texts]

    parts = [slice(start, min(start + batch, len(every))) for start in range(0, len(every), batch)]
    with fresh(folder / "learn.db") as learn:
        for part in parts:
            save(learn, part)
    rows = finished_rows(folder / "learn.db")
    took = {"ours": (0.0, 0.0), "bare": (0.0, 0.0)}
    fresh(folder / "bare.db").close()
    with fresh(folder / "ours.db") as archive, closing(open_writer(folder / "bare.db")) as driver:
        sides = {"ours": partial(save, archive), "bare": partial(write_bare, driver, rows)}
        for turn, part in enumerate(parts):
            for side in sorted(sides, reverse=bool(turn % 2)):  # each side is first in every other turn
                spent = cost(partial(sides[side], part))
                took[side] = took[side][0] + spent.cpu, took[side][1] + spent.wall
    return Round(**took)


def rows(quick: bool) -> Iterator[Row]:
    posts, times = (1_000, 3) if quick else (10_000, 5)
    every = invented(posts, seed=7)
    readings: dict[str, AnalyzedText] = {}
    texts = [post.text for post in every]
    reading = cost(lambda: readings.update(zip(texts, analyze(texts), strict=True)))
    yield amount("fold a post and find its language", reading.cpu / posts * 1e6, "µs")
    for batch in (100, 200):
        rounds = []
        for _ in range(times):
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(one_round(Path(folder), every, readings, batch))
        ours, bare = (
            Cost(*(statistics.median(getattr(one, side)[part] for one in rounds) for part in (0, 1)))
            for side in ("ours", "bare")
        )
        yield ratio(f"store folded posts, {batch} at a time : bare executemany", ours, bare, goal=2, count=posts)


if __name__ == "__main__":
    run(rows, __doc__)
