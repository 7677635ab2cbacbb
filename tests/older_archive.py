"""Archives as earlier releases left them: the schema of then, and posts with the words that the readers of then read."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from zstandard import ZstdCompressor

from storage.archive.connections import connect
from storage.archive.database import REVISIONS, Archive
from storage.language.fold import fold
from storage.migrations import migrate
from storage.posts.content import body, content_hash, links_json, record_json
from storage.posts.ids import first_id, text_id
from storage.records import FetchedPost

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class OlderSource:
    """A source and its posts; `method` is how they came, where its kind does not say it."""

    name: str
    kind: str
    posts: Sequence[FetchedPost]
    cursor: str = ""
    method: str | None = None


@dataclass(frozen=True, slots=True)
class OlderRule:
    """A rule that was loaded before anything came, and the words that it found then, by the ids of posts."""

    name: str
    query: str
    found: Mapping[str, str] | None = None


def write_archive(
    path: Path, schema: str, now: int, sources: Sequence[OlderSource], rules: Sequence[OlderRule]
) -> None:
    """Write the file. Its posts came a day before `now`, long after first contact."""
    with Archive(path) as archive:
        migrate.ensure(archive, now=now, steps=migrate.Steps(REVISIONS[: REVISIONS.index(schema) + 1]))
    with closing(connect(path, mode="rw")) as file:
        file.execute("BEGIN")
        writing = _Writing(file, schema >= "0005", now)
        for rule in rules:
            writing.rule(rule)
        for number, source in enumerate(sources, start=1):
            writing.source(number, source)
            for post in source.posts:
                writing.post(number, source, post, rules)
        file.execute("COMMIT")


class _Writing:
    def __init__(self, file: object, has_order: bool, now: int) -> None:
        self._file = file
        self._has_order = has_order  # of events: storage.archive.sequence
        self._day, self._month = now - 86_400 * SECOND, now - 30 * 86_400 * SECOND
        self._posts = self._texts = 0

    def insert(self, table: str, **row: object) -> None:
        names = ", ".join(row)
        statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"
        self._file.execute(statement, row)  # type: ignore[attr-defined]

    def rule(self, rule: OlderRule) -> None:
        order = {"loaded_seq": self._month} if self._has_order else {}
        self.insert("rules", name=rule.name, version="v1", query=rule.query, loaded_at=self._month, **order)

    def source(self, number: int, source: OlderSource) -> None:
        order = {"first_contact_seq": self._month} if self._has_order else {}
        numbers = [post.number for post in source.posts if post.number is not None]
        self.insert(
            "sources", id=number, name=source.name, kind=source.kind, tags="[]", enabled=1, state="ok",
            state_since=self._month, paused=0, cursor=source.cursor or None, high_water=max(numbers, default=None),
            first_contact_at=self._month, next_poll_at=0, failures=0, last_ok_at=self._day, last_post_at=self._day,
            **order,
        )  # fmt: skip
        history = json.dumps({"low": 0, "high": 0, "left_out": []})
        self.insert("meta", key=f"history:{number}", value=history)

    def post(self, number: int, source: OlderSource, post: FetchedPost, rules: Sequence[OlderRule]) -> None:
        self._posts += 1
        post_id = first_id((post.posted_at or self._day) // SECOND) + self._posts
        order = {"seq": self._day} if self._has_order else {}
        self.insert(
            "posts", id=post_id, source_id=number, native_id=post.native_id, number=post.number,
            posted_at=post.posted_at, posted_raw=post.posted_raw, url=post.url, collected_at=self._day, alerts=1,
            revision=0, texts=1, language="en", **order,
        )  # fmt: skip
        raw = sha256(post.raw.data).hexdigest()
        packed = ZstdCompressor().compress(post.raw.data)
        self.insert("raw", sha256=raw, mime=post.raw.mime, bytes=len(post.raw.data), zstd=packed)
        self.insert(
            "revisions", post_id=post_id, number=0, title=post.title, text=post.text, links=links_json(post.links),
            preview=record_json(post.preview), edited=0, content_hash=content_hash(post), raw_sha256=raw,
            collected_at=self._day, method=source.method or source.kind,
        )  # fmt: skip
        text = text_id(post_id, 0)
        words = body(post)
        self.insert(
            "texts", id=text, post_id=post_id, kind="body", revision=0, text=words, folded=fold(words),
            fold_version=1, language="en", current=1,
        )  # fmt: skip
        self.insert("texts_index", rowid=text, folded=fold(words))
        for rule in rules:
            if word := (rule.found or {}).get(post.native_id):
                at = words.index(word)
                hit = {"text_id": text, "kind": "body", "start": at, "end": at + len(word), "form": word}
                self.insert(
                    "matches", rule=rule.name, rule_version="v1", post_id=post_id, document_hash="then", kind="match",
                    at=self._day, hits=json.dumps([hit]), alerting=1, why="new match",
                )  # fmt: skip
