"""How long a command takes from a cold start, compared with a bare Python program; goal: at most 2 times as long.

The floor imports click and sqlite3 and runs the very statements that `communique search` runs on the same archive,
recorded in the same run; for `--help` it imports click and prints. Runs are interleaved, medians compared.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from storage.archive.database import Archive, Reader, connect
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

RUNS = 21
POSTS = 2_000
NOW = 1_763_800_000_000_000
QUERY = "commander"
FLOOR = """
import json, sqlite3, sys
import click
statements = json.load(open(sys.argv[2]))
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for statement in statements:
    for row in connection.execute(statement):
        click.echo(row)
"""
HELP_FLOOR = "import click; click.echo('communique')"


def main(_: list[str] | None = None) -> None:
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        archive = filled(data / "communique.db")
        recorded = data / "statements.json"
        recorded.write_text(json.dumps(statements(archive)))
        program = [sys.executable, "-m", "bot", "--data-dir", str(data)]
        compare(
            "search",
            [*program, "search", QUERY],
            [sys.executable, "-c", FLOOR, str(archive.path), str(recorded)],
        )
        compare("--help", [*program, "--help"], [sys.executable, "-c", HELP_FLOOR])


def filled(path: Path) -> Archive:
    """Fill an archive with posts of a usual size; every tenth contains the word that is searched."""
    archive = Archive(path)
    migrate.ensure(archive, now=NOW)
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("bench", "replay")], NOW)
    source = sources_named(archive)
    words = "the column reached the township before the rain and held the bridge through the night "
    batch = Batch(
        posts=tuple(
            FetchedPost(
                native_id=str(number),
                raw=Raw(f"post {number}".encode(), "text/plain"),
                text=f"{words * 4} {'a commander spoke' if number % 10 == 0 else ''} {number}",
                number=number,
                posted_at=NOW - (POSTS - number) * 60_000_000,
                url=f"https://example.org/{number}",
            )
            for number in range(POSTS)
        )
    )
    with archive.writing() as writer:
        saving.save(writer, source, batch, now=NOW, method="bench", alerts=False)
    return archive


def sources_named(archive: Archive) -> int:
    with archive.reading() as reader:
        row = states.find_source(reader, "bench")
    assert row is not None
    return row.id


def statements(archive: Archive) -> list[str]:
    """Record what one search runs, with its values in place."""
    from bot.cli.query import parse_query
    from storage.posts import reading
    from storage.search import search

    recorded: list[str] = []
    with closing(connect(archive.path, mode="ro")) as connection:
        reader = Reader(connection)
        connection.set_trace_callback(recorded.append)
        found = list(search.search(reader, parse_query(QUERY), limit=20))
        reading.read_texts(reader, {hit.text_id for item in found for hit in item.hits})
        reading.read_posts(reader, [item.post_id for item in found])
        connection.set_trace_callback(None)
    assert found
    return [statement for statement in recorded if not statement.startswith("--")]


def compare(name: str, ours: Sequence[str], floor: Sequence[str]) -> None:
    measured: dict[str, list[float]] = {"ours": [], "floor": []}
    for _ in range(RUNS):
        for kind, command in (("ours", ours), ("floor", floor)):
            started = time.perf_counter()
            subprocess.run(
                command,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[1],
                env={"PATH": os.environ["PATH"]},
            )
            measured[kind].append(time.perf_counter() - started)
    mine, least = median(measured["ours"]), median(measured["floor"])
    print(f"cold start of {name:8} {mine / least:5.2f} x its floor (goal 2)   {mine * 1e3:.0f} : {least * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
