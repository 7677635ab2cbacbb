"""Dictionaries by which received bytes are packed: made of what came before, kept in the archive, never changed.

Posts of one source have most of their markup in common. The frames of Zstandard (RFC 8878) name the dictionary that
they need, so that rows with one and without one lie side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
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

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

SAMPLES = 500  # so many posts of a kind are enough to learn from
_NEWEST = 2_000  # of all posts, among which they are looked for
_LARGEST_SAMPLE = 64 << 10
_SIZE = 32 << 10
_FIRST = 100_000  # below are ids that RFC 8878 reserves
_LEVEL = 6
_WORTH = 0.8  # of the bytes without one, at most


def pack(reader: Reader, mime: str, pieces: Sequence[bytes]) -> list[bytes]:
    """Pack pieces of one kind by its newest dictionary, if it has one."""
    known = reader.value("SELECT bytes FROM dictionaries WHERE mime = :mime ORDER BY id DESC LIMIT 1", {"mime": mime})
    compressor = ZstdCompressor(level=3) if known is None else _compressor(bytes(known))
    return [compressor.compress(piece) for piece in pieces]


def unpack(reader: Reader, packed: bytes, size: int) -> bytes:
    """The bytes as received. Raises ZstdError where they are damaged or their dictionary is missing."""
    return find_unpacker(reader, packed).decompress(packed, max_output_size=max(1, size))


def find_unpacker(reader: Reader, packed: bytes) -> ZstdDecompressor:
    """What unpacks a frame."""
    number = get_frame_parameters(packed).dict_id
    known = reader.value("SELECT bytes FROM dictionaries WHERE id = :id", {"id": number}) if number else None
    return ZstdDecompressor() if known is None else ZstdDecompressor(dict_data=_dictionary(bytes(known)))


def find_samples(reader: Reader) -> dict[str, list[bytes]]:
    """What the newest posts were read from, by kind, of each kind that has enough of it and no dictionary yet."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for row in reader.rows(_SAMPLES, {"most": _NEWEST, "largest": _LARGEST_SAMPLE}):
        found[row["mime"]].append(unpack(reader, row["zstd"], row["bytes"]))
    return {mime: samples for mime, samples in found.items() if len(samples) >= SAMPLES}


_SAMPLES = (
    "SELECT w.mime, w.bytes, w.zstd FROM (SELECT id, revision FROM posts ORDER BY id DESC LIMIT :most) p "
    "JOIN revisions r ON r.post_id = p.id AND r.number = p.revision JOIN raw w ON w.sha256 = r.raw_sha256 "
    "WHERE w.bytes BETWEEN 1 AND :largest AND w.mime NOT IN (SELECT mime FROM dictionaries)"
)


def learn(samples: Mapping[str, Sequence[bytes]]) -> dict[str, bytes]:
    """Make a dictionary for each kind for which one is worth it; their ids are 0 until they are stored."""
    found = {}
    for mime, pieces in samples.items():
        known = pieces[::10]
        tried: list[Any] = [piece for place, piece in enumerate(pieces) if place % 10]
        try:
            made = train_dictionary(_SIZE, tried, dict_id=_FIRST).as_bytes()
        except ZstdError:  # the pieces are too small, or have nothing in common
            continue
        plain = sum(len(ZstdCompressor(level=3).compress(piece)) for piece in known)
        if sum(len(_compressor(made).compress(piece)) for piece in known) <= _WORTH * plain:
            found[mime] = made
    return found


def save(writer: Writer, learnt: Mapping[str, bytes], now: int) -> None:
    """Keep dictionaries, each under an id of its own, which is also written into its fifth to eighth byte."""
    for mime, made in learnt.items():
        number = 1 + int(writer.value("SELECT coalesce(max(id), :first) FROM dictionaries", {"first": _FIRST}))
        writer.execute(
            "INSERT INTO dictionaries (id, mime, made_at, bytes) VALUES (:id, :mime, :now, :bytes)",
            {"id": number, "mime": mime, "now": now, "bytes": made[:4] + number.to_bytes(4, "little") + made[8:]},
        )


@lru_cache(maxsize=16)
def _dictionary(known: bytes) -> ZstdCompressionDict:
    return ZstdCompressionDict(known, dict_type=DICT_TYPE_FULLDICT)


@lru_cache(maxsize=16)
def _compressor(known: bytes) -> ZstdCompressor:
    dictionary = _dictionary(known)
    dictionary.precompute_compress(level=_LEVEL)
    return ZstdCompressor(level=_LEVEL, dict_data=dictionary)
