"""Search in a warm archive of 300,000 made-up posts (the goals are for `--posts 1000000`).

Goals: the newest 20 for a word, a phrase or a Burmese keyword p95 <= 50 ms; for five terms with operators p95 <= 250
ms. The floor is the bare index: the same words in one MATCH, newest 20 rowids, in the same run. Also printed: the size
of the index and of the folded column compared with the text, and the time of a count.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from bench._texts import FIXED, Words, vocabulary
from storage.archive.database import Archive, Reader
from storage.language.fold import fold
from storage.language.query import Query, parse
from storage.migrations import migrate
from storage.search import prefilter, search

NOW = 1_763_800_000
BATCH = 5_000
QUERIES = 60


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=300_000)
    parser.add_argument("--keep", type=Path, help="keep the archive in this directory and use it again next time")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        path = (asked.keep or Path(directory)) / "communique.db"
        words = vocabulary()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            start = time.perf_counter()
            fill(path, words, asked.posts)
            print(f"{asked.posts:,} posts made in {time.perf_counter() - start:,.0f} s")
        with Archive(path) as archive, archive.reading() as reader:
            sizes(reader)
            measure(reader, words)


def fill(path: Path, words: Words, posts: int) -> None:
    """Posts a minute apart; one in ten has a second text. Texts come from a pool, which is faster than new ones."""
    with Archive(path) as archive:
        migrate.ensure(archive, now=NOW * 1_000_000)
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {pragma}")
    for number in range(1, 21):
        connection.execute(
            "INSERT INTO sources (id, name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures) "
            "VALUES (?, ?, 'feed', '[]', 1, 'ok', 0, 0, 0, 0)",
            (number, f"source{number}"),
        )
    pool = [(text, fold(text)) for text in (words.post(200) for _ in range(20_000))]
    numbers = iter(range(posts))
    while batch := list(islice(numbers, BATCH)):
        connection.execute("BEGIN")
        rows = list(_texts(batch, posts, words, pool))
        connection.executemany(
            "INSERT INTO posts (id, source_id, native_id, posted_at, posted_raw, collected_at, alerts, revision, "
            "texts, language) VALUES (?, ?, ?, ?, '', 0, 1, 0, ?, 'und')",
            [
                (
                    _id(number, posts),
                    number % 20 + 1,
                    str(number),
                    (_id(number, posts) >> 16) * 1_000_000,
                    1 + (number % 10 == 0),
                )
                for number in batch
            ],
        )
        connection.executemany(
            "INSERT INTO texts (id, post_id, kind, revision, text, folded, fold_version, language, current) "
            "VALUES (?, ?, ?, 0, ?, ?, 1, 'und', 1)",
            rows,
        )
        connection.executemany(
            "INSERT INTO texts_index (rowid, folded) VALUES (?, ?)", [(row[0], row[4]) for row in rows]
        )
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _id(number: int, posts: int) -> int:
    return (NOW - 60 * (posts - number)) << 16


def _texts(
    batch: Sequence[int], posts: int, words: Words, pool: Sequence[tuple[str, str]]
) -> Iterator[tuple[object, ...]]:
    for number in batch:
        for place in range(1 + (number % 10 == 0)):
            parts = [words.chance.choice(pool) for _ in range(3)]
            yield (
                _id(number, posts) << 14 | place,
                _id(number, posts),
                "transcript" if place else "body",
                " ".join(text for text, _ in parts),
                " ".join(folded.split(" \ue000")[0] for _, folded in parts),
            )


def sizes(reader: Reader) -> None:
    [(posts, texts, text, folded)] = reader.rows(
        "SELECT count(DISTINCT post_id), count(*), sum(length(CAST(text AS BLOB))), sum(length(CAST(folded AS BLOB))) "
        "FROM texts"
    )
    index = reader.value("SELECT sum(length(block)) FROM texts_index_data")
    print(
        f"{posts:,} posts, {texts:,} texts of {text / texts:,.0f} bytes; per post: text {text / posts:,.0f} B, folded "
        f"column {folded / posts:,.0f} B ({folded / text:.2f} of the text), index {index / posts:,.0f} B "
        f"({index / text:.2f}, goal 1.0)"
    )


def measure(reader: Reader, words: Words) -> None:
    def running(count: int = 1, language: str = "en") -> list[str]:
        return [f'"{word}"' for word in words.running(language, count)]

    def watched(language: str = "en") -> str:
        return f'"{words.watched(language)}"'

    def phrase(language: str) -> str:
        return f'"{" ".join(words.running(language, 2))}"'

    kinds: dict[str, tuple[Callable[[], str], int]] = {
        "word": (watched, 50),
        "common word": (lambda: running()[0], 50),
        "phrase": (lambda: phrase("en"), 50),
        "Burmese keyword": (lambda: watched("my"), 50),
        "common Burmese": (lambda: running(1, "my")[0], 50),
        "Burmese phrase": (lambda: phrase("my"), 50),
        "five terms": (lambda: "({} OR {}) {} -{} -{}".format(*running(5)), 250),
        "five with AND": (lambda: " ".join(running(5)), 250),
        "prefix": (lambda: f"{watched()[1:5]}*", 0),
    }
    fixed = {"phrase": FIXED["en"], "Burmese keyword": FIXED["my"]}
    for name, (make, goal) in kinds.items():
        asked = [*(f'"{text}"' for text in fixed.get(name, ())), *(make() for _ in range(QUERIES))]
        times, floors, counts = [], [], []
        for text in asked:
            query = parse(text)
            floors.append(bare(reader, query))
            start = time.perf_counter()
            list(search.search(reader, query, limit=20))
            times.append((time.perf_counter() - start) * 1000)
        for text in asked[:3]:
            start = time.perf_counter()
            found = search.count(reader, parse(text))
            counts.append((time.perf_counter() - start, found))
        slowest, most = max(counts)
        said = f" (goal {goal} ms)" if goal else ""
        print(
            f"{name}: newest 20 p50 {median(times):.1f} ms, p95 {quantiles(times, n=20)[-1]:.1f} ms{said}, longest "
            f"{max(times):.0f} ms; bare index p50 {median(floors):.1f} ms, p95 {quantiles(floors, n=20)[-1]:.1f} ms; "
            f"slowest count {slowest:.2f} s for {most:,} posts",
            flush=True,
        )


def bare(reader: Reader, query: Query) -> float:
    expression = prefilter.expression(query.root)
    start = time.perf_counter()
    if expression:
        reader.rows(
            "SELECT rowid FROM texts_index WHERE texts_index MATCH :term ORDER BY rowid DESC LIMIT 20",
            {"term": expression.text},
        )
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
