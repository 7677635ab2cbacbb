"""A post while its block on a public Telegram page is read: what each element has added so far."""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from bot.sources.telegram_web.markup import attribute
from storage.records import FetchedMedia, Forward, Link, MediaKind, Poll, Preview

NEEDS_ACCOUNT = "not downloadable without an account"
_LAST_NUMBER = re.compile(r"/([0-9]{1,10})(?:[?#].*)?$")


@dataclass(slots=True)
class Draft:
    """A post while its block is walked."""

    name: str
    number: int
    text: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    media: dict[str, FetchedMedia] = field(default_factory=dict)
    members: list[int] = field(default_factory=list)
    posted_raw: str = ""
    author: str | None = None
    edited: bool = False
    service: bool = False
    views: str | None = None
    forward: Forward | None = None
    reply_to: str | None = None
    poll: Poll | None = None
    preview: Preview | None = None
    via: str = ""
    signature: str = ""  # who wrote the post that is forwarded
    attached: list[str] = field(default_factory=list)
    buttons: list[tuple[str, Link | None]] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    notice: str = ""  # what the page says in place of the post, or of a part of it
    hidden_notice: LexborNode | None = None  # the same, where the style sheet may hide it

    def add(
        self,
        kind: MediaKind,
        node: LexborNode,
        *,
        key: str | None = None,
        url: str | None = None,
        reason: str | None = None,
        name: str | None = None,
        size: int | None = None,
        duration_s: float | None = None,
    ) -> None:
        """One more file. Its key is the platform's file id, else the id of the message that carries it."""
        href = attribute(node, "href")
        found = _LAST_NUMBER.search(href)
        number = int(found[1]) if found else self.number
        if "?single" in href:
            self.members.append(number)
        key = unique = f"{kind}:{key or number}"
        while unique in self.media:
            unique = f"{key}#{len(self.media)}"
        if url is None and reason is None:
            reason = NEEDS_ACCOUNT
        self.media[unique] = FetchedMedia(
            kind, unique, url, name=name or None, bytes=size, duration_s=duration_s, reason=reason
        )
