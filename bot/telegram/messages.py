"""Messages as Telegram sends them -> posts, so that the same post reads the same on the public page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from telethon import utils
from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.alltlobjects import LAYER

from bot.telegram.attached import attached_words, opened_by_buttons, unsupported
from storage.records import (
    FetchedMedia,
    FetchedPost,
    Forward,
    Link,
    MediaKind,
    Poll,
    Preview,
    Quarantined,
    Raw,
    StoredRaw,
)

_TL = "application/vnd.telegram.tl;"
MIME = f"{_TL} layer={LAYER}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EDGE = "\0"
_BLOCKS = (types.MessageEntityBlockquote, types.MessageEntityPre)
_PHOTO_SERVICE = "Channel photo updated"


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """What a post's address is made of: the channel's number, and its public name if it has one."""

    id: int
    handle: str | None

    def url(self, number: int) -> str:
        """Where people find a post."""
        return f"https://t.me/{self.handle}/{number}" if self.handle else f"https://t.me/c/{self.id}/{number}"


@dataclass(frozen=True, slots=True)
class ReadMessages:
    """Posts in ascending order, albums as one post, and what could not be read."""

    posts: tuple[FetchedPost, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    low: int | None = None
    high: int | None = None


@dataclass(slots=True)
class _People:
    """Names of the chats and users in a reply."""

    chats: Mapping[int, Any] = field(default_factory=dict)
    users: Mapping[int, Any] = field(default_factory=dict)


def read_messages(reply: Any, channel: ChannelAddress) -> ReadMessages:
    """Read the messages of one reply. What cannot be read is quarantined, with its bytes; nothing is raised."""
    people = _People(
        {chat.id: chat for chat in getattr(reply, "chats", ())}, {user.id: user for user in getattr(reply, "users", ())}
    )
    messages = existing_messages(reply)
    posts: list[FetchedPost] = []
    quarantined: list[Quarantined] = []
    for together in group_albums(messages):
        raw = Raw(b"".join(bytes(message) for message in together), MIME)
        try:
            restricted = _restricted(together)
            if restricted:
                quarantined.append(Quarantined(raw, restricted, str(together[0].id)))
                continue
            posts.append(_post(together, raw, channel, people))
        except Exception as problem:  # noqa: BLE001 - one message that we cannot read must not hide the others
            quarantined.append(Quarantined(raw, f"{type(problem).__name__}: {problem}"[:300], str(together[0].id)))
    low, high = (messages[0].id, messages[-1].id) if messages else (None, None)
    return ReadMessages(tuple(posts), tuple(quarantined), low, high)


def reread(stored: StoredRaw) -> FetchedPost | None:
    """The post in the bytes of its messages; None where they are of another layer, or need the reply around them.

    Names of people and channels were beside the messages, so what is made of those is left open.
    """
    if not stored.raw.mime.startswith(_TL):
        return None
    try:
        messages = list(_objects(stored.raw.data))
    except Exception:  # noqa: BLE001 - bytes of another layer can end anywhere in Telethon
        return None
    if not messages or any(getattr(message, "via_bot_id", None) for message in messages):
        return None
    peer = messages[0].peer_id
    channel = ChannelAddress(peer.channel_id if isinstance(peer, types.PeerChannel) else 0, None)
    found = read_messages(SimpleNamespace(messages=messages), channel).posts
    if len(found) != 1 or found[0].native_id != stored.native_id:
        return None
    return replace(found[0], url=None, author=None, forward=None, reply_to=None)


def _objects(data: bytes) -> Iterator[Any]:
    with BinaryReader(data) as reader:
        while reader.tell_position() < len(data):
            yield reader.tgread_object()


def existing_messages(reply: Any) -> list[Any]:
    """The messages of a reply that exist, ascending."""
    found = [one for one in reply.messages if not isinstance(one, types.MessageEmpty)]
    return sorted(found, key=lambda message: message.id)


def group_albums(messages: Sequence[Any]) -> list[list[Any]]:
    """Messages that belong together, by the lowest id of each; other messages may come between their parts."""
    groups: dict[object, list[Any]] = {}
    for message in messages:
        groups.setdefault(getattr(message, "grouped_id", None) or (message.id,), []).append(message)
    return list(groups.values())


def _restricted(together: Sequence[Any]) -> str | None:
    """Why nothing is shown of a message that comes empty: that is never taken for what was said."""
    for message in together:
        if (
            isinstance(message, types.MessageService)
            or message.message
            or message.media is not None
            or message.rich_message
        ):
            continue
        reasons = getattr(message, "restriction_reason", None) or ()
        if reasons:
            return f"Telegram withholds it: {reasons[0].text or reasons[0].reason}"
        return "the message is empty: protected, or of an unknown kind"
    return None


def _post(together: Sequence[Any], raw: Raw, channel: ChannelAddress, people: _People) -> FetchedPost:
    first = together[0]
    service = isinstance(first, types.MessageService)
    texts = [_text(message) for message in together] if not service else [(_action(first.action), ())]
    poll = _poll(first)
    text = "\n".join(text for text, _ in texts if text)
    said = (text, *(() if poll is None else (poll.question, *poll.options)))
    changed = [message.edit_date for message in together if _edited(message)]
    return FetchedPost(
        native_id=str(first.id),
        raw=raw,
        text=text,
        number=first.id,
        posted_at=_microseconds(first.date),
        posted_raw=first.date.isoformat(),
        url=channel.url(first.id),
        author=getattr(first, "post_author", None) or _sender(first, channel, people),
        edited=bool(changed),
        edited_at=_microseconds(max(changed)) if changed else None,
        forward=_forward(getattr(first, "fwd_from", None), people),
        reply_to=_reply(first, channel, people),
        group=str(first.id) if len(together) > 1 else None,
        links=tuple(link for _, links in texts for link in links),
        media=tuple(_files(together, channel, service=service)),
        poll=poll,
        preview=_preview(first),
        views=None if getattr(first, "views", None) is None else str(first.views),
        service=service,
        attached=attached_words(together, people.users, said),
        buttons=tuple(link for message in together for link in opened_by_buttons(message)),
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _edited(message: Any) -> bool:
    return getattr(message, "edit_date", None) is not None and not getattr(message, "edit_hide", False)


# Words ------------------------------------------------------------------------------------------------------------


def _text(message: Any) -> tuple[str, tuple[Link, ...]]:
    """The words and links of a message. Offsets of entities count UTF-16 units."""
    text, entities = message.message or "", getattr(message, "entities", None) or ()
    wanted = [one for one in entities if isinstance(one, (*_BLOCKS, *_LINKED))]
    if not wanted:
        return text.strip(), ()
    units = text.encode("utf-16-le", "surrogatepass")
    links: list[Link] = []
    edges: set[int] = set()
    for one in wanted:
        start, end = one.offset, one.offset + one.length
        if isinstance(one, _BLOCKS):
            edges.update((start, end))
        else:
            words = units[2 * start : 2 * end].decode("utf-16-le", "replace")
            links.append(Link(words.strip(), _address(one, words)))
    if edges:
        text = _with_edges(units, sorted(edges))
    return text.strip(), tuple(links)


_LINKED = (types.MessageEntityUrl, types.MessageEntityTextUrl, types.MessageEntityEmail)


def _address(entity: Any, words: str) -> str:
    if isinstance(entity, types.MessageEntityTextUrl):
        return str(entity.url)
    if isinstance(entity, types.MessageEntityEmail):
        return f"mailto:{words}"
    return words if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", words) else f"http://{words}"


def _with_edges(units: bytes, edges: Sequence[int]) -> str:
    """Put quotations and code on lines of their own, as on the public page."""
    places = [0, *edges, len(units) // 2]
    parts = [units[2 * start : 2 * end].decode("utf-16-le", "replace") for start, end in pairwise(places)]
    return re.sub(r"\0+", "\n", re.sub(r"\0*\n\0*", "\n", _EDGE.join(parts)))


def _action(action: Any) -> str:
    """A service message in the words of the public page, where they are known."""
    if isinstance(action, types.MessageActionChannelCreate):
        return "Channel created"
    if isinstance(action, types.MessageActionChatEditTitle):
        return f"Channel name was changed to «{action.title}»"
    if isinstance(action, types.MessageActionChatEditPhoto):
        return _PHOTO_SERVICE
    if isinstance(action, types.MessageActionChatDeletePhoto):
        return "Channel photo removed"
    if isinstance(action, types.MessageActionPinMessage):
        return "pinned a message"
    if isinstance(action, types.MessageActionEmpty):
        return ""
    name = type(action).__name__.removeprefix("MessageAction")
    return " ".join(re.findall(r"[A-Z][a-z0-9]*", name)).capitalize()


def _forward(origin: Any, people: _People) -> Forward | None:
    """Where it comes from: the channel's public name or number, and the post's id there."""
    if origin is None:
        return None
    post = None if origin.channel_post is None else str(origin.channel_post)
    peer = origin.from_id
    if isinstance(peer, types.PeerChannel):
        chat = people.chats.get(peer.channel_id)
        handle = handle_of(chat)
        url = f"https://t.me/{handle}/{post}" if handle and post else None
        name = getattr(chat, "title", None) or origin.from_name or str(peer.channel_id)
        return Forward(name, url, handle or str(peer.channel_id), post)
    if isinstance(peer, types.PeerUser):
        user = people.users.get(peer.user_id)
        return Forward((utils.get_display_name(user) if user else "") or origin.from_name or str(peer.user_id))
    return Forward(origin.from_name or "")


def _sender(message: Any, channel: ChannelAddress, people: _People) -> str | None:
    """Who wrote it, in a group: a member, or a channel in whose name somebody wrote; None where the channel did."""
    peer = getattr(message, "from_id", None)
    if isinstance(peer, types.PeerUser):
        user = people.users.get(peer.user_id)
        return (utils.get_display_name(user) if user else "") or str(peer.user_id)
    if isinstance(peer, types.PeerChannel) and peer.channel_id != channel.id:
        chat = people.chats.get(peer.channel_id)
        return getattr(chat, "title", None) or str(peer.channel_id)
    return None


def handle_of(chat: Any) -> str | None:
    """The public name of a chat, None where it has none."""
    if getattr(chat, "username", None):
        return str(chat.username)
    active = [one.username for one in getattr(chat, "usernames", None) or () if one.active]
    return str(active[0]) if active else None


def _reply(message: Any, channel: ChannelAddress, people: _People) -> str | None:
    header = getattr(message, "reply_to", None)
    number = getattr(header, "reply_to_msg_id", None)
    if number is None:
        return None
    peer = getattr(header, "reply_to_peer_id", None)
    if isinstance(peer, types.PeerChannel) and peer.channel_id != channel.id:
        return f"{handle_of(people.chats.get(peer.channel_id)) or peer.channel_id}/{number}"
    return str(number)


def _words(text: Any) -> str:
    return str(getattr(text, "text", text))


def _poll(message: Any) -> Poll | None:
    media = getattr(message, "media", None)
    if not isinstance(media, types.MessageMediaPoll):
        return None
    return Poll(_words(media.poll.question), tuple(_words(answer.text) for answer in media.poll.answers))


def _preview(message: Any) -> Preview | None:
    page = getattr(getattr(message, "media", None), "webpage", None)
    if not isinstance(page, types.WebPage):
        return None
    return Preview(page.url, page.site_name or "", page.title or "", page.description or "")


# Files ------------------------------------------------------------------------------------------------------------


def _files(together: Sequence[Any], channel: ChannelAddress, *, service: bool) -> Iterator[FetchedMedia]:
    album = len(together) > 1
    for message in together:
        media = getattr(message, "media", None)
        address = f"telegram:{channel.id}/{message.id}"
        if service:
            photo = getattr(message.action, "photo", None)
            if isinstance(photo, types.Photo):
                yield _photo(photo, f"photo:{message.id}", address)
        elif isinstance(media, types.MessageMediaPhoto) and isinstance(media.photo, types.Photo):
            yield _photo(media.photo, f"photo:{message.id if album else media.photo.id}", address)
        elif isinstance(media, types.MessageMediaDocument) and isinstance(media.document, types.Document):
            yield _document(media.document, message.id, address)
        elif isinstance(media, types.MessageMediaGeo | types.MessageMediaGeoLive | types.MessageMediaVenue):
            place = media.geo
            yield FetchedMedia(
                "location", f"location:{message.id}", name=_on_the_map(place), reason="a place, not a file"
            )
        elif media is not None and not isinstance(media, _NO_FILE):
            kind = type(media).__name__.removeprefix("MessageMedia").lower()
            reason = unsupported(media) or f"a {kind}, not a file"
            yield FetchedMedia("document", f"document:{message.id}", reason=reason)


_NO_FILE = (  # words alone, as on the public page
    types.MessageMediaWebPage,
    types.MessageMediaPoll,
    types.MessageMediaEmpty,
    types.MessageMediaContact,
    types.MessageMediaDice,
    types.MessageMediaGame,
    types.MessageMediaGiveaway,
    types.MessageMediaGiveawayResults,
    types.MessageMediaInvoice,
    types.MessageMediaToDo,
)


def _on_the_map(place: Any) -> str | None:
    if not isinstance(place, types.GeoPoint):
        return None
    return f"https://maps.google.com/maps?q={place.lat},{place.long}&ll={place.lat},{place.long}&z=16"


def _photo(photo: Any, key: str, address: str) -> FetchedMedia:
    sizes = [size.size for size in photo.sizes if isinstance(size, types.PhotoSize)]
    sizes += [max(size.sizes) for size in photo.sizes if isinstance(size, types.PhotoSizeProgressive)]
    return FetchedMedia(
        "photo", key, address, mime="image/jpeg", bytes=max(sizes, default=None), identity=str(photo.id)
    )


def _document(document: Any, number: int, address: str) -> FetchedMedia:
    kind: MediaKind = "document"
    name: str | None = None
    duration: float | None = None
    audio: Any = None
    kinds = {type(attribute): attribute for attribute in document.attributes}
    if types.DocumentAttributeFilename in kinds:
        name = kinds[types.DocumentAttributeFilename].file_name
    if types.DocumentAttributeAudio in kinds:
        audio = kinds[types.DocumentAttributeAudio]
        kind, duration = ("voice" if audio.voice else "audio"), float(audio.duration)
    elif types.DocumentAttributeSticker in kinds:
        kind = "sticker"
    elif types.DocumentAttributeVideo in kinds:
        video = kinds[types.DocumentAttributeVideo]
        kind, duration = ("round" if video.round_message else "video"), float(video.duration)
    if kind == "audio":  # the page shows what the tags say, and the file's name where they say nothing
        name = " - ".join(part for part in (audio.performer, audio.title) if part) or name
    elif kind != "document":
        name = None
    return FetchedMedia(
        kind,
        f"{kind}:{number}",
        address,
        mime=document.mime_type or None,
        name=name or None,
        bytes=document.size,
        duration_s=duration,
        identity=str(document.id),
    )
