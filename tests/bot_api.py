"""A Bot API that keeps the documented rules on a real socket: it refuses what Telegram refuses.

Rules are those of core.telegram.org/bots/api: HTML entities, 4,096 UTF-16 units after parsing, chats that must exist,
429 with retry_after for the whole bot, migrated groups, replies to messages that exist; files of 50 MB, photos of
10 MB, captions of 1,024 UTF-16 units. Edits: of a message of this bot that is still there, of its text or its caption,
and never to what it says already.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

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
    earlier: list[str] = field(default_factory=list)  # what it said before each edit
    keyboard: list[list[dict[str, str]]] = field(default_factory=list)


@dataclass
class Sent:
    """A file that came with a message."""

    method: str
    name: str
    mime: str
    data: bytes


_FIELDS = {"sendVoice": "voice", "sendAudio": "audio", "sendPhoto": "photo", "sendDocument": "document"}
_LARGEST = {"sendPhoto": 10 << 20}
_EDITS = {"editMessageText": "text", "editMessageCaption": "caption"}
_SAME = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a"
    " current content and reply markup of the message"
)


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
    edited: threading.Event = field(default_factory=threading.Event)
    edits: list[dict[str, Any]] = field(default_factory=list)  # every edit that was asked for
    removed: set[int] = field(default_factory=set)  # messages that somebody deleted in the chat
    fixed: set[int] = field(default_factory=set)  # messages that can't be edited
    on_edit: Callable[[], None] = lambda: None  # is called when an edit could be made, before it is answered
    chat_facts: dict[str, Any] = field(default_factory=lambda: {"type": "private", "username": "editor"})
    member: dict[str, Any] = field(default_factory=lambda: {"status": "member"})  # what the bot is in the chat

    def answer(
        self, token: str, request: dict[str, Any], file: Sent | None = None, method: str = "sendMessage"
    ) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        if method in _EDITS:
            self.edits.append(request)
        refused = self.refusal(token)
        if refused is not None:
            return refused
        if self.blocked:
            return no(403, "Forbidden: bot was blocked by the user")
        if request.get("chat_id") not in (-100, 7, "@desk", self.migrated_to):
            return no(400, "Bad Request: chat not found")
        if self.migrated_to is not None and request["chat_id"] != self.migrated_to:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            return no(400, words, migrate_to_chat_id=self.migrated_to)
        return self._edit(request, method) if method in _EDITS else self._take(request, file)

    def refusal(self, token: str) -> tuple[int, dict[str, Any]] | None:
        """What every method answers while something is wrong with the bot, or the server."""
        if token != TOKEN:
            return no(401, "Unauthorized")
        if self.retry_after is not None:
            words = f"Too Many Requests: retry after {self.retry_after}"
            return no(429, words, retry_after=self.retry_after)
        return no(*self.fail_with.pop(0)) if self.fail_with else None

    def more(self, token: str, method: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """The answer of any other method; None where this double does not have it."""
        known = {"getMe": {"id": 4839574812, "username": "desk_bot"}, "getChat": self.chat_facts}
        result = (known | {"getChatMember": self.member}).get(method)
        if result is None:
            return None
        refused = self.refusal(token)
        if refused is not None:
            return refused
        if method != "getMe" and request.get("chat_id") not in (-100, 7, "@desk"):
            return no(400, "Bad Request: chat not found")
        return 200, {"ok": True, "result": result}

    def _edit(self, request: dict[str, Any], method: str) -> tuple[int, dict[str, Any]]:
        there = (one for one in self.said if one.id == request.get("message_id") and one.chat == request["chat_id"])
        message = next(there, None)
        if message is None or message.id in self.removed:
            return no(400, "Bad Request: message to edit not found")
        if message.id in self.fixed:
            return no(400, "Bad Request: message can't be edited")
        what = _EDITS[method]
        if (what == "caption") != (message.file is not None):
            return no(400, f"Bad Request: there is no {what} in the message to edit")
        said = self._read(request, what)
        if isinstance(said, tuple):
            return said
        keyboard = _keyboard(request)
        if keyboard is None:
            return no(400, "Bad Request: BUTTON_DATA_INVALID")
        self.on_edit()
        if (said.plain, said.links, said.bold, keyboard) == (
            message.text,
            message.links,
            message.bold,
            message.keyboard,
        ):
            return no(400, _SAME)
        message.earlier.append(message.text)
        message.keyboard = keyboard
        message.text, message.links, message.bold = said.plain, said.links, said.bold
        self.edited.set()
        return 200, {"ok": True, "result": {"message_id": message.id, "chat": {"id": message.chat}, what: said.plain}}

    def _read(self, request: dict[str, Any], what: str) -> "_Entities | tuple[int, dict[str, Any]]":
        """The words of a request as the chat shows them, or the refusal."""
        text, said = str(request.get(what, "")), _Entities()
        said.plain = text
        if request.get("parse_mode") == "HTML":
            try:
                said = parsed(text)
            except Unparsable as problem:
                return no(400, f"Bad Request: can't parse entities: {problem}")
        if not said.plain.strip() and what == "text":
            return no(400, "Bad Request: message text is empty")
        if len(said.plain.encode("utf-16-le")) // 2 > (1024 if what == "caption" else 4096):
            return no(400, f"Bad Request: message {'caption ' if what == 'caption' else ''}is too long")
        return said

    def _take(self, request: dict[str, Any], file: Sent | None) -> tuple[int, dict[str, Any]]:
        if file is not None and (self.refuse_files or len(file.data) > _LARGEST.get(file.method, 50 << 20)):
            return no(400, "Bad Request: VOICE_MESSAGES_FORBIDDEN")
        said = self._read(request, "caption" if file else "text")
        if isinstance(said, tuple):
            return said
        keyboard = _keyboard(request)
        if keyboard is None:
            return no(400, "Bad Request: BUTTON_DATA_INVALID")
        reply = request.get("reply_parameters") or {}
        known = {message.id for message in self.said}
        if reply and reply["message_id"] not in known and not reply.get("allow_sending_without_reply"):
            return no(400, "Bad Request: message to be replied not found")
        message = Said(
            len(self.said) + 1, request["chat_id"], said.plain, said.links, said.bold, request, file, [], keyboard
        )
        self.said.append(message)
        self.heard.set()
        return 200, {"ok": True, "result": {"message_id": message.id, "chat": {"id": message.chat}, "text": said.plain}}


def _keyboard(request: dict[str, Any]) -> list[list[dict[str, str]]] | None:
    """The buttons that a request asks for; None if one has no data, or more than 64 bytes of it."""
    rows: list[list[dict[str, str]]] = (request.get("reply_markup") or {}).get("inline_keyboard", [])
    right = all(
        1 <= len(one.get("callback_data", "").encode()) <= 64 and one.get("text") for row in rows for one in row
    )
    return rows if right else None


def no(code: int, description: str, **parameters: int) -> tuple[int, dict[str, Any]]:
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


Api = TypeVar("Api", bound=BotApi)


@contextmanager
def serving() -> Iterator[BotApi]:
    with serve(BotApi()) as api:
        yield api


@contextmanager
def serve(api: Api) -> Iterator[Api]:

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
            elif not bot.startswith("bot") or method not in ("sendMessage", *_EDITS):
                more = api.more(bot.removeprefix("bot"), method, json.loads(body))
                status, answer = no(404, "Not Found") if more is None else more
            else:
                status, answer = api.answer(bot.removeprefix("bot"), json.loads(body), method=method)
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
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked is gone
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
