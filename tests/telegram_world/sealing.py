"""What lies inside an encrypted packet: MTProto 2.0 encryption, message ids and their times."""

import hashlib
import os
import struct
from dataclasses import dataclass
from typing import Any

from telethon.crypto import AES
from telethon.network.mtprotostate import MTProtoState

TOO_OLD = 300  # seconds that a client's clock may be behind ours
TOO_NEW = 30  # and before it


@dataclass(frozen=True, slots=True)
class Unsealed:
    """One packet of a client, opened."""

    salt: int
    session: int
    message_id: int
    seqno: int
    body: bytes


def unseal(key: bytes, packet: bytes) -> Unsealed:
    """Open a client's packet. Raises ValueError if it was not sealed with this key."""
    message_key = packet[8:24]
    opened = AES.decrypt_ige(packet[24:], *_calculate(key, message_key, from_client=True))
    if hashlib.sha256(key[88:120] + opened).digest()[8:24] != message_key:
        raise ValueError("a packet with a wrong message key")
    salt, session, message_id, seqno, length = struct.unpack("<qqqii", opened[:32])
    return Unsealed(salt, session, message_id, seqno, opened[32 : 32 + length])


def seal(key: bytes, key_id: int, salt: int, session: int, message_id: int, seqno: int, body: bytes) -> bytes:
    """Close a packet for a client."""
    data = struct.pack("<qqqii", salt, session, message_id, seqno, len(body)) + body
    data += os.urandom(-(len(data) + 12) % 16 + 12)
    message_key = hashlib.sha256(key[96:128] + data).digest()[8:24]
    sealed: bytes = AES.encrypt_ige(data, *_calculate(key, message_key, from_client=False))
    return struct.pack("<Q", key_id) + message_key + sealed


def _calculate(key: bytes, message_key: bytes, *, from_client: bool) -> tuple[bytes, bytes]:
    calculated: Any = MTProtoState._calc_key(key, message_key, from_client)
    return calculated[0], calculated[1]


class MessageIds:
    """Ids of our messages: our time in 2^-32 seconds, always rising, odd as a server's must be."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float, *, reply: bool) -> int:
        self._last = max(int(now * 2**32) // 4 * 4, self._last + 4)
        return self._last + (1 if reply else 3)


def clock_complaint(message_id: int, now: float) -> int | None:
    """The error code for a message id whose time is too far from ours: 16 too low, 17 too high."""
    sent = message_id >> 32
    if sent < now - TOO_OLD:
        return 16
    return 17 if sent > now + TOO_NEW else None
