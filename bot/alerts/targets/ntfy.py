"""Alerts to phones through ntfy, a push server that anybody can run (https://docs.ntfy.sh/publish/)."""

import asyncio
import json
import re
from base64 import b64encode
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from bot.clock import HOUR, Clock
from bot.contracts.message import Attachment
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.settings import SecretFile
from bot.contracts.target import Message, MessageRefused, Shows, TargetSettings, TargetTools
from bot.errors import Later, Never
from bot.foreign.graphemes import clip, count_bytes
from bot.foreign.header import encode_header
from bot.foreign.text import json_text, one_line
from bot.http import Http, Reply, check_busy
from bot.http.masking import strike_secrets

_BYTES = 4_096  # of UTF-8; the server makes a file of a longer message
_JSON = 2 * _BYTES  # of the whole request
_CAPTION = 2_700  # bytes; it goes as an encoded header, and web servers before it cut headers at 8 kB
_FILE = 15 << 20  # what a server takes unless it says otherwise
_PRIORITIES = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5}
_JOINER = "\u2060"
# Codes of ntfy's errors that are about a file (not allowed, too large, bandwidth used up), and about the topic.
_ABOUT_FILE, _ABOUT_TOPIC = {40014, 41301, 42905}, {40009, 40010}


def _server(written: str) -> str:
    if not re.fullmatch(r"https?://[^\s?#]+", written):
        raise ValueError("expected the address of a server, such as https://ntfy.sh")
    return written


