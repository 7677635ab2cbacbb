"""The folded form of a text, kept as what it does not have in common with the text: a fifth of its bytes.

Rows of `texts` from before have it as it is in `folded`; later ones have it in `packed`, a raw DEFLATE stream
(RFC 1951) with the text as its dictionary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Connection

FOLDED = "iif({0}packed IS NULL, {0}folded, unpacked({0}packed, CAST({0}text AS BLOB)))"
"""SQL for the folded form of a row of `texts`; {0} is its name and a dot. Empty where the row is damaged.

As bytes, for a text that is damaged may be no UTF-8 any more, which no function of ours is given.
"""

_RAW = -15  # zlib's word for a stream without a head: the dictionary needs no checksum, the row has its version


def pack(folded: str, text: str) -> bytes:
    """The folded form without what the text has of it."""
    import zlib

    packer = zlib.compressobj(6, zlib.DEFLATED, _RAW, zdict=text.encode())
    return packer.compress(folded.encode()) + packer.flush()


def unpack(packed: bytes, text: bytes) -> str | None:
    """The folded form; None if the row is damaged."""
    import zlib

    unpacker = zlib.decompressobj(_RAW, text)
    try:
        folded = unpacker.decompress(packed).decode()
    except (zlib.error, UnicodeDecodeError):
        return None
    return folded if unpacker.eof else None


def _unpacked(packed: bytes, text: bytes) -> str:
    return unpack(packed, text) or ""


def columns(folded: str, text: str, *, plain: bool) -> dict[str, object]:
    """The columns of a row that keep the folded form; `plain` as long as the old index reads it there."""
    if plain or not folded:
        return {"folded": folded, "packed": None}
    return {"folded": "", "packed": pack(folded, text)}


def register(connection: Connection) -> Connection:
    """Add the SQL function that FOLDED needs, and with it the full-text index where it is changed or checked."""
    connection.create_function("unpacked", 2, _unpacked, deterministic=True)
    connection.execute("PRAGMA trusted_schema = ON").close()  # some builds of SQLite refuse functions in views without
    return connection
