"""PURE: how people write a channel (name, number, link, invitation), and what is meant."""

import re
from dataclasses import dataclass
from typing import Literal

_HANDLE = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{3,31})")
_SITE = re.compile(r"(?:https?://)?(?:www\.)?(?:t\.me|telegram\.me|telegram\.dog)/(.+)", re.IGNORECASE)
_INVITE = re.compile(r"(?:\+|joinchat/)([A-Za-z0-9_-]{10,64})/?(?:[?#].*)?")
_INVITE_LINK = re.compile(r"tg://join\?invite=([A-Za-z0-9_-]{10,64})")
_BY_NUMBER = re.compile(r"c/([0-9]{1,15})(?:/.*)?")
_PUBLIC = re.compile(r"(?:s/)?([A-Za-z][A-Za-z0-9_]{3,31})/?(?:[0-9]+/?)?(?:[?#].*)?")
_NUMBER = re.compile(r"(?:-100)?([0-9]{1,15})")


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
    """Read "@name", "name", a number (with -100 or not), or a link of t.me. Raises ValueError with the right forms."""
    text = str(written).strip()
    if found := _NUMBER.fullmatch(text):
        return ChannelName("id", found[1])
    if found := _INVITE_LINK.fullmatch(text):
        return ChannelName("invite", found[1])
    site = _SITE.fullmatch(text)
    rest = site[1] if site else ""
    if found := _INVITE.fullmatch(rest):
        return ChannelName("invite", found[1])
    if found := _BY_NUMBER.fullmatch(rest):
        return ChannelName("id", found[1])
    if found := (_PUBLIC.fullmatch(rest) if site else _HANDLE.fullmatch(text)):
        return ChannelName("name", found[1])
    raise ValueError(
        'expected "@name", a numeric channel id, "https://t.me/name", or the invitation link of a channel '
        f'that the account has joined ("https://t.me/+…"), got {text[:80]!r}'
    )
