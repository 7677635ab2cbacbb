"""Dictionaries by which received bytes are packed: made of what came before, kept in the archive, never changed.

Posts of one source have most of their markup in common, and the words of a post stand in its bytes. So bytes are packed
by the newest dictionary of their kind and the text of their post after it (`raw.text_id`), which never changes either.
The first page of a kind makes a small dictionary, many posts make a better one. Packed bytes begin with the id of the
dictionary that they need. Those from before, and large ones, are frames of Zstandard (RFC 8878), which may name one.
The id of a dictionary is made of the SHA-256 of its bytes: one that is damaged is never used.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from zstandard import (
    DICT_TYPE_FULLDICT,
    FRAME_HEADER,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    get_frame_parameters,
    train_dictionary,
)

from storage.archive.columns import storable
from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer
    from storage.records import Raw

SAMPLES = 500  # so many posts of a kind are enough to learn from
_NEWEST = 2_000  # of all posts, among which they are looked for
_LARGEST_SAMPLE = 64 << 10
_LEARNT_FROM = 4 << 20  # bytes of each kind: a hundred times the dictionary and more teach it nothing
_SIZE = 8 << 10  # a larger one takes longer to load for each post, and saves nothing
_EARLY, _EARLY_MOST, _EARLY_SIZE = 8, 100, 4 << 10  # of so few posts one can be made, in 2 to 7 ms
_SEARCH = {
    "d": 8,
    "f": 16,
    "accel": 2,
    "steps": 4,
}  # of zstd: a wider one takes up to seven times as long, saves nothing
_FIRST = 100_000  # below are ids that RFC 8878 reserves
_IDS = (1 << 31) - _FIRST  # and from 2^31
_LARGE = 64 << 10
_PIECE = 1 << 20
_WORTH = 0.8  # of the bytes without one, at most


class DamagedBytes(Exception):
    """Received bytes cannot be had back; the text continues "the bytes of POST …"."""


def pack(reader: Reader, mime: str, pieces: Sequence[tuple[bytes, str]]) -> list[bytes]:
    """Pack pieces of one kind, each with the text that stands in it, by its newest dictionary if that is whole."""
    known = reader.one(
        "SELECT id, bytes FROM dictionaries WHERE mime = :mime ORDER BY made_at DESC, samples DESC", {"mime": mime}
    )
    if known is None or known["id"] != _number(known["bytes"]):
        return [_pack(piece, text, 0, b"") for piece, text in pieces]
    return [_pack(piece, text, known["id"], known["bytes"]) for piece, text in pieces]


def _pack(piece: bytes, text: str, number: int, known: bytes) -> bytes:
    """For something so small zlib takes a third of the time, and less room; its checksums find a damaged text.

    What is large has enough in common with itself.
    """
    if len(piece) > _LARGE:
        return ZstdCompressor(level=3).compress(piece)
    shared = known + text.encode()  # what is last is found first
    packer = zlib.compressobj(6, zdict=shared) if shared else zlib.compressobj(6)
    return number.to_bytes(4, "little") + packer.compress(piece) + packer.flush()


def unpack(reader: Reader, packed: bytes, size: int, text: bytes | None) -> bytes:
    """The bytes as received; `text` is what they were packed with. Raises DamagedBytes."""
    if _is_zlib(packed):
        return _inflate(reader, packed, size, text)
    try:
        return _find_unpacker(reader, packed).decompress(packed, max_output_size=max(1, size))
    except ZstdError:
        raise DamagedBytes("cannot be decompressed") from None


def read_pieces(reader: Reader, packed: bytes, size: int, text: bytes | None) -> Iterator[bytes]:
    """The same in pieces of a megabyte: a byte more than `size` may come, which says that they are others."""
    if _is_zlib(packed):
        yield _inflate(reader, packed, size, text)
        return
    try:
        with _find_unpacker(reader, packed).stream_reader(packed) as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except ZstdError:
        raise DamagedBytes("cannot be decompressed") from None


def number_of(packed: bytes) -> int:
    """The id of the dictionary that packed bytes need; 0: none. Raises DamagedBytes."""
    if _is_zlib(packed):
        return int.from_bytes(packed[:4], "little")
    try:
        return get_frame_parameters(packed).dict_id
    except ZstdError:
        raise DamagedBytes("cannot be decompressed") from None


def _is_zlib(packed: bytes) -> bool:
    """Whether these are four bytes of an id and a stream of zlib (RFC 1950); no id begins as a frame of Zstandard."""
    return packed[4:5] == b"\x78" and packed[:4] != FRAME_HEADER


def _inflate(reader: Reader, packed: bytes, size: int, text: bytes | None) -> bytes:
    shared = _find_dictionary(reader, number_of(packed)) + (text or b"")
    unpacker = zlib.decompressobj(zdict=shared) if shared else zlib.decompressobj()
    try:
        data = unpacker.decompress(packed[4:], size + 1)
    except zlib.error:
        raise DamagedBytes("cannot be decompressed") from None
    if not unpacker.eof and len(data) <= size:
        raise DamagedBytes("cannot be decompressed")
    return data


def _find_unpacker(reader: Reader, packed: bytes) -> ZstdDecompressor:
    """What unpacks a frame. Raises DamagedBytes where its head is damaged, or the dictionary that it names."""
    known = _find_dictionary(reader, number_of(packed))
    if not known:
        return ZstdDecompressor()
    return ZstdDecompressor(dict_data=ZstdCompressionDict(known, dict_type=DICT_TYPE_FULLDICT))


def _find_dictionary(reader: Reader, number: int) -> bytes:
    """A dictionary; empty for number 0. Raises DamagedBytes where it is missing or damaged."""
    if not number:
        return b""
    known: bytes | None = reader.value("SELECT bytes FROM dictionaries WHERE id = :id", {"id": number})
    if known is None:
        raise DamagedBytes(f"cannot be decompressed: dictionary {number} is missing")
    if _number(known) != number:
        raise DamagedBytes(f"cannot be decompressed: dictionary {number} is damaged")
    return known


def find_damaged(reader: Reader) -> list[int]:
    """The ids of dictionaries whose bytes are not those that were stored."""
    return [
        row["id"] for row in reader.execute("SELECT id, bytes FROM dictionaries") if _number(row["bytes"]) != row["id"]
    ]


def find_samples(reader: Reader, without: Collection[str] = ()) -> dict[str, list[bytes]]:
    """What the newest posts were read from, by kind: kinds with enough of it, and no dictionary of so many posts yet.

    The kinds `without` one are left out: nothing was learnt from them before.
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    posts, size = Counter[str](), Counter[str]()
    for mime, length, packed, text in reader.execute(
        _SAMPLES, {"most": _NEWEST, "largest": _LARGEST_SAMPLE, "without": as_list(without)}
    ):
        posts[mime] += 1
        if size[mime] >= _LEARNT_FROM:
            continue
        with suppress(DamagedBytes):  # `doctor` says so
            found[mime].append(unpack(reader, packed, length, text))
            size[mime] += length
    return {mime: samples for mime, samples in found.items() if posts[mime] >= SAMPLES}


