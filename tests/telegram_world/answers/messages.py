"""messages.*: history in pages, the list of chats, invite links, and the private messages that nobody has here."""

from typing import Any

from telethon.tl import types

from tests.telegram_world import wire
from tests.telegram_world.answers.channels import enter
from tests.telegram_world.answers.updates import dialog
from tests.telegram_world.answers.visit import Reply, Visit, plain, shown
from tests.telegram_world.channels import PAGE, Channel
from tests.telegram_world.faults import Refusal


def get_history(visit: Visit, request: Any) -> Reply:
    channel, manners = visit.channel(request.peer), visit.world.manners
    page = channel.history(
        offset_id=request.offset_id,
        offset_date=request.offset_date,
        add_offset=0 if manners.downwards_only else request.add_offset,
        limit=min(request.limit, manners.page),
        max_id=request.max_id,
        min_id=0 if manners.downwards_only else request.min_id,
    )
    written, chats = visit.written(channel, page), visit.chats(channel, page)
    total = len(channel.order)
    if manners.plain_pages and total <= len(page):
        return shown(channel, page, types.messages.Messages(written, [], chats, []))
    if manners.plain_pages:
        return shown(channel, page, types.messages.MessagesSlice(total, written, [], chats, []))
    return shown(channel, page, types.messages.ChannelMessages(channel.pts, total, written, [], chats, []))


def get_messages(_: Visit, request: Any) -> Reply:
    """Private messages by id: there are none."""
    missing = [types.MessageEmpty(getattr(one, "id", 0)) for one in request.id]
    return plain(types.messages.Messages(missing, [], [], []))


def get_dialogs(visit: Visit, request: Any) -> Reply:
    """The joined channels, the newest message first, in pages that begin after `offset_peer`."""
    mine = [one for one in visit.world.channels() if visit.account.id in one.members and not one.gone]
    mine.sort(key=_newest, reverse=True)
    after = getattr(request.offset_peer, "channel_id", None)
    ids = [channel.id for channel in mine]
    start = ids.index(after) + 1 if after in ids else 0
    page = mine[start : start + max(1, min(request.limit, PAGE))]
    tops = [(channel, channel.messages[channel.order[-1]]) for channel in page if channel.order]
    parts = {
        "dialogs": [dialog(channel) for channel in page],
        "messages": [wire.Written(wire.message_bytes(visit.world, channel, top)) for channel, top in tops],
        "chats": [wire.chat(channel, visit.account) for channel in page],
        "users": [],
    }
    for channel, top in tops:
        visit.world.journal.note_shown(channel.id, [(top.id, top.text)])
    if len(page) == len(mine):
        return plain(types.messages.Dialogs(**parts))
    return plain(types.messages.DialogsSlice(len(mine), **parts))


def check_chat_invite(visit: Visit, request: Any) -> Reply:
    channel = _invited(visit, request.hash)
    if visit.account.id in channel.members:
        return plain(types.ChatInviteAlready(wire.chat(channel, visit.account)))
    photo = types.PhotoEmpty(0)
    invite = types.ChatInvite(channel.title, photo, len(channel.members), 0, channel=True, broadcast=True)
    return plain(invite)


def import_chat_invite(visit: Visit, request: Any) -> Reply:
    channel = _invited(visit, request.hash)
    if visit.account.id in channel.members:
        raise Refusal(400, "USER_ALREADY_PARTICIPANT")
    return plain(types.messages.ChatInviteJoinResultOk(enter(visit, channel)))


def _invited(visit: Visit, secret: str) -> Channel:
    found = next((one for one in visit.world.channels() if one.invite == secret), None)
    if found is None:
        raise Refusal(400, "INVITE_HASH_INVALID")
    if found.gone or visit.account.id in found.banned:
        raise Refusal(400, "INVITE_HASH_EXPIRED")
    return found


def _newest(channel: Channel) -> tuple[int, int]:
    top = channel.messages[channel.order[-1]] if channel.order else None
    return (top.at if top else channel.opened_at, channel.id)


ANSWERS = {
    "messages.checkChatInvite": check_chat_invite,
    "messages.getDialogs": get_dialogs,
    "messages.getHistory": get_history,
    "messages.getMessages": get_messages,
    "messages.importChatInvite": import_chat_invite,
}
