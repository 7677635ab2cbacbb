"""Dictionaries by which received bytes are packed: made of what came before, kept in the archive, never changed.

Posts of one source have most of their markup in common. The frames of Zstandard (RFC 8878) name the dictionary that
they need, so that rows with one and without one lie side by side. The id of a dictionary is made of the SHA-256 of its
bytes: one that is damaged is never used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from zstandard import (
    DICT_TYPE_FULLDICT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    get_frame_parameters,
    train_dictionary,
)

from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

SAMPLES = 500  # so many posts of a kind are enough to learn from
_NEWEST = 2_000  # of all posts, among which they are looked for
_LARGEST_SAMPLE = 64 << 10
_LEARNT_FROM = 4 << 20  # bytes of each kind: a hundred times the dictionary and more teach it nothing
_SIZE = 32 << 10
_FIRST = 100_000  # below are ids that RFC 8878 reserves
_IDS = (1 << 31) - _FIRST  # and from 2^31
_LEVEL = 6
_WORTH = 0.8  # of the bytes without one, at most


class DamagedBytes(Exception):
    """Received bytes cannot be had back; the text continues "the bytes of POST …"."""


def pack(reader: Reader, mime: str, pieces: Sequence[bytes]) -> list[bytes]:
    """Pack pieces of one kind by its dictionary, if it has one that is whole."""
    known = reader.one("SELECT id, bytes FROM dictionaries WHERE mime = :mime ORDER BY made_at DESC", {"mime": mime})
    is_whole = known is not None and known["id"] == _number(known["bytes"])
    compressor = _compressor(known["bytes"]) if known is not None and is_whole else ZstdCompressor(level=3)
    return [compressor.compress(piece) for piece in pieces]


def unpack(reader: Reader, packed: bytes, size: int) -> bytes:
    """The bytes as received. Raises DamagedBytes."""
    unpacker = find_unpacker(reader, packed)
    try:
        return unpacker.decompress(packed, max_output_size=max(1, size))
    except ZstdError:
        raise DamagedBytes("cannot be decompressed") from None


def find_unpacker(reader: Reader, packed: bytes) -> ZstdDecompressor:
    """What unpacks a frame. Raises DamagedBytes where its head is damaged, or the dictionary that it names."""
    try:
        number = get_frame_parameters(packed).dict_id
    except ZstdError:
        raise DamagedBytes("cannot be decompressed") from None
    if not number:
        return ZstdDecompressor()
    known = reader.value("SELECT bytes FROM dictionaries WHERE id = :id", {"id": number})
    if known is None:
        raise DamagedBytes(f"cannot be decompressed: dictionary {number} is missing")
    if _number(known) != number:
        raise DamagedBytes(f"cannot be decompressed: dictionary {number} is damaged")
    return ZstdDecompressor(dict_data=_dictionary(known))


def find_damaged(reader: Reader) -> list[int]:
    """The ids of dictionaries whose bytes are not those that were stored."""
    return [
        row["id"] for row in reader.execute("SELECT id, bytes FROM dictionaries") if _number(row["bytes"]) != row["id"]
    ]


def find_samples(reader: Reader, without: Collection[str] = ()) -> dict[str, list[bytes]]:
    """What the newest posts were read from, by kind, of each kind that has enough of it and no dictionary yet.

    The kinds `without` one are left out: nothing was learnt from them before.
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    posts, size = Counter[str](), Counter[str]()
    for mime, length, packed in reader.execute(
        _SAMPLES, {"most": _NEWEST, "largest": _LARGEST_SAMPLE, "without": as_list(without)}
    ):
        posts[mime] += 1
        if size[mime] >= _LEARNT_FROM:
            continue
        with suppress(DamagedBytes):  # `doctor` says so
            found[mime].append(unpack(reader, packed, length))
            size[mime] += length
    return {mime: samples for mime, samples in found.items() if posts[mime] >= SAMPLES}


_SAMPLES = (
    "SELECT w.mime, w.bytes, w.zstd FROM (SELECT id, revision FROM posts ORDER BY id DESC LIMIT :most + 0) p "
    "JOIN revisions r ON r.post_id = p.id AND r.number = p.revision JOIN raw w ON w.sha256 = r.raw_sha256 "
    "WHERE w.bytes BETWEEN 1 AND :largest AND w.mime NOT IN (SELECT mime FROM dictionaries) "
    f"AND NOT w.mime {in_list('without')}"
)


def learn(samples: Mapping[str, Sequence[bytes]]) -> dict[str, bytes]:
    """Make a dictionary for each kind for which one is worth it."""
    found = {}
    for mime, pieces in samples.items():
        known = pieces[::10]
        tried: list[Any] = [piece for place, piece in enumerate(pieces) if place % 10]
        try:
            made = train_dictionary(_SIZE, tried, dict_id=_FIRST).as_bytes()
        except ZstdError:  # the pieces are too small, or have nothing in common
            continue
        made = made[:4] + _number(made).to_bytes(4, "little") + made[8:]
        plain = sum(len(ZstdCompressor(level=3).compress(piece)) for piece in known)
        if sum(len(_compressor(made).compress(piece)) for piece in known) <= _WORTH * plain:
            found[mime] = made
    return found


def save(writer: Writer, learnt: Mapping[str, bytes], now: int) -> None:
    """Keep dictionaries."""
    writer.execute_many(
        "INSERT INTO dictionaries (id, mime, made_at, bytes) VALUES (:id, :mime, :now, :bytes) ON CONFLICT DO NOTHING",
        [{"id": _number(made), "mime": mime, "now": now, "bytes": made} for mime, made in learnt.items()],
    )


@lru_cache(maxsize=16)
def _number(known: bytes) -> int:
    """The id of a dictionary, which is also its fifth to eighth byte."""
    return _FIRST + int.from_bytes(sha256(known[:4] + known[8:]).digest()[:8]) % _IDS


@lru_cache(maxsize=16)
def _dictionary(known: bytes) -> ZstdCompressionDict:
    return ZstdCompressionDict(known, dict_type=DICT_TYPE_FULLDICT)


@lru_cache(maxsize=16)
def _compressor(known: bytes) -> ZstdCompressor:
    dictionary = _dictionary(known)
    dictionary.precompute_compress(level=_LEVEL)
    return ZstdCompressor(level=_LEVEL, dict_data=dictionary)
