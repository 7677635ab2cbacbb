"""A Bot API that keeps the documented rules on a real socket: it refuses what Telegram refuses.

Rules are those of core.telegram.org/bots/api: HTML entities, 4,096 UTF-16 units after parsing, chats that must exist,
429 with retry_after for the whole bot, migrated groups, replies to messages that exist; files of 50 MB, photos of
10 MB, captions of 1,024 UTF-16 units.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcS"
_TAGS = {
    "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote", "tg-spoiler", "span",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


class Unparsable(ValueError):
    """What Telegram calls "can't parse entities"."""


class _Entities(HTMLParser):
    """Reads Telegram's HTML and nothing else; collects the plain text and the links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.plain = ""
        self.links: list[str] = []
        self.bold: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise Unparsable(f'Unsupported start tag "{tag}"')
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag == "b":
            self.bold.append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Unparsable(f'Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        if "<" in data:
            raise Unparsable("Unclosed start tag")
        self.plain += data
        if "b" in self.open:
            self.bold[-1] += data

    def handle_entityref(self, name: str) -> None:
        self.handle_text(_NAMED.get(name, f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self.handle_text(chr(int(name[1:], 16) if name[:1] in "xX" else int(name)))

    def handle_text(self, text: str) -> None:
        self.plain += text
        if "b" in self.open:
            self.bold[-1] += text

    def handle_comment(self, data: str) -> None:
        raise Unparsable(f"Unsupported start tag {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise Unparsable(f"Unsupported start tag {decl!r}")

    def handle_pi(self, data: str) -> None:
        raise Unparsable(f"Unsupported start tag {data!r}")


def parsed(html: str) -> _Entities:
    reading = _Entities()
    reading.feed(html)
    reading.close()
    if reading.open:
        raise Unparsable(f'Can\'t find end tag corresponding to start tag "{reading.open[-1]}"')
    return reading


@dataclass
class Said:
    """A message that a chat has."""

    id: int
    chat: object
    text: str
    links: list[str]
    bold: list[str]
    request: dict[str, Any]
    file: "Sent | None" = None


@dataclass
class Sent:
    """A file that came with a message."""

    method: str
    name: str
    mime: str
    data: bytes


_FIELDS = {"sendVoice": "voice", "sendAudio": "audio", "sendPhoto": "photo", "sendDocument": "document"}
_LARGEST = {"sendPhoto": 10 << 20}


@dataclass
class BotApi:
    """`base` is the api_base; chats are -100, 7 and "@desk". What a test sets comes before the rules."""

    base: str = ""
    said: list[Said] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    retry_after: int | None = None
    migrated_to: int | None = None
    blocked: bool = False
    fail_with: list[tuple[int, str]] = field(default_factory=list)
    refuse_files: bool = False
    page: str | None = None  # of somebody else, who answers in its place
    swallow: int = 0  # take so many messages and give no answer
    heard: threading.Event = field(default_factory=threading.Event)

    def answer(self, token: str, request: dict[str, Any], file: Sent | None = None) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        if token != TOKEN:
            return _no(401, "Unauthorized")
        if self.retry_after is not None:
            words = f"Too Many Requests: retry after {self.retry_after}"
            return _no(429, words, retry_after=self.retry_after)
        if self.fail_with:
            return _no(*self.fail_with.pop(0))
        if self.blocked:
            return _no(403, "Forbidden: bot was blocked by the user")
        if request.get("chat_id") not in (-100, 7, "@desk", self.migrated_to):
            return _no(400, "Bad Request: chat not found")
        if self.migrated_to is not None and request["chat_id"] != self.migrated_to:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            return _no(400, words, migrate_to_chat_id=self.migrated_to)
        return self._take(request, file)

    def _take(self, request: dict[str, Any], file: Sent | None) -> tuple[int, dict[str, Any]]:
        if file is not None and (self.refuse_files or len(file.data) > _LARGEST.get(file.method, 50 << 20)):
            return _no(400, "Bad Request: VOICE_MESSAGES_FORBIDDEN")
        text, links, bold = str(request.get("caption" if file else "text", "")), [], []
        if request.get("parse_mode") == "HTML":
            try:
                reading = parsed(text)
            except Unparsable as problem:
                return _no(400, f"Bad Request: can't parse entities: {problem}")
            text, links, bold = reading.plain, reading.links, reading.bold
        if not text.strip():
            return _no(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > (1024 if file else 4096):
            return _no(400, f"Bad Request: message {'caption ' if file else ''}is too long")
        reply = request.get("reply_parameters") or {}
        known = {message.id for message in self.said}
        if reply and reply["message_id"] not in known and not reply.get("allow_sending_without_reply"):
            return _no(400, "Bad Request: message to be replied not found")
        message = Said(len(self.said) + 1, request["chat_id"], text, links, bold, request, file)
        self.said.append(message)
        self.heard.set()
        return 200, {"ok": True, "result": {"message_id": message.id, "chat": {"id": message.chat}, "text": text}}


def _no(code: int, description: str, **parameters: int) -> tuple[int, dict[str, Any]]:
    return code, {"ok": False, "error_code": code, "description": description, "parameters": parameters}


def _unpacked(content_type: str, body: bytes, method: str) -> tuple[dict[str, Any], Sent | None]:
    """A multipart request: values that are JSON as what they say, and the file under the method's own field."""
    whole = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode() + body)
    request: dict[str, Any] = {}
    file = None
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename() and name == _FIELDS[method]:
            file = Sent(method, str(part.get_filename()), part.get_content_type(), data)
            continue
        text = data.decode()
        try:
            request[str(name)] = text if name in ("caption", "parse_mode") else json.loads(text)
        except ValueError:
            request[str(name)] = text
    return request, file


@contextmanager
def serving() -> Iterator[BotApi]:
    api = BotApi()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            _, bot, method = self.path.split("/", 2)
            if api.page is not None:
                self._answer(200, "text/html", api.page.encode())
                return
            if bot.startswith("bot") and method in _FIELDS:
                request, file = _unpacked(self.headers["content-type"], body, method)
                status, answer = api.answer(bot.removeprefix("bot"), request, file)
            elif not bot.startswith("bot") or method != "sendMessage":
                status, answer = _no(404, "Not Found")
            else:
                status, answer = api.answer(bot.removeprefix("bot"), json.loads(body))
            if api.swallow:
                api.swallow -= 1
                self.close_connection = True
                return
            self._answer(status, "application/json", json.dumps(answer).encode())

        def _answer(self, status: int, kind: str, sent: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing: stderr belongs to the test's own report."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    api.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
