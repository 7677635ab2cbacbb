"""First contact with feeds: fetched, parsed in a child process, folded and stored, as `run --once` does it.

The floor does the same without any protection: one process fetches with httpx, parses and folds with the same code and
stores with `executemany`. Of both, what a start costs is taken off: a run with many feeds is compared with one of two.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import rmtree

from bench._table import LOOPBACK, Cost, Row, amount, in_turn, program, ratio, run
from bench._texts import vocabulary

ENTRIES, FEW, MANY = 30, 2, 42
_SOURCE = '\n[[sources]]\nname = "feed_{number}"\nkind = "feed"\nurl = "{url}/{number}"\n'
_ITEM = (
    "<item><title>Statement {entry} of office {number}</title><link>https://example.org/{number}/{entry}</link>"
    "<guid>{number}-{entry}</guid><pubDate>Mon, 02 Nov 2026 10:{entry:02}:00 GMT</pubDate>"
    "<description>&lt;p&gt;{words}&lt;/p&gt;</description></item>"
)
_WORDS = 600  # letters of each entry, which has words of its own, as statements have
_FLOOR = """
import sqlite3, sys
import httpx
from bot.sources.feed.reading import read_document
from storage.language.fold import fold
url, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
database = sqlite3.connect(path)
database.execute("PRAGMA journal_mode = WAL")
database.execute("CREATE TABLE posts (guid, title, text, folded)")
with httpx.Client() as client:
    for number in range(count):
        reply = client.get(f"{url}/{number}")
        order = {"url": str(reply.url), "type": reply.headers["content-type"], "cap": 500, "zone": ""}
        found = read_document(reply.content, order, lambda: None)
        rows = [(one["guid"], one["title"], one["text"], repr(fold(one["text"]))) for one in found["entries"]]
        database.executemany("INSERT INTO posts VALUES (?, ?, ?, ?)", rows)
        database.commit()
"""


@cache
def document(number: int) -> bytes:
    words = vocabulary()
    words.chance.seed(number)
    items = "".join(
        _ITEM.format(number=number, entry=entry, words=escape(words.post(_WORDS))) for entry in range(ENTRIES)
    )
    return f'<rss version="2.0"><channel><title>Office {number}</title>{items}</channel></rss>'.encode()


class _Feeds(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = document(int(self.path.strip("/")))
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve() -> None:
    """Serve feeds on a free port, which is printed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Feeds)
    print(server.server_port, flush=True)
    server.serve_forever()


def once(folder: Path, url: str, count: int) -> None:
    """One pass over so many feeds, each for the first time."""
    rmtree(folder / "data", ignore_errors=True)
    config = folder / "config.toml"
    config.write_text(LOOPBACK + "".join(_SOURCE.format(number=number, url=url) for number in range(count)))
    command = [
        sys.executable,
        "-m",
        "bot",
        "--config",
        str(config),
        "--data-dir",
        str(folder / "data"),
        "run",
        "--once",
    ]
    program(command)()


def floor(folder: Path, url: str, count: int) -> None:
    (folder / "floor.db").unlink(missing_ok=True)
    program([sys.executable, "-c", _FLOOR, url, str(count), str(folder / "floor.db")])()


def rows(quick: bool) -> Iterator[Row]:
    many = MANY // 4 if quick else MANY
    command = [sys.executable, "-c", "from bench.feeds import serve; serve()"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with tempfile.TemporaryDirectory() as name:
            ways = [partial(way, Path(name), url, count) for way in (once, floor) for count in (many, FEW)]
            ours, ours_few, bare, bare_few = in_turn(*ways, rounds=1 if quick else 3)
    finally:
        server.kill()
        server.wait()
    ours, bare = _without(ours, ours_few), _without(bare, bare_few)
    count = many - FEW
    yield amount(f"feed of {ENTRIES} entries, first contact", ours.cpu / count * 1e3, "ms/feed", goal=60)
    yield ratio("the same beside fetch, parse, fold, insert", ours, bare, count=count)


def _without(whole: Cost, start: Cost) -> Cost:
    return Cost(whole.cpu - start.cpu, whole.wall - start.wall)


if __name__ == "__main__":
    run(rows, __doc__)
