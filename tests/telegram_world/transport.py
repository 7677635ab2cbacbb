"""How packets lie on a TCP connection: the framings that Telethon speaks, plain or obfuscated, and how to tell them apart."""

import asyncio
import hashlib
import os
import struct
import zlib
from typing import Protocol

from telethon.crypto import AESModeCTR

_FULL_MOST = 1 << 24  # no packet is longer than 16 MiB; a longer one is no packet


class Framing(Protocol):
    """One way to mark where a packet ends."""

    async def read(self, wire: "Wire") -> bytes: ...
    def pack(self, packet: bytes) -> bytes: ...


class Wire:
    """The bytes of one connection, taken out of their obfuscation if it has one.

    `secret` is that of an MTProxy (16 bytes): with it the world is at once the proxy and the server behind it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes | None = None) -> None:
        self.writer = writer
        self._reader = reader
        self._secret = secret
        self._held = b""
        self._opens: AESModeCTR | None = None
        self._closes: AESModeCTR | None = None

    async def read(self, count: int) -> bytes:
        """Raises asyncio.IncompleteReadError when the client has gone."""
        held, self._held = self._held[:count], self._held[count:]
        data = held + (await self._reader.readexactly(count - len(held)) if count > len(held) else b"")
        return self._opens.encrypt(data) if self._opens else data

    def write(self, data: bytes) -> None:
        self.writer.write(self._closes.encrypt(data) if self._closes else data)

    async def framing(self) -> Framing:
        """Look at the first bytes, as the real servers do. Raises ValueError if they are of no framing."""
        if (first := await self.read(1)) == b"\xef":
            return Abridged()
        first += await self.read(3)
        if first == b"\xee" * 4:
            return Intermediate()
        first += await self.read(4)
        if first[4:] == b"\0" * 4 and self._secret is None:
            self._held = first
            return Full()
        return self._obfuscated(first + await self.read(56))

    def _obfuscated(self, head: bytes) -> Framing:
        turned = head[55:7:-1]
        self._opens = self._cipher(head[8:40], head[40:56])
        self._closes = self._cipher(turned[:32], turned[32:48])
        tag = self._opens.encrypt(head)[56:60]
        framings: dict[bytes, Framing] = {
            b"\xef" * 4: Abridged(),
            b"\xee" * 4: Intermediate(),
            b"\xdd" * 4: Intermediate(padded=True),
        }
        if tag not in framings:
            raise ValueError(f"no framing has the tag {tag.hex()}")
        return framings[tag]

    def _cipher(self, key: bytes, vector: bytes) -> AESModeCTR:
        return AESModeCTR(hashlib.sha256(key + self._secret).digest() if self._secret else key, vector)


class Full:
    """Length, counter, packet, CRC32: Telethon's own choice."""

    def __init__(self) -> None:
        self._read = self._packed = 0

    async def read(self, wire: Wire) -> bytes:
        head = await wire.read(8)
        length, number = struct.unpack("<ii", head)
        if not 12 <= length <= _FULL_MOST or number != self._read:
            raise ValueError(f"a packet of {length} bytes with number {number} instead of {self._read}")
        self._read += 1
        body = await wire.read(length - 8)
        if zlib.crc32(head + body[:-4]) != int.from_bytes(body[-4:], "little"):
            raise ValueError("a packet with a wrong checksum")
        return body[:-4]

    def pack(self, packet: bytes) -> bytes:
        data = struct.pack("<ii", len(packet) + 12, self._packed) + packet
        self._packed += 1
        return data + zlib.crc32(data).to_bytes(4, "little")


class Abridged:
    """One byte of length in words, or four for long packets."""

    async def read(self, wire: Wire) -> bytes:
        words = (await wire.read(1))[0]
        if words == 0x7F:
            words = int.from_bytes(await wire.read(3), "little")
        return await wire.read(words * 4)

    def pack(self, packet: bytes) -> bytes:
        words = len(packet) // 4
        return (bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + packet


class Intermediate:
    """Four bytes of length; `padded` hides the true one under up to three random bytes."""

    def __init__(self, *, padded: bool = False) -> None:
        self._padded = padded

    async def read(self, wire: Wire) -> bytes:
        packet = await wire.read(int.from_bytes(await wire.read(4), "little"))
        return packet[: len(packet) // 4 * 4] if self._padded else packet

    def pack(self, packet: bytes) -> bytes:
        packet += os.urandom(os.urandom(1)[0] % 4) if self._padded else b""
        return len(packet).to_bytes(4, "little") + packet
