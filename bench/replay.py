"""Importing posts from a file (kind `replay`) beside a lean script that stores the same lines in the same way.

`communique run --once` on 5,000 posts of 600 bytes: the time of a pass over one post is taken away on both sides, so
that what a post costs is left: reading, folding, storing, indexing, events and the decision, with one rule. The same
without events shows what these cost.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench._table import Row, amount, in_turn, program, ratio, run
from bench._texts import vocabulary
from bench.line import less

POSTS, GOAL_MS = 5_000, 0.5
_CONFIG = """
[events]
enabled = {events}
[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
[[rules]]
name = "command"
query = '"{word}"'
targets = ["screen"]
[[targets]]
name = "screen"
kind = "console"
"""
_WORD = "regional command"


@dataclass(frozen=True, slots=True)
class Import:
    """A folder with the lines of so many posts, and with what both sides need beside them."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, posts: int) -> "Import":
        folder.mkdir()
        words = vocabulary()
        with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
            for number in range(posts):
                at = f"2026-10-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
                line = {"native_id": str(number), "text": words.post(600), "posted_at": at}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        (folder / "words.json").write_text(json.dumps([_WORD]))
        for events in ("true", "false"):
            (folder / f"{events}.toml").write_text(_CONFIG.format(events=events, word=_WORD))
        return cls(folder)

    def ours(self, *, events: bool) -> None:
        with tempfile.TemporaryDirectory() as data:
            config = str(self.folder / f"{str(events).lower()}.toml")
            program([sys.executable, "-m", "bot", "--config", config, "--data-dir", data, "run", "--once"])()

    def lean(self) -> None:
        with tempfile.TemporaryDirectory() as data:
            files = [str(self.folder / name) for name in ("posts.jsonl", "words.json")]
            program([sys.executable, "-m", "bench._lean", *files, f"{data}/lean.db"])()


def rows(quick: bool) -> Iterator[Row]:
    posts = 500 if quick else POSTS
    with tempfile.TemporaryDirectory() as folder:
        many, one = Import.of(Path(folder, "many"), posts), Import.of(Path(folder, "one"), 1)
        ours, plain, floor, start, least = in_turn(
            partial(many.ours, events=True),
            partial(many.ours, events=False),
            many.lean,
            partial(one.ours, events=True),
            one.lean,
            rounds=1 if quick else 3,
        )
    yield amount("import a post", less(ours, start).cpu / posts * 1e3, "ms", goal=GOAL_MS)
    yield ratio("import a post, to the lean script", less(ours, start), less(floor, least), count=posts)
    yield ratio("import a post without events, to the lean script", less(plain, start), less(floor, least), count=posts)


if __name__ == "__main__":
    run(rows, __doc__)
