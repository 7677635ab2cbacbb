"""Search in a warm archive of 300,000 made-up posts, in a quick run 20,000 (the goals are for `--posts 1000000`).

The newest 20 posts and counts of many queries of each kind, dear ones among them: the usual time, the 95th percentile
and the longest. The floor is the bare index in the same run: the same expression in one MATCH of raw sqlite3. What no
index narrows is measured by the post that is looked at.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench._archive import NOW, fill
from bench._table import Row, amount, show, table, verdict
from bench._texts import FIXED, Words, vocabulary
from storage.archive.database import Archive, Reader
from storage.language.query import parse
from storage.language.tree import Node
from storage.search import search
from storage.search.bounds import bounds

_SCANNED = 20_000  # posts that are looked at where the index narrows nothing, at most a quarter of all


@dataclass(frozen=True)
class Kind:
    """Queries of one kind; `newest` and `count` are the goals, in ms, for the 95th percentile of each."""

    name: str
    make: Callable[[], str]
    newest: float | None = 50
    count: float | None = None
    longest: float = 250


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work, less certain")
    parser.add_argument("--posts", type=int)
    parser.add_argument("--queries", type=int)
    parser.add_argument("--keep", type=Path, help="keep the archive in this directory and use it again next time")
    parser.add_argument("--only", default="", help="kinds of queries whose names hold this")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        path = (asked.keep or Path(directory)) / "communique.db"
        posts, queries = _sizes(asked.quick)
        shown = show(_measure(path, asked.posts or posts, asked.queries or queries, asked.only))
    print("", *table(shown), sep="\n")
    return verdict(shown)


def rows(quick: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "communique.db"
        yield from _measure(path, *_sizes(quick))


def _sizes(quick: bool) -> tuple[int, int]:
    return (20_000, 8) if quick else (300_000, 60)


def _measure(path: Path, posts: int, queries: int, only: str = "") -> Iterator[Row]:
    words = vocabulary()
    if not path.exists():
        start = time.perf_counter()
        fill(path, words, posts)
        print(f"{posts:,} posts made in {time.perf_counter() - start:,.0f} s", flush=True)
    words.chance.seed(23)
    with Archive(path) as archive, archive.reading() as reader:
        yield from sizes(reader) if not only else ()
        for kind in kinds(words):
            if only in kind.name:
                fixed = [f'"{text}"' for text in FIXED["my" if "Burmese" in kind.name else "en"]]
                asked = [*fixed, *(kind.make() for _ in range(queries))] if "word" in kind.name else None
                yield from times(reader, kind, asked or [kind.make() for _ in range(queries)])
        for name, query, goal in SCANS:
            if only in name:
                yield scanned(reader, name, query, goal, min(_SCANNED, posts // 4))


def kinds(words: Words) -> Iterator[Kind]:
    def running(count: int, language: str = "en") -> list[str]:
        return [f'"{word}"' for word in words.running(language, count)]

    def common(count: int) -> list[str]:
        return [f'"{word}"' for word in words.chance.sample(words.of["en"][:60], count)]

    def short(size: int) -> str:
        return f"{words.watched('en')[:size]}*"

    def inner() -> str:
        word = words.watched("en")
        return f"{word[:2]}*{word[-2:]}"

    def watched() -> str:
        return words.watched("en").split()[0]

    yield Kind("word", lambda: f'"{words.watched("en")}"', count=100)
    yield Kind("common word", lambda: running(1)[0], count=100)
    yield Kind("phrase", lambda: f'"{" ".join(words.running("en", 2))}"', count=100)
    yield Kind("Burmese word", lambda: f'"{words.watched("my")}"', count=100)
    yield Kind("Burmese phrase", lambda: f'"{" ".join(words.running("my", 2))}"', count=100)
    yield Kind("a b", lambda: " ".join(running(2)), count=100)
    yield Kind("a -b", lambda: "{} -{}".format(*running(2)), count=100)
    yield Kind("five AND", lambda: " ".join(running(5)), count=100)
    yield Kind("(a OR b) c -d -e", lambda: "({} OR {}) {} -{} -{}".format(*running(5)), count=100)
    yield Kind("dear: five common AND", lambda: " ".join(common(5)), count=100)
    yield Kind("dear: (a OR b) c -d -e", lambda: "({} OR {}) {} -{} -{}".format(*common(5)), count=100)
    yield Kind(
        "dear: common, rare", lambda: f'{common(1)[0]} "{words.watched("en", rare=True)}" {common(1)[0]}', count=100
    )
    yield Kind("dear: (a b) OR (c d) -e", lambda: "({} {}) OR ({} {}) -{}".format(*common(5)), count=100)
    yield Kind("dear: source:", lambda: "source:source7 {} {} -{}".format(*common(3)))
    yield Kind("dear: has:voice", lambda: "has:voice {} -{}".format(*common(2)))
    yield Kind("dear: (a* OR b) c -d* -e", lambda: "({3} OR {0}) {1} -{4} -{2}".format(*common(3), short(3), short(3)))
    facts = "(has:voice OR {}) (source:source3 OR {} -{})"
    yield Kind("dear: facts in branches", lambda: facts.format(*common(3)), newest=250)
    fuzzy = "({}~ OR has:audio) ({} OR {}*) -source:source3"
    yield Kind("dear: fuzzy in a group", lambda: fuzzy.format(watched(), common(1)[0], short(3)[:-1]), newest=250)
    yield Kind("prefix of 3", lambda: short(3))
    yield Kind("prefix of 4", lambda: short(4))
    yield Kind("prefix of 5", lambda: short(5))
    yield Kind("inner wildcard", inner, newest=None)
    yield Kind("fuzzy", lambda: f"{watched()}~", newest=None)
    yield Kind("has:voice", lambda: "has:voice")
    yield Kind("has:edit -has:photo", lambda: "has:edit -has:photo")


SCANS = (
    ("regex", "/zzzq[xyz]+/", 12),
    (r"regex with \b", r"/\bzzzq\w+\b/", None),
    ("fuzzy", "qqqzzq~", None),
    ("inner wildcard", "q*qqz", None),
    ("has:audio", "has:audio", None),
)


def sizes(reader: Reader) -> Iterator[Row]:
    [(posts, text)] = reader.rows("SELECT count(DISTINCT post_id), sum(length(CAST(text AS BLOB))) FROM texts")
    index = reader.value("SELECT sum(length(block)) FROM posts_index_data")
    yield amount("index, of the text", index / text, "x", goal=1.0, ours=f"{index / posts:,.0f} B/post")


def times(reader: Reader, kind: Kind, asked: Sequence[str]) -> Iterator[Row]:
    """The newest 20, then the number of all, of each query."""
    queries = [parse(text) for text in asked]
    for query in queries[:3]:
        list(search.search(reader, query, limit=20))
    floors, newest = [], []
    for query in queries:
        floors.append(spent(lambda query=query: bare(reader, query.root, _BARE)))  # type: ignore[misc]
        newest.append(spent(lambda query=query: list(search.search(reader, query, limit=20))))  # type: ignore[misc]
    yield from judged(f"{kind.name}, newest 20", newest, floors, asked, kind.newest, kind.longest)
    if kind.count is not None:
        floors, counts = [], []
        for query in queries:
            floors.append(spent(lambda query=query: bare(reader, query.root, _BARE_COUNT)))  # type: ignore[misc]
            counts.append(spent(lambda query=query: search.count(reader, query)))  # type: ignore[misc]
        yield from judged(f"{kind.name}, count", counts, floors, asked, kind.count, None)


def judged(
    name: str,
    ours: Sequence[float],
    floors: Sequence[float],
    asked: Sequence[str],
    goal: float | None,
    longest: float | None,
) -> Iterator[Row]:
    worst = asked[ours.index(max(ours))]
    said = f"p50 {median(ours):.2f}, longest {max(ours):.1f} ms"
    floor = f"p50 {median(floors):.2f}, longest {max(floors):.1f} ms"
    yield amount(f"{name}, p95", quantiles(ours, n=20)[-1], "ms", goal=goal, ours=said, floor=floor)
    if goal is not None and longest is not None:
        yield amount(f"{name}, longest", max(ours), "ms", goal=longest, ours=worst[:40])
    else:
        print(f"    longest: {worst}")


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of the processor."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def bare(reader: Reader, root: Node, statement: str) -> None:
    expression = bounds(root).at_all.known
    if expression:
        reader.rows(statement, {"term": expression})


_BARE = "SELECT rowid FROM posts_index WHERE posts_index MATCH :term ORDER BY rowid DESC LIMIT 20"
_BARE_COUNT = "SELECT count(*) FROM posts_index WHERE posts_index MATCH :term"


def scanned(reader: Reader, name: str, asked: str, goal: float | None, posts: int) -> Row:
    """What a query that matches nothing costs per post, in the newest posts; the floor reads their texts."""
    query = parse(asked)
    since = (NOW - 60 * posts) * 1_000_000
    list(search.search(reader, query, limit=None, since=(NOW - 600) * 1_000_000))
    low = since // 1_000_000 << 30
    floor = spent(lambda: reader.rows("SELECT text FROM texts WHERE id >= :low", {"low": low}))
    ours = spent(lambda: list(search.search(reader, query, limit=None, since=since)))
    return amount(
        f"{name}, a post looked at",
        ours * 1000 / posts,
        "µs",
        goal=goal,
        floor=f"{floor * 1000 / posts:.2f} µs",
    )


if __name__ == "__main__":
    raise SystemExit(main())
