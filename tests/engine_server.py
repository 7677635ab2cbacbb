"""The remote side of engines on a real socket: a server of OpenAI's protocol, or any other that answers JSON."""

import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Server:
    """Answers in turn, the last one for ever, and everything that it was sent; `forms` as read by the standard library."""

    url: str = ""
    port: int = 0
    answers: list[tuple[int, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forms: list[dict[str, tuple[str | None, bytes]]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    silent: bool = False  # takes questions and answers none

    def answer(self) -> tuple[int, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def form_of(kind: str, body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """Each field as (file name, bytes), read by the standard library and not by our own writer."""
    whole = b"content-type: " + kind.encode() + b"\r\n\r\n" + body
    parts = email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts()
    found = {}
    for part in parts:
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[str(part.get_param("name", header="content-disposition"))] = (part.get_filename(), content)
    return found


@contextmanager
def serving(answer: Any) -> Iterator[Server]:
    """Serve on 127.0.0.1; every question is answered by `answer` until the test says otherwise."""
    kept = Server(answers=[(200, answer)])

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.paths.append(self.path)
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            if self.headers["content-type"].startswith("multipart/"):
                kept.forms.append(form_of(self.headers["content-type"], body))
            else:
                kept.asked.append(json.loads(body))
            if kept.silent:
                self.rfile.read(1)  # until the other side hangs up
                return
            status, said = kept.answer()
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            if status == 429:
                self.send_header("retry-after", "120")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing: stderr belongs to the test's own report."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        kept.port = listening.server_port
        kept.url = f"http://127.0.0.1:{kept.port}/v1"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield kept
        finally:
            listening.shutdown()
