"""The whole line: fetch, parse, 1,000 rules, store, index, deliver: `communique run --once` beside a lean script.

Both read the same channels (12, of 420 posts each) from a page server on loopback and send every alert to its webhook.
The goals count the processor time of the whole process, of its start too. The start is also measured alone, on a world
with one post, and taken away.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from bench._pages import serving
from bench._table import LOOPBACK, Cost, Row, in_turn, program, ratio, run
from bench._texts import vocabulary

CHANNELS, POSTS, RULES = 12, 420, 1_000
_HEAD = """
[defaults]
every = "1h"
[[targets]]
name = "hook"
kind = "webhook"
url = "{address}/hook"
"""
_SOURCE = """
[[sources]]
name = "channel{number:04}"
kind = "telegram_web"
channel = "channel{number:04}"
base_url = "{address}"
backfill = "all"
recheck = []
media = []
alert_backfill = {alert}
"""


def watched(count: int) -> list[str]:
    """Words of the rarer half of the vocabulary, for one rule each."""
    words = vocabulary()
    words.chance.seed(3)
    found: dict[str, None] = {}
    while len(found) < count:
        found[words.watched(words.language(), rare=True)] = None
    return list(found)


def configure(folder: Path, address: str, channels: int, words: Sequence[str], *, alert: bool) -> Path:
    """A config that reads everything there is, and alerts about it or not."""
    sources = [_SOURCE.format(number=n, address=address, alert=str(alert).lower()) for n in range(channels)]
    rules = [f'[[rules]]\nname = "r{n}"\nquery = \'"{word}"\'\ntargets = ["hook"]\n' for n, word in enumerate(words)]
    config = folder / "config.toml"
    config.write_text("\n".join((LOOPBACK, _HEAD.format(address=address), *sources, *rules)), encoding="utf-8")
    return config


def hooks(address: str) -> int:
    """How often the webhook was called."""
    with urlopen(f"{address}/hooks") as reply:
        return int(reply.read())


@dataclass(frozen=True, slots=True)
class World:
    """A page server with so many channels, and the words that are watched for there."""

    address: str
    channels: int
    words: Sequence[str]

    def ours(self, *, alert: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            config = configure(Path(folder), self.address, self.channels, self.words, alert=alert)
            command = [sys.executable, "-m", "bot", "--config", str(config), "--data-dir", f"{folder}/data"]
            self._call([*command, "run", "--once"], Path(folder, "data", "communique.db"), "posts", alert=alert)

    def lean(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            words, database = Path(folder, "words.json"), Path(folder, "lean.db")
            words.write_text(json.dumps(self.words))
            command = [sys.executable, "-m", "bench._lean", self.address, str(self.channels), str(words), str(database)]
            self._call(command, database, "post", alert=True)

    def _call(self, command: Sequence[str], database: Path, table: str, *, alert: bool) -> None:
        before = hooks(self.address)
        program(command)()
        with closing(sqlite3.connect(database)) as archive:
            [posts] = archive.execute(f"SELECT count(*) FROM {table}").fetchone()
        print(f"  {command[2]}: {posts:,} posts, {hooks(self.address) - before} alerts", flush=True)
        assert alert or hooks(self.address) == before


def rows(quick: bool) -> Iterator[Row]:
    posts, words = 40 if quick else POSTS, watched(RULES)
    with serving(CHANNELS, posts) as address, serving(1, 1) as little:
        world, start = World(address, CHANNELS, words), World(little, 1, words)
        sending, storing, floor, beginning, least = in_turn(
            partial(world.ours, alert=True),
            partial(world.ours, alert=False),
            world.lean,
            partial(start.ours, alert=True),
            start.lean,
            rounds=1 if quick else 3,
        )
    count = CHANNELS * posts
    yield ratio("the whole line, with deliveries", sending, floor, goal=1.8, count=count)
    yield ratio("the whole line, without", storing, floor, goal=1.6, count=count)
    yield ratio("its start", beginning, least)
    yield ratio("the line without starts, with deliveries", less(sending, beginning), less(floor, least), count=count)
    yield ratio("the line without starts, without", less(storing, beginning), less(floor, least), count=count)


def less(whole: Cost, part: Cost) -> Cost:
    return Cost(whole.cpu - part.cpu, whole.wall - part.wall)


if __name__ == "__main__":
    run(rows, __doc__)
