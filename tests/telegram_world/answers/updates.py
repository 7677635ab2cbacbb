"""updates.*: the state, and the differences by which a client learns what it missed."""

from typing import Any

from telethon.tl import types

from tests.telegram_world import wire
from tests.telegram_world.answers.visit import Reply, Visit, plain, shown
from tests.telegram_world.channels import PAGE, Change, Channel, Message
from tests.telegram_world.faults import Refusal


def get_state(visit: Visit, _: Any) -> Reply:
    return plain(_state(visit))


def get_difference(visit: Visit, request: Any) -> Reply:
    """The account's own events are none; joined channels that changed since `date` are only named as too long."""
    since = int(request.date.timestamp()) * 1_000_000
    changed = [
        channel
        for channel in visit.world.channels()
        if visit.account.id in channel.members and channel.changed_at >= since
    ]
    if not changed:
        return plain(types.updates.DifferenceEmpty(visit.date(), 0))
    named = [types.UpdateChannelTooLong(channel.id, channel.pts) for channel in changed]
    chats = [wire.chat(channel, visit.account) for channel in changed]
    return plain(types.updates.Difference([], [], named, chats, [], _state(visit)))


def get_channel_difference(visit: Visit, request: Any) -> Reply:
    """What changed in one channel, a hundred changes at a time; also what tells the server of a short poll."""
    world, channel = visit.world, visit.channel(request.channel)
    if request.pts < 1:
        raise Refusal(400, "PERSISTENT_TIMESTAMP_EMPTY")
    if request.pts > channel.pts:
        raise Refusal(400, "PERSISTENT_TIMESTAMP_INVALID")
    world.audience.poll(visit.account, channel, 3 * world.poll_seconds + 2)
    changes = channel.since(request.pts)
    if request.pts < channel.log_from or len(changes) > world.too_long_after:
        return _too_long(visit, channel)
    part = changes[: min(max(request.limit, 1), PAGE)]
    if not part:
        return plain(types.updates.ChannelDifferenceEmpty(channel.pts, final=True, timeout=world.poll_seconds))
    new, others = _sort(visit, channel, part)
    return shown(
        channel,
        [
            *new,
            *(channel.messages[one] for change in part if change.kind == "edit" for one in _standing(channel, change)),
        ],
        types.updates.ChannelDifference(
            part[-1].pts,
            visit.written(channel, new),
            others,
            visit.chats(channel, new),
            [],
            final=len(part) == len(changes),
            timeout=world.poll_seconds,
        ),
    )


def _sort(visit: Visit, channel: Channel, part: list[Change]) -> tuple[list[Message], list[Any]]:
    """New messages as they stand now, and the other changes as updates; what is gone again is in neither."""
    new_ids = [one for change in part if change.kind == "new" for one in _standing(channel, change)]
    edited = {one for change in part if change.kind == "edit" for one in change.ids}
    if visit.world.faults.difference_omits_edited:
        new_ids = [one for one in new_ids if one not in edited]
    others: list[Any] = []
    for change in part:
        if change.kind == "delete":
            others.append(types.UpdateDeleteChannelMessages(channel.id, list(change.ids), change.pts, change.count))
        elif change.kind == "edit" and (standing := _standing(channel, change)):
            written = visit.written(channel, [channel.messages[one] for one in standing])
            others += [types.UpdateEditChannelMessage(one, change.pts, change.count) for one in written]
    return [channel.messages[one] for one in new_ids], others


def _standing(channel: Channel, change: Change) -> list[int]:
    return [one for one in change.ids if one in channel.messages]


def _too_long(visit: Visit, channel: Channel) -> Reply:
    latest = [channel.messages[one] for one in reversed(channel.order[-PAGE // 10 :])]
    return shown(
        channel,
        latest,
        types.updates.ChannelDifferenceTooLong(
            dialog(channel),
            visit.written(channel, latest),
            visit.chats(channel, latest),
            [],
            final=True,
            timeout=visit.world.poll_seconds,
        ),
    )


def dialog(channel: Channel) -> Any:
    """A channel as a line of the list of chats."""
    top = channel.order[-1] if channel.order else 0
    return types.Dialog(
        types.PeerChannel(channel.id), top, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings(), pts=channel.pts
    )


def _state(visit: Visit) -> Any:
    return types.updates.State(pts=1, qts=0, date=visit.date(), seq=0, unread_count=0)


ANSWERS = {
    "updates.getState": get_state,
    "updates.getDifference": get_difference,
    "updates.getChannelDifference": get_channel_difference,
}
