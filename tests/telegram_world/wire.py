"""How what stands in the Telegram world is written in TL, for the account that looks."""

import hashlib
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telethon.tl import types

from tests.telegram_world.accounts import Account
from tests.telegram_world.channels import Channel, File, Forward, Message, Poll

if TYPE_CHECKING:
    from tests.telegram_world.state import World

UNKNOWN = 0x5EED5EED  # a constructor that no layer has
_VECTOR = 0x1CB5C415


class Written:
    """A TL object that is already bytes; Telethon's own classes take it among their parts."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _bytes(self) -> bytes:  # the name that Telethon calls
        return self._data

    def __bytes__(self) -> bytes:
        return self._data


def vector(*objects: Any) -> bytes:
    """Several objects as a bare answer."""
    return struct.pack("<Ii", _VECTOR, len(objects)) + b"".join(bytes(one) for one in objects)


def unknown_updates(channel_id: int | None = None) -> Any:
    """An Updates object with an update inside that nobody can read; it may be about a channel."""
    about = bytes(types.PeerChannel(channel_id)) if channel_id is not None else b""
    return types.Updates([Written(struct.pack("<Iq", UNKNOWN, 7) + about)], [], [], datetime.now(UTC), 0)


def date(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC)


def access_hash(owner: int, number: int) -> int:
    """The hash by which one account may name a thing; another account's is worth nothing."""
    digest = hashlib.sha256(f"{owner}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def channel_hash(account: Account, number: int) -> int:
    """The hash by which this account may name a channel."""
    return access_hash(account.id + (account.entered << 40), number)


def file_reference(world: "World", file_id: int) -> bytes:
    return struct.pack(">IQ", world.file_generation, file_id)


def chat(channel: Channel, account: Account) -> Any:
    """A channel as this account sees it: forbidden, left or joined."""
    secret = channel_hash(account, channel.id)
    joined = account.id in channel.members
    if channel.gone or account.id in channel.banned or (channel.private and not joined):
        return types.ChannelForbidden(channel.id, secret, channel.title, broadcast=True)
    return types.Channel(
        channel.id,
        channel.title,
        types.ChatPhotoEmpty(),
        date(channel.opened_at),
        left=not joined,
        broadcast=True,
        restricted=channel.restricted is not None,
        noforwards=channel.noforwards,
        access_hash=secret,
        username=channel.handle,
        restriction_reason=_reasons(channel.restricted),
    )


def message(world: "World", channel: Channel, one: Message) -> Any:
    """A message in TL; file references are those of this moment."""
    peer = types.PeerChannel(channel.id)
    if one.action is not None:
        return types.MessageService(one.id, peer, date(one.at), post=True, action=one.action)
    if channel.withheld:
        one = replace(one, text="", entities=(), file_id=None, poll=None, more=(), restricted=channel.restricted)
    made = types.Message(
        one.id,
        peer,
        date(one.at),
        one.text,
        post=True,
        edit_hide=one.hides_edit,
        noforwards=one.noforwards,
        fwd_from=_forward(one.forward),
        reply_to=types.MessageReplyHeader(reply_to_msg_id=one.reply_to) if one.reply_to else None,
        media=_media(world, one),
        entities=list(one.entities) or None,
        views=one.views,
        forwards=0,
        edit_date=date(one.edited_at) if one.edited_at else None,
        post_author=one.author,
        grouped_id=one.album,
        reactions=_reactions(one.reactions),
        restriction_reason=_reasons(one.restricted),
    )
    for name, value in one.more:
        setattr(made, name, value)
    return made


def message_bytes(world: "World", channel: Channel, one: Message) -> bytes:
    """The same as bytes, kept for the next time."""
    known = channel.written.get(one.id)
    if known is None:
        known = channel.written[one.id] = bytes(message(world, channel, one))
    return known


def _forward(forward: Forward | None) -> Any:
    if forward is None:
        return None
    origin = types.PeerChannel(forward.channel_id) if forward.channel_id else None
    return types.MessageFwdHeader(
        date(forward.at),
        from_id=origin,
        from_name=forward.name,
        channel_post=forward.message_id,
        post_author=forward.author,
    )


def _reactions(count: int) -> Any:
    if not count:
        return None
    return types.MessageReactions([types.ReactionCount(types.ReactionEmoji("\N{THUMBS UP SIGN}"), count)])


def _reasons(reason: str | None) -> Any:
    return None if reason is None else [types.RestrictionReason("all", "terms", reason)]


def _media(world: "World", one: Message) -> Any:
    if one.poll is not None:
        return _poll(one.id, one.poll)
    if one.file_id is None:
        return None
    file = world.files[one.file_id]
    secret, reference = access_hash(0, one.file_id), file_reference(world, one.file_id)
    dc = world.manners.tells_dc or file.dc or world.dcs[0]
    if file.kind == "photo":
        sizes = [types.PhotoSize("x", 800, 600, len(file.data) + world.manners.photo_bytes_off)]
        return types.MessageMediaPhoto(photo=types.Photo(one.file_id, secret, reference, date(one.at), sizes, dc))
    document = types.Document(
        one.file_id, secret, reference, date(one.at), file.mime, len(file.data), dc, _attributes(file)
    )
    return types.MessageMediaDocument(
        document=document, voice=file.kind == "voice" or None, video=file.kind == "video" or None
    )


def _attributes(file: File) -> list[Any]:
    made: list[Any] = []
    if file.kind in ("voice", "audio"):
        title = file.name or None if file.kind == "audio" else None
        made.append(types.DocumentAttributeAudio(file.seconds, voice=file.kind == "voice" or None, title=title))
    if file.kind == "video":
        made.append(types.DocumentAttributeVideo(file.seconds, 640, 360, supports_streaming=True))
    if file.name:
        made.append(types.DocumentAttributeFilename(file.name))
    return made


def _poll(message_id: int, poll: Poll) -> Any:
    def words(text: str) -> Any:
        return types.TextWithEntities(text, [])

    answers = [types.PollAnswer(words(text), bytes([48 + number])) for number, text in enumerate(poll.answers)]
    voters = [
        types.PollAnswerVoters(bytes([48 + number]), voters=count, recent_voters=[])
        for number, count in enumerate(poll.voters)
    ]
    results = types.PollResults(results=voters or None, total_voters=sum(poll.voters))
    return types.MessageMediaPoll(types.Poll(8_000_000 + message_id, words(poll.question), answers, 0), results)
