"""A Bot API that keeps the documented rules on a real socket: it refuses what Telegram refuses.

Rules are those of core.telegram.org/bots/api: HTML entities, 4,096 UTF-16 units after parsing, chats that must exist,
429 with retry_after for the whole bot, migrated groups, replies to messages that exist; files of 50 MB, photos of
10 MB, captions of 1,024 UTF-16 units; albums of 2 to 10 files, of pictures and films, or of one kind, without buttons;
topics of a forum group: names of 1 to 128 characters, the right to manage topics, TOPIC_CLOSED, and
"message thread not found" for one that somebody deleted. Edits: of a message of this bot that is still there, of its text or its caption,
and never to what it says already.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
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
    album: "list[Sent]" = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)  # what it said before each edit
    keyboard: list[list[dict[str, str]]] = field(default_factory=list)


@dataclass
class Sent:
    """A file that came with a message."""

    method: str
    name: str
    mime: str
    data: bytes


@dataclass
class ForumTopic:
    """A topic of the forum group."""

    name: str
    closed: bool = False
    deleted: bool = False


_FIELDS = {
    "sendVoice": "voice", "sendAudio": "audio", "sendPhoto": "photo", "sendDocument": "document", "sendVideo": "video",
    "sendMediaGroup": "",
}  # fmt: skip
_TOPIC_METHODS = {"createForumTopic", "closeForumTopic", "reopenForumTopic"}
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
    topics: dict[int, ForumTopic] = field(default_factory=dict)
    forum: bool = False  # whether chat -100 has topics
    manages_topics: bool = True
    lost_topics: int = 0  # open so many topics and give no answer
    methods: list[str] = field(default_factory=list)  # in the order in which they were asked for

    def answer(
        self, token: str, request: dict[str, Any], files: Sequence[Sent] = (), method: str = "sendMessage"
    ) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        self.methods.append(method)
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
        if method in _TOPIC_METHODS:
            return self._topic(request, method)
        return self._edit(request, method) if method in _EDITS else self._take(request, files, method)

    def _topic(self, request: dict[str, Any], method: str) -> tuple[int, dict[str, Any]]:
        if not self.forum or request["chat_id"] != -100:
            return no(400, "Bad Request: the chat is not a forum")
        if not self.manages_topics:
            return no(400, "Bad Request: not enough rights to create a topic")
        if method == "createForumTopic":
            name = str(request.get("name", ""))
            if not 1 <= len(name) <= 128:
                return no(400, "Bad Request: TOPIC_TITLE_EMPTY")
            number = 1_000 + len(self.topics)
            self.topics[number] = ForumTopic(name)
            if self.lost_topics:
                self.lost_topics -= 1
                self.swallow += 1
            return 200, {"ok": True, "result": {"message_thread_id": number, "name": name, "icon_color": 7322096}}
        topic = self.topics.get(request.get("message_thread_id", 0))
        if topic is None or topic.deleted:
            return no(400, "Bad Request: TOPIC_ID_INVALID")
        if topic.closed == (method == "closeForumTopic"):
            return no(400, "Bad Request: TOPIC_NOT_MODIFIED")
        topic.closed = method == "closeForumTopic"
        return 200, {"ok": True, "result": True}

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
        if (what == "caption") != (message.file is not None or bool(message.album)):
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

    def _take(self, request: dict[str, Any], files: Sequence[Sent], method: str) -> tuple[int, dict[str, Any]]:
        if files and (self.refuse_files or any(len(one.data) > _LARGEST.get(one.method, 50 << 20) for one in files)):
            return no(400, "Bad Request: VOICE_MESSAGES_FORBIDDEN")
        if method == "sendMediaGroup":
            kinds = {item["type"] for item in request["media"]}
            if not 2 <= len(files) <= 10 or not (len(kinds) == 1 or kinds == {"photo", "video"}) or "voice" in kinds:
                return no(400, "Bad Request: wrong album")
            if "reply_markup" in request:
                return no(400, "Bad Request: an album has no buttons")
            request = request | {key: value for item in request["media"] for key, value in item.items()}
        topic = request.get("message_thread_id")
        known_topic = self.topics.get(topic) if topic in self.topics else None
        if self.topics and topic is not None and (known_topic is None or known_topic.deleted):
            return no(400, "Bad Request: message thread not found")
        if known_topic is not None and known_topic.closed:
            return no(400, "Bad Request: TOPIC_CLOSED")
        file = files[0] if len(files) == 1 else None
        said = self._read(request, "caption" if files else "text")
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
            len(self.said) + 1, request["chat_id"], said.plain, said.links, said.bold, request, file,
            [] if file else list(files), [], keyboard,
        )  # fmt: skip
        self.said.append(message)
        self.heard.set()
        result = {"message_id": message.id, "chat": {"id": message.chat}, "text": said.plain}
        return 200, {"ok": True, "result": [result] * len(files) if method == "sendMediaGroup" else result}


def _keyboard(request: dict[str, Any]) -> list[list[dict[str, str]]] | None:
    """The buttons that a request asks for; None if one has no data, or more than 64 bytes of it."""
    rows: list[list[dict[str, str]]] = (request.get("reply_markup") or {}).get("inline_keyboard", [])
    right = all(
        1 <= len(one.get("callback_data", "").encode()) <= 64 and one.get("text") for row in rows for one in row
    )
    return rows if right else None


def no(code: int, description: str, **parameters: int) -> tuple[int, dict[str, Any]]:
    return code, {"ok": False, "error_code": code, "description": description, "parameters": parameters}


def _unpacked(content_type: str, body: bytes, method: str) -> tuple[dict[str, Any], list[Sent]]:
    """A multipart request: values that are JSON as what they say, and the files: in an album by the names in `media`."""
    whole = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode() + body)
    request: dict[str, Any] = {}
    found: dict[str, tuple[str, str, bytes]] = {}
    for part in whole.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename():
            found[name] = str(part.get_filename()), part.get_content_type(), data
            continue
        text = data.decode()
        try:
            request[name] = text if name in ("caption", "parse_mode") else json.loads(text)
        except ValueError:
            request[name] = text
    if method != "sendMediaGroup":
        return request, [Sent(method, *found[_FIELDS[method]])] if _FIELDS[method] in found else []
    kinds = [(item["type"], item["media"].removeprefix("attach://")) for item in request["media"]]
    return request, [Sent(f"send{kind.capitalize()}", *found[name]) for kind, name in kinds]


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
                request, files = _unpacked(self.headers["content-type"], body, method)
                status, answer = api.answer(bot.removeprefix("bot"), request, files, method)
            elif not bot.startswith("bot") or method not in ("sendMessage", *_EDITS, *_TOPIC_METHODS):
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
