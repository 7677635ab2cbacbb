"""One HTTP server with many feeds, some of which never answer, and a webhook that counts: all on one host and port."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>{name}</title>{items}</channel></rss>'
_ITEM = "<item><guid>{name}-{number}</guid><title>{text}</title><pubDate>{date}</pubDate></item>"


@dataclass
class Neighbourhood:
    """`/feed/NAME` answers with what was published there, `/hang/NAME` never does; `/hook` notes what is posted."""

    url: str = ""
    published: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    delivered: dict[str, float] = field(default_factory=dict)  # text of an alert -> when it came
    over: threading.Event = field(default_factory=threading.Event)

    def publish(self, name: str, text: str) -> None:
        self.published.setdefault(name, []).append((text, time.time()))

    def feed(self, name: str) -> bytes:
        items = "".join(
            _ITEM.format(name=name, number=number, text=text, date=formatdate(at))
            for number, (text, at) in enumerate(self.published.get(name, []))
        )
        return _FEED.format(name=name, items=items).encode()


@contextmanager
def opened() -> Iterator[Neighbourhood]:
    there = Neighbourhood()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _, kind, name = self.path.split("/")
            there.asked[f"{kind}/{name}"] += 1
            if kind == "hang":
                there.over.wait()
                self.close_connection = True
                return
            self.answer(200, there.feed(name))

        def do_POST(self) -> None:
            alert = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "post" in alert.get("data", {}):
                there.delivered.setdefault(alert["data"]["post"]["title"], time.time())
            self.answer(204)

        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("content-type", "application/rss+xml")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing: stderr belongs to the test's own report."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Door)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield there
    finally:
        there.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
