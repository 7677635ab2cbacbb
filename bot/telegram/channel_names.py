"""PURE: how people write a channel (name, number, link, invitation), and what is meant."""

import re
from typing import Literal
from urllib.parse import parse_qsl, unquote

from storage.frozen import dataclass

_NAME = "[A-Za-z][A-Za-z0-9_]{3,31}"
_HANDLE = re.compile(f"@?({_NAME})((?:/[0-9]+)*)/?")
_SCHEME = r"(?:(?:https?:)?//)?"
_SITE = re.compile(
    rf"{_SCHEME}(?:www\.)?(?:t\.me|telegram\.me|telegram\.dog|telesco\.pe)(?::(?:80|443))?/+(.+)", re.IGNORECASE
)
_SUBDOMAIN = re.compile(rf"{_SCHEME}(?:www\.)?(?!www\.)({_NAME})\.t\.me(?:[/?#].*)?", re.IGNORECASE)
_WEB = re.compile(rf"{_SCHEME}web\.telegram\.org/(?:[akz]/)?(?:\?[^#]*)?#(.+)", re.IGNORECASE)
_INVITE = re.compile(r"(?:\+|joinchat/)([A-Za-z0-9_-]{10,64})/?(?:[?#].*)?", re.IGNORECASE)
_BY_NUMBER = re.compile(r"c/([0-9]{1,15})(?:[/?#].*)?", re.IGNORECASE)
_PUBLIC = re.compile(rf"(?:s/)?@?({_NAME})(?:/(?:[cs]/)?[0-9][0-9-]*)*/?(?:[?#].*)?", re.IGNORECASE)
_POST = re.compile(r"(?<!/[cs])/([0-9]{1,10})(?:-[0-9]+)?/?$")  # of a forum, the thread comes before it
_AROUND = " \t\r\n\u200b\u200c\u200d\u200e\u200f\u2060\ufeff<>()[]\"'“”«»,;.!"  # what is copied with a link
_NUMBER = re.compile(r"(?:-100)?([0-9]{1,15})")
_APP = re.compile(r"tg:(?://)?([a-z]+)/?\?(.*)", re.IGNORECASE)
_FIRST = re.compile(r"(?:s/)?([a-z]+)(?:[/?#].*)?", re.IGNORECASE)
_OTHER_LINKS = {
    "proxy": "a proxy", "socks": "a proxy", "addstickers": "stickers", "addemoji": "emoji", "addtheme": "a theme",
    "addlist": "a folder of chats", "share": "a form for sharing", "msg": "a form for sharing", "iv": "an instant view",
    "setlanguage": "a translation of the application", "bg": "a background", "login": "a login code",
    "confirmphone": "a confirmation of a number", "contact": "a person", "invoice": "an invoice", "boost": "a boost",
    "giftcode": "a gift", "nft": "a gift", "stars": "stars", "premium": "Telegram Premium", "call": "a call",
    "newbot": "a new bot", "addstyle": "a style",
}  # fmt: skip


class NotAChannelError(ValueError):
    """A link of Telegram that leads to something else."""


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A channel as the config means it: its public name, its number, or the hash of an invitation."""

    kind: Literal["name", "id", "invite"]
    value: str

    @property
    def key(self) -> str:
        """How it is remembered; case makes no difference."""
        return {"name": f"@{self.value.lower()}", "id": f"id:{self.value}", "invite": f"invite:{self.value}"}[self.kind]

    @property
    def handle(self) -> str | None:
        """The public name, where it was written so."""
        return self.value if self.kind == "name" else None

    def __str__(self) -> str:
        return f"@{self.value}" if self.kind == "name" else f"channel {self.value}" if self.kind == "id" else "invited"


def read_channel_name(written: str | int) -> ChannelName:
    """Read "@name", "name", a number (with -100 or not), or a link. Raises ValueError with the right forms."""
    text = str(written).strip(_AROUND)
    if found := _NUMBER.fullmatch(text):
        return ChannelName("id", found[1])
    read = _read_app(text) if text[:3].lower() == "tg:" else _read_web(text)
    if read is None:
        raise ValueError(
            'expected "@name", a numeric channel id, "https://t.me/name", or the invitation link of a channel '
            f'that the account has joined ("https://t.me/+…"), got {text[:80]!r}'
        )
    return read


def read_post_link(written: str) -> tuple[ChannelName, int] | None:
    """The channel and the number of the post in a link to one ("https://t.me/name/123"), None for anything else."""
    text = written.strip(_AROUND)
    try:
        channel = read_channel_name(text)
    except ValueError:
        return None
    if text[:3].lower() == "tg:":
        number = dict(parse_qsl(text.partition("?")[2])).get("post", "")
        return (channel, int(number)) if re.fullmatch("[0-9]{1,10}", number) else None
    found = _POST.search(text.partition("?")[0].partition("#")[0])
    return (channel, int(found[1])) if found and channel.kind != "invite" else None


def is_same_channel(one: str, other: str) -> bool:
    """Whether both mean one channel, however they are written; two that cannot be read do not."""
    try:
        return read_channel_name(one).key == read_channel_name(other).key
    except ValueError:
        return False


def _read_web(text: str) -> ChannelName | None:
    if found := _HANDLE.fullmatch(text):
        return ChannelName("name", found[1])
    if found := _WEB.fullmatch(text):
        inside = found[1].partition("?")[0]
        number, name = _NUMBER.fullmatch(inside), _HANDLE.fullmatch(inside)
        return ChannelName("id", number[1]) if number else ChannelName("name", name[1]) if name else None
    if site := _SITE.fullmatch(text):
        return _read_path(unquote(site[1]))
    found = _SUBDOMAIN.fullmatch(text)
    return _public(found[1]) if found else None


def _read_path(path: str) -> ChannelName | None:
    """What is behind "t.me/"."""
    if found := _INVITE.fullmatch(path):
        return ChannelName("invite", found[1])
    if found := _BY_NUMBER.fullmatch(path):
        return ChannelName("id", found[1])
    if found := _FIRST.fullmatch(path):
        _expect_channel(found[1])
    return ChannelName("name", found[1]) if (found := _PUBLIC.fullmatch(path)) else None


def _read_app(text: str) -> ChannelName | None:
    """A link for the application: "tg://resolve?domain=name"."""
    found = _APP.fullmatch(text)
    if found is None:
        return None
    verb, given = found[1].lower(), dict(parse_qsl(found[2]))
    if verb == "resolve" and (name := _HANDLE.fullmatch(given.get("domain", ""))):
        return _public(name[1])
    if verb == "join" and _INVITE.fullmatch(f"+{given.get('invite', '')}"):
        return ChannelName("invite", given["invite"])
    if verb == "privatepost" and _NUMBER.fullmatch(given.get("channel", "")):
        return ChannelName("id", given["channel"])
    _expect_channel(verb)
    return None


def _public(name: str) -> ChannelName:
    _expect_channel(name)
    return ChannelName("name", name)


def _expect_channel(word: str) -> None:
    """Raises NotAChannelError for a word by which Telegram's links lead to something else."""
    other = _OTHER_LINKS.get(word.lower())
    if other is not None:
        raise NotAChannelError(f'"t.me/{word.lower()}" is a link to {other}, not to a channel')
