"""Finding the event of a post among 100,000 recent statements, two thirds of which are made of stock phrases.

Goals: a post is placed in 5 ms of processor time (p95), whatever it is; the process that does so grows by 64 MB at
most, and has placed its first post 5 s after it was started. The words of the window are in the archive: the process
holds SQLite's cache of pages, and nothing is loaded. Printed first: the same among 10,000 statements and without old
ones, for placing must not grow with the archive.
"""

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from bench._texts import Words, vocabulary
from bot.events.finding import EventRules
from bot.events.placing import place_arrived
from bot.events.words import fingerprints, read_words
from storage.archive.database import Archive
from storage.events.members import digest_words
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

NOW = 1_763_800_000
HOUR = 3_600
POSTS = 60  # of each sort
BATCH = 5_000
RAID = (
    "air raid alert in the district of {place} all citizens proceed to the nearest shelter and stay there until the all"
    " clear glory to the heroes glory to the nation"
)
REPORT = (
    "statement of the regional command number {number} our forces repelled {few} attacks in the direction of {place}"
    " the enemy lost {many} soldiers glory to the heroes"
)
_Row = tuple[tuple[int, ...], tuple[object, ...], list[tuple[int, int]]]  # a post, its words, their fingerprints
HEAD = "the press office of the regional command informs the citizens of all districts "
FOOT = " subscribe to our channel send us your photos and videos glory to the heroes"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=100_000)
    parser.add_argument("--old", type=int, default=300_000)
    parser.add_argument("--first", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.first is not None:
        place_first(asked.first)
        return
    for statements, old in ((asked.statements // 10, 0), (asked.statements, asked.old)):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "communique.db"
            words = vocabulary()
            start = time.perf_counter()
            fill(path, words, statements, old)
            print(
                f"{statements:,} statements in the window beside {old:,} old ones made in"
                f" {time.perf_counter() - start:,.0f} s: {path.stat().st_size / 1e6:,.0f} MB",
                flush=True,
            )
            measure(path, words)


def write_statement(words: Words, number: int) -> str:
    """One in three is of words of its own; the others are stock phrases with another place or number, or frame some."""
    own = " ".join(words.running("en", 30))
    if number % 3 == 0:
        return own
    if number % 3 == 1:
        chance = words.chance
        return (RAID, REPORT)[number % 2].format(
            place=f"{words.watched('en')} {words.watched('en')}",
            number=number,
            few=chance.randrange(2, 90),
            many=chance.randrange(90, 9_000),
        )
    return f"{HEAD}{own}{FOOT}"


def fill(path: Path, words: Words, statements: int, old: int) -> None:
    """Statements a second apart; the old ones are placed and closed, and their words forgotten."""
    with Archive(path) as archive:
        migrate.ensure(archive, now=NOW * 1_000_000)
        with archive.writing() as writer:
            states.declare(writer, [states.Declared(f"source{number}", "replay") for number in range(20)], 0)
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -200000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    found = _statements(words, statements, old)
    while batch := list(islice(found, BATCH)):
        connection.execute("BEGIN")
        for table, rows in (
            ("posts (id, source_id, native_id, posted_at, collected_at)", [row[0] for row in batch]),
            ("events (id, opened_at, newest_at)", [(row[0][0], row[0][3], row[0][3]) for row in batch]),
            (
                "event_posts (post_id, event_id, reason, at)",
                [(row[0][0], row[0][0], "first", row[0][3]) for row in batch],
            ),
            ("event_words (text_id, event_id, tokens, digest, prints, at)", [row[1] for row in batch if row[1]]),
            ("event_prints (fingerprint, text_id)", [one for row in batch for one in row[2]]),
        ):
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _statements(words: Words, statements: int, old: int) -> Iterator[_Row]:
    counts: dict[int, int] = {}
    for number in range(old + statements):
        at = NOW - (old + statements - number) * 10 * HOUR // statements - (0 if number >= old else 200 * HOUR)
        post_id = at << 16 | number & 0xFFFF
        post = (post_id, number % 20 + 1, number, at * 1_000_000, at * 1_000_000)
        if number < old:
            yield post, (), []
            continue
        said = read_words(write_statement(words, number))
        prints = fingerprints(said)
        if 2 * sum(counts.get(one, 0) < 20 for one in prints) < len(prints):
            prints = said.shingles
        for one in prints:
            counts[one] = counts.get(one, 0) + 1
        text = post_id << 14
        row = (text, post_id, " ".join(said.tokens), digest_words(said.tokens), len(prints), at * 1_000_000)
        yield post, row, [(one, text) for one in prints]


def measure(path: Path, words: Words) -> None:
    with Archive(path) as archive:
        with archive.reading() as reader:
            kept = reader.column("SELECT tokens FROM event_words ORDER BY text_id")
        chance = words.chance
        kinds: dict[str, Callable[[], str]] = {
            "new, own words": lambda: " ".join(words.running("en", 60)),
            "new, stock phrases": lambda: write_statement(words, 1 + 3 * chance.randrange(10**6)),
            "new, head and foot": lambda: write_statement(words, 2),
            "copy, trimmed": lambda: kept[chance.randrange(len(kept))].rpartition(" ")[0],
            "copy of stock phrases": lambda: f"via us {kept[1 + 3 * chance.randrange(len(kept) // 3)]}",
        }
        sizes = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
        for number, (name, make) in enumerate(kinds.items()):
            times, joined = [], 0
            for place in range(POSTS):
                text = make()
                spent, copies = place_post(archive, f"{number} {place}", text)
                times.append(spent)
                joined += copies
            print(
                f"{name}: {median(times):.1f} ms of processor time, p95 {quantiles(times, n=20)[-1]:.1f} ms (goal 5"
                f" ms), longest {max(times):.1f} ms; {joined} of {POSTS} joined",
                flush=True,
            )
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(f"memory: this process grew by {(sizes[1] - sizes[0]) / 1024:.0f} MB (goal 64 MB)")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bench.events", "--first", str(path)], check=True)
    print(f"from the start of a process to its first placed post: {time.perf_counter() - start:.1f} s (goal 5 s)")


def place_post(archive: Archive, native_id: str, text: str) -> tuple[float, bool]:
    """Store a post, then place it: milliseconds of processor time, and whether it joined an event."""
    at = NOW * 1_000_000
    post = FetchedPost(native_id, Raw(native_id.encode(), "text/plain"), text, posted_at=at)
    with archive.writing() as writer:
        row = states.find_source(writer, "source7")
        assert row is not None
        [post_id] = saving.save(writer, row.id, Batch(posts=(post,)), now=at, method="bench", alerts=True).new
        start = time.process_time()
        place_arrived(writer, EventRules())
        spent = time.process_time() - start
        return spent * 1000, writer.value(f"SELECT event_id <> post_id FROM event_posts WHERE post_id = {post_id}")


def place_first(path: Path) -> None:
    with Archive(path) as archive:
        place_post(archive, "first", "one post that nobody has seen before this process was started")


if __name__ == "__main__":
    main()
