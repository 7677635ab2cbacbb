"""What stands in the channels of the Telegram world: messages, their files, the history and the log of its changes."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

FileKind = Literal["photo", "voice", "audio", "video", "document"]
PAGE = 100  # messages in one answer, at most


@dataclass(frozen=True, slots=True)
class File:
    """What a message carries; `dc` is the data centre that keeps it (None: the world's first), `seconds` its length."""

    kind: FileKind
    data: bytes
    name: str = ""
    mime: str = "application/octet-stream"
    seconds: int = 0
    dc: int | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a message was first: a channel and an id, or only a name for an origin that hides itself."""

    at: int
    channel_id: int | None = None
    message_id: int | None = None
    name: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    question: str
    answers: tuple[str, ...]
    voters: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands now; times are in microseconds UTC (the wire has whole seconds)."""

    id: int
    at: int
    text: str = ""
    entities: tuple[Any, ...] = ()  # TL entities, offsets in UTF-16 units
    author: str | None = None
    edited_at: int | None = None
    hides_edit: bool = False
    views: int = 1
    reactions: int = 0
    forward: Forward | None = None
    reply_to: int | None = None
    file_id: int | None = None
    poll: Poll | None = None
    album: int | None = None
    action: Any | None = None  # a TL action makes it a service message
    noforwards: bool = False
    restricted: str | None = None  # why it may not be shown everywhere
    more: tuple[tuple[str, Any], ...] = ()  # other fields of the TL message, by name


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a channel's log; it ends at `pts`."""

    pts: int
    count: int
    kind: Literal["new", "edit", "delete"]
    ids: tuple[int, ...]


@dataclass(slots=True)
class Channel:
    """One channel. `members` and `banned` are account ids, `invite` the secret part of its private link."""

    id: int
    handle: str | None
    title: str
    opened_at: int
    private: bool = False
    invite: str | None = None
    noforwards: bool = False
    restricted: str | None = None
    gone: bool = False
    members: set[int] = field(default_factory=set)
    banned: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)  # ids that stand, ascending
    next_id: int = 1
    pts: int = 1
    log: list[Change] = field(default_factory=list)
    log_from: int = 1  # changes up to this pts are forgotten
    changed_at: int = 0
    withheld: bool = False  # its messages come without what they say
    written: dict[int, bytes] = field(default_factory=dict)  # messages as the wire has them

    def put(self, message: Message) -> None:
        """Add a message in its place, which is mostly the end, or replace the one that has its id."""
        if message.id not in self.messages:
            insort(self.order, message.id)
        self.messages[message.id] = message
        self.written.pop(message.id, None)

    def remove(self, ids: Sequence[int]) -> None:
        for one in ids:
            del self.messages[one]
            del self.order[bisect_left(self.order, one)]
            self.written.pop(one, None)

    def note(self, kind: Literal["new", "edit", "delete"], ids: Sequence[int], at: int, *, keep: int) -> int:
        """Write a change into the log, which remembers about `keep` of them; returns the pts after it."""
        self.pts += len(ids)
        self.changed_at = at
        self.log.append(Change(self.pts, len(ids), kind, tuple(ids)))
        if len(self.log) > 2 * keep:
            self.log_from = self.log[-keep - 1].pts
            del self.log[:-keep]
        return self.pts

    def since(self, pts: int) -> list[Change]:
        """The changes after a pts, oldest first."""
        return self.log[bisect_right(self.log, pts, key=lambda change: change.pts) :]

    def history(
        self, *, offset_id: int, offset_date: datetime | None, add_offset: int, limit: int, max_id: int, min_id: int
    ) -> list[Message]:
        """A page, newest first, cut as the real server cuts it: by the offsets first, by `max_id` and `min_id` after.

        So a `min_id` far below the newest message yields only what lies in the first page.
        """
        total = len(self.order)
        cut = 0  # how many messages are newer than the offset
        if offset_id:
            cut = total - bisect_left(self.order, offset_id)
        elif offset_date is not None and offset_date.timestamp() > 0:
            moment = int(offset_date.timestamp()) * 1_000_000
            cut = total - bisect_left(self.order, moment, key=lambda one: self.messages[one].at)
        start = cut + add_offset
        first, last = max(0, start), max(0, start + min(limit, PAGE))
        page = self.order[max(0, total - last) : max(0, total - first)]
        return [
            self.messages[one]
            for one in reversed(page)
            if (not max_id or one < max_id) and (not min_id or one > min_id)
        ]
