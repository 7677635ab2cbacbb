"""Who asks, and what an answer is: the two values that every method's function has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.telegram_world import wire
from tests.telegram_world.accounts import Account, Key
from tests.telegram_world.channels import Channel, Message
from tests.telegram_world.faults import Refusal
from tests.telegram_world.state import World


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as bytes, and the messages of a channel that it shows: pairs of id and text."""

    body: bytes
    channel_id: int | None = None
    shows: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """One call's surroundings: the world, the key it came with, the data centre it came to."""

    world: World
    key: Key
    dc: int

    @property
    def account(self) -> Account:
        """Only for methods that need a login."""
        assert self.key.account is not None
        return self.key.account

    def channel(self, named: Any, *, look: bool = True) -> Channel:
        """The channel that an InputChannel or InputPeerChannel names; `look`: its inside is wanted.

        Raises Refusal: CHANNEL_INVALID for a wrong id or access hash, CHANNEL_PRIVATE if this account may not look.
        """
        number = getattr(named, "channel_id", None)
        found = self.world.known(number) if number else None
        if found is None or named.access_hash != wire.channel_hash(self.account, found.id):
            raise Refusal(400, "CHANNEL_INVALID" if number else "PEER_ID_INVALID")
        if look and not self.may_look(found):
            raise Refusal(400, "CHANNEL_PRIVATE")
        return found

    def may_look(self, channel: Channel) -> bool:
        closed = channel.gone or self.account.id in channel.banned
        return not closed and (not channel.private or self.account.id in channel.members)

    def chats(self, channel: Channel, messages: Sequence[Message] = ()) -> list[Any]:
        """The channel, and those that its messages were forwarded from."""
        named = {message.forward.channel_id for message in messages if message.forward}
        others = [one for one in self.world.channels() if one.id in named and one is not channel] if named else []
        return [wire.chat(one, self.account) for one in (channel, *others)]

    def written(self, channel: Channel, messages: Sequence[Message]) -> list[Any]:
        return [wire.Written(wire.message_bytes(self.world, channel, message)) for message in messages]

    def date(self) -> Any:
        return wire.date(int(self.world.now_seconds()) * 1_000_000)


def shown(channel: Channel, messages: Sequence[Message], body: Any) -> Reply:
    """An answer that shows these messages."""
    return Reply(bytes(body), channel.id, tuple((message.id, message.text) for message in messages))


def plain(body: Any) -> Reply:
    """An answer that shows no message."""
    return Reply(bytes(body))
