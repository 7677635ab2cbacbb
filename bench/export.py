"""Exports of a large archive: processor time against a bare loop over SQLite, and the memory that each format takes.

The floor is what a script would do: one SELECT of the same columns, json.dumps of each row, and a write. It has the
columns of the line that ours writes, those of files, texts, rules and events among them. Each format runs in a process
of its own, whose peak of memory is measured.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench._table import Row, amount, in_turn, program, ratio, show, table, verdict
from bench.backup import large
from bot.errors import CommuniqueError
from bot.export import FORMATS, load
from storage.archive.best_reading import AS_RECEIVED
from storage.archive.connections import connect

_BARE = f"""
SELECT CAST(p.id AS TEXT) AS id, s.name AS source, p.native_id, p.url, p.author, r.title, p.posted_at, p.posted_raw,
    p.collected_at, p.edited_at, p.deleted_at, {AS_RECEIVED} AS text, p.language,
    (SELECT json_group_array(json_object('kind', m.kind, 'mime', m.mime, 'name', m.name, 'bytes', m.bytes,
        'sha256', m.sha256, 'state', m.state, 'reason', m.reason, 'path', m.path, 'duration_s', m.duration_s,
        'sniffed', m.sniffed))
        FROM media m WHERE m.post_id = p.id AND m.revision = p.revision) AS media,
    (SELECT json_group_array(json_object('kind', t.kind, 'engine', t.engine, 'language', t.language, 'text', t.text,
        'confidence', t.confidence, 'model', t.model, 'unreliable', t.unreliable, 'segments', t.segments))
        FROM texts t WHERE t.post_id = p.id AND t.current = 1 AND t.kind NOT IN ('body', 'file')) AS texts,
    r.links, (SELECT json_group_array(DISTINCT rule) FROM matches m WHERE m.post_id = p.id) AS rules, p.forward,
    p.reply_to, p.revision, r.raw_sha256, b.event_id, b.reason, b.measure,
    (SELECT e.quotes FROM events e WHERE e.id = p.id) AS quotes
FROM posts p JOIN sources s ON s.id = p.source_id JOIN revisions r ON r.post_id = p.id AND r.number = p.revision
LEFT JOIN event_posts b ON b.post_id = p.id ORDER BY p.id
"""
_MEASURED = """
import resource, sys
from bot.__main__ import main
try:
    main(sys.argv[2:])
except SystemExit as ended:
    assert not ended.code, ended.code
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def write_bare(database: Path, out: Path) -> None:
    """The same columns by a loop over one statement."""
    with closing(connect(database, mode="ro")) as reader, out.open("w", encoding="utf-8") as file:
        cursor = reader.execute(_BARE)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")


def export(data: Path, name: str, out: Path, memory: Path) -> list[str]:
    """The command that makes one export and writes down its peak of memory, in KB."""
    asked = ("--data-dir", str(data), "export", "--format", name, "--force", "-o", str(out))
    return [sys.executable, "-c", _MEASURED, str(memory), *asked]


def rows(quick: bool) -> Iterator[Row]:
    yield from _measure(
        4_000 if quick else 200_000, None, 3 if quick else 5, ["jsonl", "parquet"] if quick else [*FORMATS]
    )


def _measure(posts: int, data: Path | None, rounds: int, formats: list[str]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = data or work / "data"
        if not (data / "communique.db").exists():
            large(data / "communique.db", posts).close()
        with closing(connect(data / "communique.db", mode="ro")) as reader:
            posts = reader.execute("SELECT count(*) FROM posts").fetchone()[0]
        bare = program([sys.executable, "-m", "bench.export", "--bare", str(data), str(work / "bare.jsonl")])
        ours, floor = in_turn(program(export(data, "jsonl", work / "x.jsonl", work / "kb")), bare, rounds=rounds)
        yield ratio(f"export {posts:,} posts, jsonl : bare loop", ours, floor, goal=2, count=posts)
        for name in formats:
            try:
                load(name)
            except CommuniqueError as missing:
                print(f"  left out: {missing}")
                continue
            taken = in_turn(program(export(data, name, work / name, work / "kb")), rounds=1)[0]
            memory = int((work / "kb").read_text()) / 1024
            said = f"{taken.cpu / posts * 1e6:.0f} µs of CPU a post"
            yield amount(f"export {posts:,} posts, {name}, peak memory", memory, "MB", goal=200, ours=said)
            shutil.rmtree(work / name) if (work / name).is_dir() else (work / name).unlink()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bare", nargs=2, type=Path, metavar=("DATA", "OUT"), help="only the floor")
    options.add_argument("--data", type=Path, help="a data directory that is there, or is made there and kept")
    options.add_argument("--posts", type=int, default=200_000)
    options.add_argument("--formats", nargs="*", default=[*FORMATS])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--quick", action="store_true", help="less work, less certain")
    asked = options.parse_args()
    if asked.bare:
        write_bare(asked.bare[0] / "communique.db", asked.bare[1])
        return
    found = rows(quick=True) if asked.quick else _measure(asked.posts, asked.data, asked.rounds, asked.formats)
    shown = show(found)
    print("", *table(shown), sep="\n")
    sys.exit(verdict(shown))


if __name__ == "__main__":
    main()
