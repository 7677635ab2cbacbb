"""The leanest script that does the work of the line: fetch, parse, find 1,000 words, store, index, deliver.

It imports nothing of the program. Four pages at a time; raw bytes, post, revision, text, index and outbox in one FULL
transaction of 200 posts or more; four alerts at a time, a hundred settled together. It keeps no history of what it saw,
looks for no copies, retries nothing and forgets where it was.

usage: python -m bench._lean ADDRESS CHANNELS WORDS.json DATABASE, or FILE.jsonl WORDS.json DATABASE to import posts
"""

import asyncio
import hashlib
import json
import re
import sqlite3
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from unicodedata import normalize

import httpx
import zstandard
from ahocorasick_rs import AhoCorasick
from selectolax.lexbor import LexborHTMLParser, LexborNode

_SCHEMA = """
PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
CREATE TABLE raw (sha BLOB PRIMARY KEY, packed BLOB) WITHOUT ROWID;
CREATE TABLE post (
  id INTEGER PRIMARY KEY, source INT, native INT, at INT, author TEXT, views TEXT, url TEXT, UNIQUE (source, native)
);
CREATE TABLE revision (id INTEGER PRIMARY KEY, post INT, number INT, text TEXT, links TEXT, hash BLOB, sha BLOB);
CREATE TABLE text (id INTEGER PRIMARY KEY, text TEXT, folded TEXT);
CREATE VIRTUAL TABLE words USING fts5(
  folded, content = 'text', content_rowid = 'id', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, post INT, rule INT, state TEXT DEFAULT 'new', UNIQUE (post, rule));
CREATE INDEX due ON outbox (state);
"""
_SYLLABLES = re.compile(
    "[\u1000-\u1021](?:[\u102b-\u103e]|\u1039.|[\u1000-\u1021](?=\u103a))*"
    "|[\u4e00-\u9fff]|[^\\W\u1000-\u109f\u4e00-\u9fff]+"
)
_AT_ONCE, _WORKERS = 200, 4
Waiting = tuple[int, int, int, dict[str, object], bytes]


def fold(text: str) -> str:
    """Words, syllables of Burmese and Chinese characters with a space around each."""
    return f" {' '.join(_SYLLABLES.findall(normalize('NFKC', text).casefold()))} "


def read_bare(message: LexborNode) -> dict[str, object]:
    """The fields of a post on a page of t.me, with one selector each and no error handling."""

    def first(selector: str) -> str | None:
        found = message.css_first(selector)
        return found.text() if found else None

    body = message.css_first(".js-message_text")
    when = message.css_first(".tgme_widget_message_date time")
    files = message.css(
        ".tgme_widget_message_photo_wrap, .tgme_widget_message_voice, .tgme_widget_message_video, "
        ".tgme_widget_message_document_wrap, .tgme_widget_message_sticker_wrap, .tgme_widget_message_roundvideo"
    )
    reply = message.css_first("a.tgme_widget_message_reply")
    preview = message.css_first("a.tgme_widget_message_link_preview")
    for line in body.css("br") if body else ():
        line.replace_with("\n")
    return {
        "id": message.attributes["data-post"],
        "view": message.attributes["data-view"],
        "text": body.text() if body else "",
        "links": [(link.text(), link.attributes.get("href")) for link in body.css("a")] if body else [],
        "posted": datetime.fromisoformat(when.attributes["datetime"] or "") if when else None,
        "edited": "edited" in (first(".tgme_widget_message_meta") or ""),
        "author": first(".tgme_widget_message_from_author"),
        "views": first(".tgme_widget_message_views"),
        "forward": first(".tgme_widget_message_forwarded_from_name"),
        "reply": reply.attributes.get("href") if reply else None,
        "question": first(".tgme_widget_message_poll_question"),
        "options": [option.text() for option in message.css(".tgme_widget_message_poll_option_text")],
        "preview": preview.text() if preview else None,
        "files": [
            file.attributes.get("src") or re.findall(r"url\('(.*?)'\)", file.attributes.get("style") or "")
            for file in files
        ],
        "duration": first(".tgme_widget_message_voice_duration"),
    }


