"""An ntfy server that keeps the documented rules on a real socket (https://docs.ntfy.sh/publish/).

JSON to the root, at most 8,192 bytes; a message of more than 4,096 bytes of UTF-8 becomes a file; files by PUT to the topic
with a name, up to a limit; RFC 2047 and `\\n` in headers; names of topics; tokens; codes of errors; from version 2.16 on
a message with a known sequence id replaces the first without a sound.
"""

import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
_KNOWN = {"topic", "title", "message", "priority", "click", "sequence_id", "tags", "actions", "markdown", "attach"}


@dataclass
class Pushed:
    """What the phones show."""

    id: str
    message: str
    title: str
    priority: int
    more: dict[str, Any]
    file: bytes | None = None
    file_name: str = ""


@dataclass
class NtfyServer:
    """`base` is its address. With `protected` a topic needs the token. `refuse` comes before the rules."""

    base: str = ""
    shown: dict[str, Pushed] = field(default_factory=dict)  # by sequence
    rings: int = 0
    protected: bool = False
    version: tuple[int, int] = (2, 16)
    largest_file: int = 1 << 20
    refuse: list[tuple[int, int, str]] = field(default_factory=list)  # status, code (0: from a proxy before it), words
    retry_after: str | None = None
    page: bytes | None = None  # of somebody else, who answers in its place
    asked: int = 0

    def push(self, topic: str, pushed: Pushed, sequence: str) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", topic):
            return _no(400, 40009, "invalid request: topic invalid")
        if len(pushed.message.encode()) > 4096:
            pushed.file, pushed.message = pushed.message.encode(), "You received a file: attachment.txt"
        pushed.id = f"m{self.asked}"
        known = sequence if self.version >= (2, 16) and sequence else pushed.id
        self.rings += known not in self.shown
        self.shown[known] = pushed
        return 200, {"id": pushed.id, "event": "message", "topic": topic, "message": pushed.message}

    def from_json(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if len(body) > 8192:
            return _no(413, 41303, "JSON body too large")
        fields = json.loads(body)
        if not isinstance(fields, dict) or set(fields) - _KNOWN or fields.get("priority") not in (None, 1, 2, 3, 4, 5):
            return _no(400, 40017, "invalid request: request body must be message JSON")
        title = _decoded(fields.get("title", ""))
        more = {key: value for key, value in fields.items() if key not in ("title", "message", "topic", "priority")}
        pushed = Pushed("", fields.get("message") or "triggered", title, fields.get("priority", 3), more)
        return self.push(fields.get("topic", ""), pushed, fields.get("sequence_id", ""))

    def from_file(self, topic: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if len(body) > self.largest_file:
            return _no(413, 41301, "attachment too large, or bandwidth limit reached")
        names = {"x-title", "x-message", "x-priority", "x-click", "x-filename", "x-sequence-id"}
        given = {name: _decoded(headers[name]) for name in headers if name in names}
        words = given.get("x-message", "").replace("\\n", "\n")
        unknown = {name: value for name, value in headers.items() if name.startswith("x-") and name not in names}
        more = unknown | ({"click": given["x-click"]} if "x-click" in given else {})
        pushed = Pushed("", words, given.get("x-title", ""), int(given.get("x-priority", "3")), more, body)
        pushed.file_name = given["x-filename"]
        return self.push(topic, pushed, given.get("x-sequence-id", ""))

    def lets_in(self, authorization: str) -> tuple[int, dict[str, Any]] | None:
        if self.refuse:
            return _no(*self.refuse.pop(0))
        basic = authorization.startswith("Basic ") and b64decode(authorization[6:]) == b"desk:s3cret"
        if not authorization and self.protected:
            return _no(403, 40301, "forbidden")
        if authorization and authorization != f"Bearer {TOKEN}" and not basic:
            return _no(401, 40101, "unauthorized")
        return None


def _no(status: int, code: int, words: str) -> tuple[int, dict[str, Any]]:
    return status, {"code": code, "http": status, "error": words} if code else {"proxy": words}


def _decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


@contextmanager
def ntfy_server() -> Iterator[NtfyServer]:
    ntfy = NtfyServer()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*(ntfy.lets_in(self.headers.get("authorization", "")) or (200, {"role": "user"})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            refused = ntfy.lets_in(self.headers.get("authorization", ""))
            self._answer(
                *(refused or (ntfy.from_json(body) if self.path == "/" else _no(404, 40401, "page not found")))
            )

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            refused = ntfy.lets_in(headers.get("authorization", ""))
            self._answer(*(refused or ntfy.from_file(self.path[1:], headers, body)))

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            sent = json.dumps(answer).encode() if ntfy.page is None else ntfy.page
            self.send_response(status if ntfy.page is None else 200)
            if ntfy.retry_after is not None and status == 429:
                self.send_header("retry-after", ntfy.retry_after)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing: stderr belongs to the test's own report."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    ntfy.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield ntfy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
