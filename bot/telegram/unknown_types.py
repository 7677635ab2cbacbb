"""Skips and reports updates of a newer API layer that the installed Telethon cannot read; reads the rest."""

import re
import struct
from collections.abc import Callable
from typing import Any

from telethon.crypto import AES
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState
from telethon.tl import types
from telethon.tl.core import GzipPacked, MessageContainer, TLMessage

_CHANNEL = re.compile(re.escape(struct.pack("<I", types.PeerChannel.CONSTRUCTOR_ID)) + b"(.{8})", re.DOTALL)
_HEAD = struct.Struct("<qii")  # of a message: id, sequence, length

OnUnreadable = Callable[[bytes], None]  # gets what cannot be read


def skip_unknown_types(client: Any, on_unreadable: OnUnreadable) -> None:
    """Let one unreadable message of a connection spoil no other.

    Telethon drops the whole packet that holds one, answers to calls with it, and acknowledges nothing of it, so that it
    comes again.
    """
    state = client._sender._state  # noqa: SLF001 - Telethon has no public way to a packet
    state.__class__, state.on_unreadable = _SkippingState, on_unreadable


def channels_in(data: bytes) -> set[int]:
    """Numbers of the channels that something unreadable speaks of, as far as they can be made out."""
    return {int.from_bytes(found, "little") for found in _CHANNEL.findall(data)}


class _SkippingState(MTProtoState):  # type: ignore[misc]  # Telethon has no types
    """How Telethon opens packets, with an ear for what it cannot read."""

    on_unreadable: OnUnreadable
    _highest_remote_id: int

    def decrypt_message_data(self, body: bytes) -> Any:
        """Open a packet; None for one that is to be ignored. Raises what Telethon raises for a forged one."""
        try:
            message = super().decrypt_message_data(body)
        except TypeNotFoundError:
            return self._by_parts(body)
        if message is not None:
            inside = message.obj.messages if isinstance(message.obj, MessageContainer) else [message]
            for one in inside:
                if isinstance(one.obj, GzipPacked):
                    one.obj = self._read(one.obj.data)
        return message

    def _by_parts(self, body: bytes) -> Any:
        """A packet that has passed every check but that somebody can read it."""
        opened = AES.decrypt_ige(body[24:], *self._calc_key(self.auth_key.key, body[8:24], False))
        number, sequence, length = _HEAD.unpack_from(opened, 16)
        if number in self._recent_remote_ids:
            return None
        self._recent_remote_ids.append(number)
        self._highest_remote_id = max(number, self._highest_remote_id)
        return TLMessage(number, sequence, self._read(opened[32 : 32 + length]))

    def _read(self, data: bytes) -> Any:
        """An object; what cannot be read becomes an empty acknowledgement, so that it is not sent again."""
        kind = int.from_bytes(data[:4], "little")
        if kind == GzipPacked.CONSTRUCTOR_ID:
            with BinaryReader(data) as reader:
                return self._read(GzipPacked.read(reader))
        if kind == MessageContainer.CONSTRUCTOR_ID:
            return MessageContainer(list(self._parts(data)))
        try:
            with BinaryReader(data) as reader:
                return reader.tgread_object()
        except TypeNotFoundError:
            self.on_unreadable(data)
            return types.MsgsAck([])

    def _parts(self, data: bytes) -> Any:
        place = 8
        for _ in range(int.from_bytes(data[4:8], "little")):
            number, sequence, length = _HEAD.unpack_from(data, place)
            place += _HEAD.size + length
            yield TLMessage(number, sequence, self._read(data[place - length : place]))
