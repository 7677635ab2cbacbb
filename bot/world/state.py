"""What exists in the world: channels, their messages, feeds, the faults of a channel, and what was shown."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.clock import Clock
from bot.errors import UserError
from storage.records import Forward, MediaKind, Poll, Preview

Markup = Literal["2023", "2026"]
PAGE_IDS = 20  # message ids on one page; an album takes as many as it has files


@dataclass(frozen=True, slots=True)
class WorldFile:
    """One file of a message; `file` is its name under /file/, None if it cannot be downloaded."""

    kind: MediaKind
    file: str | None = None
    name: str = ""
    size: str = ""
    duration: str = ""


@dataclass(frozen=True, slots=True)
class WorldMessage:
    """A message in its current wording; `at` is in microseconds UTC, an album uses the ids up to `last`."""

    id: int
    at: int
    text: str = ""
    author: str | None = None
    edited: bool = False
    forward: Forward | None = None
    reply_to: int | None = None
    attachments: tuple[WorldFile, ...] = ()
    poll: Poll | None = None
    preview: Preview | None = None
    service: bool = False

    @property
    def last(self) -> int:
        return self.id + max(len(self.attachments), 1) - 1


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with one channel; set again to change it.

    `closed` is the page about the name, to which all its addresses lead. So many `throttled` pages say "No posts
    found". `moved_to` is the numeric id of another owner of the handle. With `status` every request gets it, and
    `retry_after` seconds. `hang` never answers; `slow` is the seconds per reply.
    """

    preview_off: bool = False
    closed: str = ""
    throttled: int = 0
    moved_to: int | None = None
    status: int | None = None
    retry_after: int | None = None
    hang: bool = False
    slow: float = 0


