"""channels.* and contacts.resolveUsername: find a channel, look at it, join and leave it, fetch messages by id."""

from typing import Any

from telethon.tl import types

from tests.telegram_world import wire
from tests.telegram_world.answers.visit import Reply, Visit, plain, shown
from tests.telegram_world.channels import PAGE, Channel
from tests.telegram_world.faults import Refusal


def resolve_username(visit: Visit, request: Any) -> Reply:
    found = visit.world.holder(request.username)
    if found is None or (visit.world.manners.small_handles and not request.username.islower()):
        raise Refusal(400, "USERNAME_NOT_OCCUPIED")
    chats = [wire.chat(found, visit.account)]
    return plain(types.contacts.ResolvedPeer(types.PeerChannel(found.id), chats, []))


def get_channels(visit: Visit, request: Any) -> Reply:
    found = [visit.channel(one, look=False) for one in request.id]
    return plain(types.messages.Chats([wire.chat(channel, visit.account) for channel in found]))


def get_full_channel(visit: Visit, request: Any) -> Reply:
    channel = visit.channel(request.channel)
    full = types.ChannelFull(
        channel.id,
        about=channel.title,
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=channel.pts,
        participants_count=len(channel.members),
    )
    return plain(types.messages.ChatFull(full, visit.chats(channel), []))


def join_channel(visit: Visit, request: Any) -> Reply:
    channel = visit.channel(request.channel)
    return plain(types.messages.ChatInviteJoinResultOk(enter(visit, channel)))


def leave_channel(visit: Visit, request: Any) -> Reply:
    channel = visit.channel(request.channel)
    if visit.account.id not in channel.members:
        raise Refusal(400, "USER_NOT_PARTICIPANT")
    channel.members.discard(visit.account.id)
    return plain(_changed(visit, channel))


def get_messages(visit: Visit, request: Any) -> Reply:
    """By id, at most a hundred; an id under which nothing stands comes back as MessageEmpty."""
    channel = visit.channel(request.channel)
    wanted = [one.id for one in request.id if isinstance(one, types.InputMessageID)][:PAGE]
    if visit.world.faults.blind_lookups:
        missing = [types.MessageEmpty(one, types.PeerChannel(channel.id)) for one in wanted]
        return plain(types.messages.ChannelMessages(channel.pts, 0, missing, [], visit.chats(channel), []))
    standing = [channel.messages[one] for one in wanted if one in channel.messages]
    written = [
        wire.Written(wire.message_bytes(visit.world, channel, channel.messages[one]))
        if one in channel.messages
        else types.MessageEmpty(one, types.PeerChannel(channel.id))
        for one in wanted
        if one in channel.messages or not visit.world.manners.omits_missing
    ]
    chats = visit.chats(channel, standing)
    return shown(channel, standing, types.messages.ChannelMessages(channel.pts, len(written), written, [], chats, []))


def enter(visit: Visit, channel: Channel) -> Any:
    """Make the account a member; returns the Updates that say so. Raises Refusal if it may hold no more channels."""
    held = sum(visit.account.id in one.members for one in visit.world.channels())
    if visit.account.id not in channel.members and held >= visit.account.channels_most:
        raise Refusal(400, "CHANNELS_TOO_MUCH")
    channel.members.add(visit.account.id)
    return _changed(visit, channel)


def _changed(visit: Visit, channel: Channel) -> Any:
    update = types.UpdateChannel(channel.id)
    return types.Updates([update], [], [wire.chat(channel, visit.account)], visit.date(), 0)


ANSWERS = {
    "channels.getChannels": get_channels,
    "channels.getFullChannel": get_full_channel,
    "channels.getMessages": get_messages,
    "channels.joinChannel": join_channel,
    "channels.leaveChannel": leave_channel,
    "contacts.resolveUsername": resolve_username,
}
