"""Generates small photos and voice notes for the world."""

import struct
import zlib


def png(seed: str, width: int = 48, height: int = 32) -> bytes:
    """A valid picture in one colour that depends on the seed."""
    red, green, blue = zlib.crc32(seed.encode()).to_bytes(4, "big")[:3]
    rows = (b"\0" + bytes((red, green, blue)) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def ogg(seconds: int = 4) -> bytes:
    """A valid Ogg Opus file of silence, mono (RFC 7845; a packet of 20 ms is the frame F8 FF FE)."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    vendor = b"world"
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
    pages = [_ogg_page(0, 0, 2, [head]), _ogg_page(1, 0, 0, [tags])]
    for second in range(1, seconds + 1):
        last = 4 if second == seconds else 0
        pages.append(_ogg_page(second + 1, second * 48_000, last, [b"\xf8\xff\xfe"] * 50))
    return b"".join(pages)


def _ogg_page(sequence: int, granule: int, flags: int, packets: list[bytes]) -> bytes:
    """One page (RFC 3533); every packet here is shorter than 255 bytes."""
    lacing = bytes(len(packet) for packet in packets)
    head = struct.pack("<4sBBqII", b"OggS", 0, flags, granule, 0x776F726C, sequence)
    body = bytes([len(lacing)]) + lacing + b"".join(packets)
    checksum = _ogg_crc(head + b"\0\0\0\0" + body)
    return head + struct.pack("<I", checksum) + body


def _ogg_crc(data: bytes) -> int:
    """CRC-32 with polynomial 0x04C11DB7, not reflected, start 0, as RFC 3533 asks."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