def _topic(written: str) -> str:
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", written):
        raise ValueError(f'expected 1 to 64 letters, digits, "-" and "_", got {written!r}')
    return written


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "ntfy": one topic of a server. Whoever knows the name of a topic may read it."""

    kind: Literal["ntfy"]
    url: Annotated[str, AfterValidator(_server)] = "https://ntfy.sh"
    topic: Annotated[str, AfterValidator(_topic)]
    token_file: SecretFile | None = None  # an access token, or "user:password"
    media: bool = True  # False: no files go with alerts
    updates: bool = False  # True: the first message is changed in place; a server older than 2.16 would ring again

    def sends_to(self) -> str:
        """The topic of the server."""
        return f"{self.url.rstrip('/')}/{self.topic}"

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)


class Ntfy:
    """One topic. Words go as JSON, and with a file as headers beside it; nothing in them is an action or Markdown."""

    shows = Shows("text", units=_BYTES, caption=_CAPTION, in_bytes=True)
    idempotent = False
    at_once = 1
    chat = None

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.settings = settings
        if settings.media:
            self.shows = replace(self.shows, file_bytes=_FILE, together=lambda files: files[:1])
        self.account = f"ntfy {settings.url} {settings.token_file.path if settings.token_file else ''}"
        self._http = http
        self._clock = clock

    async def ready(self) -> None:
        """The server asks for a pause itself."""

    async def send(self, message: Message) -> str:
        """Publish one message; the receipt holds its id, and the sequence under which it can be changed."""
        attached = message.attachment or next(iter(message.album), None)
        file = await asyncio.to_thread(_read, attached)
        if file is None and message.album:
            raise MessageRefused("the file of this message is not there any more")
        if file is not None:
            try:
                return await self._put(message, file)
            except _FileRefused:
                if message.album:  # nothing but the file
                    raise
                # the words go without it
        return await self._post(message, message.id)

    async def check(self) -> str:
        """Ask the server whether it knows the token. Only a message shows whether the topic may be written to."""
        base, (headers, secrets) = self.settings.url.rstrip("/"), self._authorized()
        try:
            reply = await self._http.get(f"{base}/v1/account", cap=1 << 20, deadline=30, headers=headers)
            self._answered(reply, secrets, field="role")
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secrets) from None
        return "the server accepts the token" if secrets else "the server answers"

    async def _post(self, message: Message, sequence: str) -> str:
        title, body = _words(message)
        fields: dict[str, object] = {
            "topic": self.settings.topic,
            "title": title,
            "message": body,
            "priority": _PRIORITIES.get(message.priority, 3),
        }
        if message.link is not None:
            fields["click"] = message.link
        if self.settings.updates:
            fields["sequence_id"] = sequence
        content, kind = json_text(fields).encode(), {"content-type": "application/json"}
        if (over := len(content) - _JSON) > 0:  # words that JSON writes with many escapes
            fields["message"] = clip(body, _size_in_json(body) - over, _size_in_json)
            content = json_text(fields).encode()
        return await self._publish(f"{self.settings.url.rstrip('/')}/", content, kind, "POST", sequence)

    async def _put(self, message: Message, file: tuple[Attachment, bytes]) -> str:
        title, body = _words(message)
        attached, data = file
        headers = {
            "x-title": encode_header(title),
            "x-message": encode_header(body.replace("\\n", f"\\{_JOINER}n").replace("\n", "\\n")),
            "x-priority": str(_PRIORITIES.get(message.priority, 3)),
            "x-filename": attached.name,
        }
        if message.link is not None:
            headers["x-click"] = encode_header(message.link)
        if self.settings.updates:
            headers["x-sequence-id"] = message.id
        url = f"{self.settings.url.rstrip('/')}/{self.settings.topic}"
        return await self._publish(url, data, headers, "PUT", message.id)

    async def _publish(
        self, url: str, content: bytes, more: dict[str, str], method: Literal["POST", "PUT"], sequence: str
    ) -> str:
        headers, secrets = self._authorized()
        deadline = 75 if method == "PUT" else 40
        try:
            reply = await self._http.post(
                url, content=content, headers=headers | more, deadline=deadline, method=method
            )
            answer = self._answered(reply, secrets, field="id")
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secrets) from None
        receipt: dict[str, object] = {"id": str(answer["id"])[:100]}
        if self.settings.updates:
            receipt |= {"sequence": sequence, "file": method == "PUT"}
        return json.dumps(receipt)

    def _authorized(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """The header that lets us in, and what must not be shown. Raises Never."""
        if self.settings.token_file is None:
            return {}, ()
        token = read_secret(self.settings.token_file)
        if ":" in token:
            pair = b64encode(token.encode()).decode("ascii")
            return {"authorization": f"Basic {pair}"}, (token, token.partition(":")[2], pair)
        if not re.fullmatch(r"[!-~]{1,500}", token):
            remedy = 'write the access token or "user:password" to it'
            raise Never(f"{self.settings.token_file.path} holds no access token", remedy=remedy)
        return {"authorization": f"Bearer {token}"}, (token,)

    def _answered(self, reply: Reply, secrets: tuple[str, ...], *, field: str) -> dict[str, Any]:
        """What the server says of a request that it accepted. Raises what its refusal means."""
        answer = _object(reply.body)
        if reply.ok and field in answer:
            return answer
        said = clip(one_line(strike_secrets(str(answer.get("error", ""))[:1000], *secrets)), 200)
        raise self._problem(reply, answer, f"{reply.status} {said}".rstrip(), known=bool(secrets))

    def _problem(self, reply: Reply, answer: dict[str, Any], said: str, *, known: bool) -> Later | Never:
        code = answer.get("code")
        if code in _ABOUT_FILE or (code is None and reply.status == 413):  # also from a proxy in front of it
            return _FileRefused(f"ntfy refuses the file ({said})")
        busy = check_busy(reply, self._clock.now(), HOUR)
        if busy is not None:
            return busy
        topic = self.settings.topic
        if reply.status in (401, 403):
            remedy = "renew the token, or its rights" if known else "give a token_file that may write to the topic"
            return Never(f"ntfy refuses access to the topic {topic} ({said})", remedy=remedy)
        if code in _ABOUT_TOPIC:
            return Never(f"ntfy refuses the topic {topic} ({said})", remedy="choose another")
        if code is None or reply.status not in (400, 413):
            return Later(f"something that is not ntfy answered at {self.settings.url} ({said})")
        return MessageRefused(f"ntfy refuses this message ({said})")


class UpdatedNtfy(Ntfy):
    """A topic of a server that changes a message in place: one with the sequence id of an earlier one replaces it."""

    def has_caption(self, receipt: str) -> bool:
        return json.loads(receipt).get("file") is True

    async def edit(self, receipt: str, message: Message) -> None:
        """Raises MessageRefused for a message with a file: the file would have to be sent once more."""
        known = json.loads(receipt)
        if known.get("file") or not isinstance(known.get("sequence"), str):
            raise MessageRefused("a message with a file, or without a sequence id, is not changed")
        await self._post(message, known["sequence"])


class _FileRefused(MessageRefused):
    """The file is too large, or the server takes none: the words may pass."""


def _words(message: Message) -> tuple[str, str]:
    """The title and what is below it, in as many bytes as the server takes."""
    title, _, body = message.plain.partition("\n")
    title = title.replace("=?", f"={_JOINER}?")  # the server would decode it
    return title, clip(body.strip() or title, _BYTES, count_bytes)


def _size_in_json(text: str) -> int:
    return len(json_text(text).encode()) - 2


def _read(attached: Attachment | None) -> tuple[Attachment, bytes] | None:
    try:
        return (attached, attached.path.read_bytes()) if attached else None
    except OSError:
        return None  # the words go without it


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def build(settings: Settings, surroundings: TargetTools) -> Ntfy:
    """Make the target behind a checked `[[targets]]` entry."""
    kind = UpdatedNtfy if settings.updates else Ntfy
    return kind(settings, surroundings.http, surroundings.clock)
