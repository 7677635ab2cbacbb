"""Posts as JSON lines: exported, replayed into another archive, and exported again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.desk import run_program
from tests.export.exported import Exports

OURS = ("id", "collected_at", "revisions", "raw_sha256", "rules", "event", "copy_of", "quotes")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _said_by(source: str, path: Path) -> Iterator[dict[str, Any]]:
    """What lines say of the posts of a source that another archive can know: the bytes of files stay behind."""
    for post in sorted(_lines(path), key=lambda post: str(post["native_id"])):
        if post["source"] == source:
            media = [{"kind": file["kind"], "name": file["name"], "mime": file["mime"]} for file in post["media"]]
            kept = {key: value for key, value in post.items() if not key.startswith("copy_") and key not in OURS}
            yield kept | {"media": media}


def test_what_is_exported_is_replayed_into_the_same_posts(exports: Exports, tmp_path: Path) -> None:
    """Every source of the archive: eight scripts, edits, deletions, files, polls, transcripts, letters, no date."""
    done = exports.make("jsonl", tmp_path / "all.jsonl")
    sources = sorted({post["source"] for post in _lines(done.path)})
    entries = ['[storage]\ndir = "data"']
    for source in sources:
        exports.make("jsonl", tmp_path / f"{source}.jsonl", sources=(source,))
        entries.append(f'[[sources]]\nname = "{source}"\nkind = "replay"\npath = "{source}.jsonl"')
    (tmp_path / "config.toml").write_text("\n".join(entries))
    ran = run_program("run", "--once", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    again = Exports(tmp_path / "data").make("jsonl", tmp_path / "again.jsonl")
    assert done.posts == again.posts > 20
    for source in sources:
        assert list(_said_by(source, tmp_path / "again.jsonl")) == list(_said_by(source, done.path))


def test_posts_are_the_oldest_first(exports: Exports, tmp_path: Path) -> None:
    found = [int(post["id"]) for post in _lines(exports.make("jsonl", tmp_path / "posts.jsonl").path)]
    assert found == sorted(found)
    some = exports.make("jsonl", tmp_path / "some.jsonl", "bridge OR တံတား").path
    assert [post for post in _lines(tmp_path / "posts.jsonl") if post in _lines(some)] == _lines(some)