_SAMPLES = (
    "SELECT w.mime, w.bytes, w.zstd, w.text FROM (SELECT id, revision FROM posts ORDER BY id DESC LIMIT :most + 0) p "
    "JOIN revisions r ON r.post_id = p.id AND r.number = p.revision JOIN received w ON w.sha256 = r.raw_sha256 "
    "WHERE w.bytes BETWEEN 1 AND :largest AND w.mime NOT IN "
    f"(SELECT mime FROM dictionaries WHERE samples >= {SAMPLES}) "
    f"AND NOT w.mime {in_list('without')}"
)


def learn(samples: Mapping[str, Sequence[bytes]]) -> dict[str, bytes]:
    """Make a dictionary for each kind for which one is worth it."""
    found = {}
    for mime, pieces in samples.items():
        known = pieces[::10]
        made = _make(_SIZE, [piece for place, piece in enumerate(pieces) if place % 10])
        plain = sum(len(_pack(piece, "", 0, b"")) for piece in known)
        if made and sum(len(_pack(piece, "", _FIRST, made)) for piece in known) <= _WORTH * plain:
            found[mime] = made
    return found


def _make(size: int, samples: list[Any]) -> bytes:
    """A dictionary with its id; empty if the samples are too few or too small, or have nothing in common."""
    try:
        made = train_dictionary(size, samples, dict_id=_FIRST, **_SEARCH).as_bytes()
    except ZstdError:
        return b""
    return made[:4] + _number(made).to_bytes(4, "little") + made[8:]


def save(writer: Writer, learnt: Mapping[str, bytes], now: int, samples: int = SAMPLES) -> None:
    """Keep dictionaries that were made of so many posts."""
    writer.execute_many(
        "INSERT INTO dictionaries (id, mime, made_at, bytes, samples) VALUES (:id, :mime, :now, :bytes, :samples) "
        "ON CONFLICT DO NOTHING",
        [
            {"id": _number(made), "mime": mime, "now": now, "bytes": made, "samples": samples}
            for mime, made in learnt.items()
        ],
    )


def begin(writer: Writer, raws: Sequence[Raw], now: int) -> None:
    """Make a small dictionary of what came together, for each kind that has none yet."""
    for mime in {storable(raw.mime) for raw in raws} if len(raws) >= _EARLY else ():
        if writer.one("SELECT 1 FROM dictionaries WHERE mime = :mime", {"mime": mime}):
            continue
        samples = {raw.data for raw in raws if storable(raw.mime) == mime and 0 < len(raw.data) <= _LARGEST_SAMPLE}
        made = _make(_EARLY_SIZE, sorted(samples)[:_EARLY_MOST]) if len(samples) >= _EARLY else b""
        save(writer, {mime: made} if made else {}, now, min(len(samples), _EARLY_MOST))


@lru_cache(maxsize=16)
def _number(known: bytes) -> int:
    """The id of a dictionary, which is also its fifth to eighth byte."""
    return _FIRST + int.from_bytes(sha256(known[:4] + known[8:]).digest()[:8]) % _IDS
