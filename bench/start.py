"""What starting a command costs: processor time of whole processes, as a multiple of two floors of the same run.

The archive has 50 sources and the config 1,000 rules. One floor is `python -c pass`; the other imports click and
sqlite3 and runs the very statements that `communique search` runs on the same archive. `--data DIR` takes a data
directory that is there, such as one with a million posts.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench._table import Row, in_turn, program, ratio, show, table, verdict
from bench._texts import vocabulary
from storage.archive.connections import connect
from storage.archive.database import Archive, Reader
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

SOURCES = 50
RULES = 1_000
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
PASS = "python -c pass"
# Each command, its goal beside `python -c pass`, and the exit codes that it may have here.
COMMANDS: tuple[tuple[str, float | None, tuple[int, ...]], ...] = (
    ("--help", None, (0,)),
    ("status", 12, (0,)),
    ("status --json", 12, (0,)),
    ("status --health", 12, (1,)),
    ("sources list", 12, (0,)),
    ("config check", 30, (0,)),
    ("config show", None, (0,)),
    ("config path", None, (0,)),
    (f"search {QUERY}", None, (0,)),
    ("show source_00/0", None, (0,)),
    ("tail", None, (0,)),
    ("stats", None, (0,)),
    ("alerts list", None, (0, 3)),
    ("events list", None, (0, 3)),
    ("media list", None, (0, 3)),
    ("rules list", None, (0,)),
    ("rules test rule_0 x", None, (0, 3)),
    ("rules explain rule_0", None, (0,)),
    ("completion bash", None, (0,)),
)
_CONFIG = """
[defaults]
every = "2m"
[storage]
dir = "data"
[[targets]]
name = "screen"
kind = "console"
"""
_SOURCE = """
[[sources]]
name = "source_{number:02}"
kind = "{kind}"
{where} = "{at}"
tags = ["tag_{tag}"]
"""
_RULE = """
[[rules]]
name = "rule_{number}"
query = '{query}'
targets = ["screen"]
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A config, and an archive with what its sources brought."""

    folder: Path
    archive: Path

    def command(self, words: str) -> list[str]:
        options = ["--config", str(self.folder / "config.toml"), "--data-dir", str(self.archive.parent)]
        return [sys.executable, "-m", "bot", *options, *words.split(" ")]


def rows(quick: bool, data: Path | None = None) -> Iterator[Row]:
    rounds = 3 if quick else 15
    with tempfile.TemporaryDirectory() as directory:
        desk = furnish(Path(directory), data)
        recorded = desk.folder / "statements.json"
        recorded.write_text(json.dumps(statements(desk.archive)))
        nothing = program([sys.executable, "-c", "pass"])
        bare = program([sys.executable, "-c", FLOOR, str(desk.archive), str(recorded)])
        search = program(desk.command(f"search {QUERY}"))
        ours, floor = in_turn(search, bare, rounds=rounds + 4)
        yield ratio("search : click + sqlite3, same SQL", ours, floor, goal=1.8)
        plain, floor = in_turn(bare, nothing, rounds=rounds)
        yield ratio(f"click + sqlite3, same SQL : {PASS}", plain, floor)
        for words, goal, codes in COMMANDS:
            if quick and goal is None:
                continue
            ours, floor = in_turn(program(desk.command(words), codes=codes), nothing, rounds=rounds)
            yield ratio(f"{words} : {PASS}", ours, floor, goal=goal)


def furnish(folder: Path, data: Path | None) -> Desk:
    """Write the config; fill an archive unless there is one."""
    chance = random.Random(7)
    words = vocabulary()
    kinds = (("telegram_web", "channel", "channel_{:02}"), ("feed", "url", "https://example.org/{:02}.xml"))
    parts = [_CONFIG]
    for number in range(SOURCES):
        kind, where, at = chance.choice(kinds)
        parts.append(_SOURCE.format(number=number, kind=kind, where=where, at=at.format(number), tag=number % 7))
    for number in range(RULES):
        language = words.language()
        query = f'"{words.watched(language)}"'
        if number % 10 == 0:
            query += f' ("{words.watched(language)}" OR "{words.watched(language)}")'
        parts.append(_RULE.format(number=number, query=query.replace("'", " ")))
    (folder / "config.toml").write_text("".join(parts), encoding="utf-8")
    path = (data or folder / "data") / "communique.db"
    if data is None:
        path.parent.mkdir(mode=0o700)
        filled(path).close()
    return Desk(folder, path)


def filled(path: Path) -> Archive:
    """Fill an archive with posts of a usual size; every tenth contains the word that is searched."""
    archive = Archive(path)
    migrate.ensure(archive, now=NOW)
    names = [f"source_{number:02}" for number in range(SOURCES)]
    with archive.writing() as writer:
        states.declare(writer, [states.Declared(name, "replay") for name in names], NOW)
    words = "the column reached the township before the rain and held the bridge through the night "
    for place, name in enumerate(names):
        with archive.reading() as reader:
            row = states.find_source(reader, name)
        assert row is not None
        batch = Batch(
            posts=tuple(
                FetchedPost(
                    native_id=str(number),
                    raw=Raw(f"post {place} {number}".encode(), "text/plain"),
                    text=f"{words * 4} {'a commander spoke' if number % 10 == 0 else ''} {number}",
                    number=number,
                    posted_at=NOW - (POSTS - number * SOURCES + place) * 60_000_000,
                    url=f"https://example.org/{number}",
                )
                for number in range(POSTS // SOURCES)
            )
        )
        with archive.writing() as writer:
            saving.save(writer, row.id, batch, now=NOW, method="bench", alerts=False)
    return archive


def statements(path: Path) -> list[str]:
    """Record what one search runs, with its values in place."""
    from bot.cli.query import parse_query
    from storage.posts import reading
    from storage.search import search

    recorded: list[str] = []
    with closing(connect(path, mode="ro")) as connection:
        reader = Reader(connection)
        connection.set_trace_callback(recorded.append)
        found = list(search.search(reader, parse_query(QUERY), limit=20))
        reading.read_texts(reader, {hit.text_id for item in found for hit in item.hits})
        reading.read_posts(reader, [item.post_id for item in found])
        connection.set_trace_callback(None)
    assert found
    return [statement for statement in recorded if not statement.startswith("--")]


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, help="a data directory that is there")
    options.add_argument("--quick", action="store_true")
    chosen = options.parse_args(arguments)
    found = show(rows(chosen.quick, chosen.data))
    print("", *table(found), sep="\n")
    return verdict(found)


if __name__ == "__main__":
    sys.exit(main())