class Lean:
    """One database and one client."""

    def __init__(self, address: str, words: Sequence[str], database: Path) -> None:
        self.address, self.words = address, words
        self.database = sqlite3.connect(database, isolation_level=None)
        self.database.executescript(_SCHEMA)
        self.find = AhoCorasick([fold(word) for word in words]).find_matches_as_indexes
        self.pack = zstandard.ZstdCompressor(level=3).compress
        self.waiting: list[Waiting] = []
        self.stored = 0

    def store(self) -> None:
        """Write what waits in one transaction."""
        run = self.database.executemany
        self.database.execute("BEGIN IMMEDIATE")
        raws, posts, revisions, texts, due = [], [], [], [], []
        for source, native, at, found, raw in sorted(self.waiting, key=lambda one: one[2]):
            self.stored += 1
            post, text = (at << 20) | (self.stored & 0xFFFFF), str(found["text"])
            sha, folded = hashlib.sha256(raw).digest(), fold(text)
            raws.append((sha, self.pack(raw)))
            posts.append((post, source, native, at, found["author"], found["views"], f"https://t.me/{found['id']}"))
            content = hashlib.sha256(text.encode()).digest()
            revisions.append((post, 0, text, json.dumps(found["links"]), content, sha))
            texts.append((post, text, folded))
            due += [(post, rule) for rule in {hit[0] for hit in self.find(folded, overlapping=True)}]
        run("INSERT INTO raw VALUES (?, ?) ON CONFLICT DO NOTHING", raws)
        run("INSERT INTO post VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", posts)
        run("INSERT INTO revision (post, number, text, links, hash, sha) VALUES (?, ?, ?, ?, ?, ?)", revisions)
        run("INSERT INTO text VALUES (?, ?, ?)", texts)
        run("INSERT INTO words (rowid, folded) VALUES (?, ?)", [(post, folded) for post, _, folded in texts])
        run("INSERT INTO outbox (post, rule) VALUES (?, ?)", due)
        self.database.execute("COMMIT")
        self.waiting.clear()

    def take(self, lines: Path) -> None:
        """Store the posts of a file, each a line of JSON."""
        with lines.open("rb") as file:
            for number, line in enumerate(file):
                found = json.loads(line)
                at = int(datetime.fromisoformat(found["posted_at"]).timestamp())
                bare = {"author": None, "views": None, "id": found["native_id"], "links": [], "text": found["text"]}
                self.waiting.append((0, number, at, bare, line))
                if len(self.waiting) >= _AT_ONCE:
                    self.store()
        self.store()

    async def read(self, client: httpx.AsyncClient, source: int) -> None:
        """All pages of a channel, the newest first."""
        before: int | None = None
        while before is None or before > 1:
            asked = {} if before is None else {"before": before}
            reply = await client.get(f"{self.address}/s/channel{source:04}", params=asked)
            tree = LexborHTMLParser(reply.content)
            tree.css_first(".tgme_channel_info_header_title")
            for message in tree.css("div.tgme_widget_message"):
                found = read_bare(message)
                native, posted = int(str(found["id"]).split("/")[1]), found["posted"]
                assert isinstance(posted, datetime)
                before = min(before or native, native)
                self.waiting.append((source, native, int(posted.timestamp()), found, (message.html or "").encode()))
            if len(self.waiting) >= _AT_ONCE:
                self.store()

    async def send(self, client: httpx.AsyncClient, due: Sequence[tuple[int, int, int]]) -> None:
        """Some alerts, one after the other."""
        for _, post, rule in due:
            [text] = self.database.execute("SELECT text FROM text WHERE id = ?", (post,)).fetchone()
            body = {"rule": self.words[rule], "post": post, "text": text}
            (await client.post(f"{self.address}/hook", json=body)).raise_for_status()

    async def run(self, channels: int) -> None:
        """Everything."""
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=_WORKERS)) as client:

            async def some(first: int) -> None:
                for source in range(first, channels, _WORKERS):
                    await self.read(client, source)

            await asyncio.gather(*map(some, range(_WORKERS)))
            self.store()
            due = self.database.execute("SELECT id, post, rule FROM outbox WHERE state = 'new'").fetchall()
            for start in range(0, len(due), 100):
                part = due[start : start + 100]
                await asyncio.gather(*(self.send(client, part[lane::_WORKERS]) for lane in range(_WORKERS)))
                self.database.execute("BEGIN IMMEDIATE")
                sent = [(one[0],) for one in part]
                self.database.executemany("UPDATE outbox SET state = 'sent' WHERE id = ?", sent)
                self.database.execute("COMMIT")


def main(source: str, *words: str) -> None:
    listed, database = words[-2:]
    lean = Lean(source, json.loads(Path(listed).read_text()), Path(database))
    if source.startswith("http"):
        asyncio.run(lean.run(int(words[0])))
    else:
        lean.take(Path(source))


if __name__ == "__main__":
    main(*sys.argv[1:])