@dataclass(slots=True)
class Channel:
    """One channel and everything that has ever been shown of it."""

    handle: str
    title: str
    numeric_id: int
    markup: Markup
    messages: dict[int, WorldMessage] = field(default_factory=dict)
    next_id: int = 1
    faults: Faults = field(default_factory=Faults)
    shown: dict[int, list[str]] = field(default_factory=dict)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class MessageList:
    """The answer to one request for a page: messages in ascending order, and whether there are older and newer ones."""

    channel: Channel
    messages: tuple[WorldMessage, ...]
    older: bool
    newer: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed; times are in microseconds UTC."""

    guid: str
    title: str
    text: str
    at: int


class World:
    """The state behind a WorldServer; every method may be called from any thread."""

    def __init__(self, clock: Clock | None = None, *, gzip: bool = True) -> None:
        self.clock = clock or Clock()
        self.gzip = gzip
        self._lock = threading.RLock()
        self._channels: dict[str, Channel] = {}
        self._feeds: dict[str, tuple[str, list[Entry]]] = {}
        self._files: dict[str, bytes] = {}

    # What happens in it

    def open_channel(
        self, handle: str, title: str, *, markup: Markup = "2026", numeric_id: int | None = None, first_id: int = 1
    ) -> None:
        """A new channel; like real ones it begins with a service message, unless its history starts later."""
        with self._lock:
            number = numeric_id or 1_700_000_001 + len(self._channels)
            self._channels[handle.lower()] = Channel(handle, title, number, markup, next_id=first_id)
            if first_id == 1:
                self.publish(handle, "Channel created", service=True)

    def publish(
        self,
        handle: str,
        text: str = "",
        *,
        at: int | None = None,
        author: str | None = None,
        forward: Forward | None = None,
        reply_to: int | None = None,
        attachments: Sequence[WorldFile] = (),
        poll: Poll | None = None,
        preview: Preview | None = None,
        service: bool = False,
    ) -> int:
        """A new message at the end of a channel; returns its id. `at` None means now."""
        with self._lock:
            channel = self.channel(handle)
            message = WorldMessage(
                id=channel.next_id,
                at=self.clock.now() if at is None else at,
                text=text,
                author=author,
                forward=forward,
                reply_to=reply_to,
                attachments=tuple(attachments),
                poll=poll,
                preview=preview,
                service=service,
            )
            channel.messages[message.id] = message
            channel.next_id = message.last + 1
            return message.id

    def forward(self, handle: str, origin: str, message_id: int, *, at: int | None = None) -> int:
        """Forward a public message of another channel; returns the new id."""
        with self._lock:
            source = self.channel(origin)
            message = source.messages[message_id]
            named = Forward(source.title, None, source.handle, str(message_id))
            return self.publish(handle, message.text, at=at, forward=named, attachments=message.attachments)

    def edit(self, handle: str, message_id: int, text: str) -> None:
        with self._lock:
            messages = self.channel(handle).messages
            messages[message_id] = replace(messages[message_id], text=text, edited=True)

    def delete(self, handle: str, message_id: int) -> None:
        with self._lock:
            del self.channel(handle).messages[message_id]

    def set_faults(self, handle: str, faults: Faults) -> None:
        """Give a channel these faults and no others; `Faults()` removes all."""
        with self._lock:
            self.channel(handle).faults = faults

    def keep_file(self, name: str, data: bytes) -> None:
        """Serve these bytes under /file/NAME instead of a generated picture or voice note."""
        with self._lock:
            self._files[name] = data

    def open_feed(self, name: str, title: str) -> None:
        with self._lock:
            self._feeds[name] = (title, [])

    def write(self, feed: str, title: str, text: str, *, at: int | None = None) -> None:
        """A new entry at the top of a feed."""
        with self._lock:
            entries = self._feeds[feed][1]
            moment = self.clock.now() if at is None else at
            entries.insert(0, Entry(f"urn:world:{feed}:{len(entries) + 1}", title, text, moment))

    # What can be seen of it

    def channel(self, handle: str) -> Channel:
        """The channel behind a handle in any case. Raises UserError if there is none."""
        found = self._channels.get(handle.lower())
        if found is None:
            raise UserError(f"the world has no channel {handle!r}")
        return found

    def handles(self) -> tuple[str, ...]:
        """The channels, in the order in which they were opened."""
        with self._lock:
            return tuple(channel.handle for channel in self._channels.values())

    def has(self, handle: str) -> bool:
        return handle.lower() in self._channels

    def visible(self, handle: str) -> frozenset[int]:
        """Ids of the messages that are in a channel now (an album has the id of its first file)."""
        with self._lock:
            return frozenset(self.channel(handle).messages)

    def shown(self, handle: str) -> frozenset[int]:
        """Ids of all messages that any served page has shown, deleted ones included."""
        with self._lock:
            return frozenset(self.channel(handle).shown)

    def shown_texts(self, handle: str, message_id: int) -> tuple[str, ...]:
        """Every wording of a message that any served page has shown, oldest first."""
        with self._lock:
            return tuple(self.channel(handle).shown.get(message_id, ()))

    def requests(self, handle: str) -> int:
        """How many requests for a channel's pages have come in."""
        with self._lock:
            return self.channel(handle).requests

    def count_request(self, handle: str) -> Faults:
        """Count a request to a channel; the faults that it meets."""
        with self._lock:
            channel = self.channel(handle)
            channel.requests += 1
            return channel.faults

    def show_page(self, handle: str, *, before: int | None = None, after: int | None = None) -> MessageList:
        """One page of a channel: the newest, the ones below `before`, or the first ones above `after`."""
        with self._lock:
            channel = self.channel(handle)
            if channel.faults.throttled > 0:
                channel.faults = replace(channel.faults, throttled=channel.faults.throttled - 1)
                return MessageList(channel, (), older=False, newer=False)
            known = sorted(channel.messages.values(), key=lambda message: message.id)
            if after is not None:
                known = [message for message in known if message.id > after]
                page = _up_to_a_page(known)
                older = after >= 1 and any(id_ <= after for id_ in channel.messages)
                return self._show(MessageList(channel, tuple(page), older, len(page) < len(known)))
            below = [message for message in known if before is None or message.id < before]
            page = _up_to_a_page(below[::-1])[::-1]
            return self._show(MessageList(channel, tuple(page), len(page) < len(below), len(below) < len(known)))

    def show_message(self, handle: str, message_id: int) -> WorldMessage | None:
        """One message by its id; None if there is none."""
        with self._lock:
            channel = self.channel(handle)
            message = channel.messages.get(message_id)
            if message is not None:
                self._show(MessageList(channel, (message,), older=False, newer=False))
            return message

    def file(self, name: str) -> bytes | None:
        """The bytes that were kept under a name; None if they are to be generated."""
        with self._lock:
            return self._files.get(name)

    def feed(self, name: str) -> tuple[str, tuple[Entry, ...]] | None:
        """Title and entries of a feed, newest first; None if there is none."""
        with self._lock:
            found = self._feeds.get(name)
            return (found[0], tuple(found[1])) if found else None

    def _show(self, view: MessageList) -> MessageList:
        for message in view.messages:
            wordings = view.channel.shown.setdefault(message.id, [])
            if not wordings or wordings[-1] != message.text:
                wordings.append(message.text)
        return view


def _up_to_a_page(messages: Sequence[WorldMessage]) -> list[WorldMessage]:
    page: list[WorldMessage] = []
    ids = 0
    for message in messages:
        ids += message.last - message.id + 1
        if page and ids > PAGE_IDS:
            break
        page.append(message)
    return page
