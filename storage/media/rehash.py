"""Compares stored bytes with the hashes that they are named after: raw replies in the database, files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.dictionaries import DamagedBytes, read_pieces
from storage.frozen import dataclass
from storage.media.shelf import Shelf

if TYPE_CHECKING:
    from storage.archive.database import Archive, Reader, Row

_PAGE = 200
_MOST_BYTES = 1 << 30  # of the files of a sample: a few large ones must not take minutes


@dataclass(frozen=True, slots=True)
class Rehashed:
    """How many were compared, of how many, and the first `SHOWN` of those that are damaged, one sentence each."""

    compared: int
    of: int
    damaged: int
    faults: tuple[str, ...]


SHOWN = 3


def rehash_raw(archive: Archive, most: int | None) -> Rehashed:
    """Compare the bytes of `most` replies, chosen by chance; None: of all of them."""
    with archive.reading() as reader:
        total = int(reader.value("SELECT count(*) FROM raw"))
    compared, damaged = 0, []
    for reader, row in _replies(archive, most):
        compared += 1
        if fault := _raw_fault(reader, row):
            damaged.append((row["key"], fault))
    faults = [f"{_post_of(archive, key)} ({key[:12]}…) {fault}" for key, fault in damaged[:SHOWN]]
    return Rehashed(compared, total, len(damaged), tuple(faults))


def rehash_files(archive: Archive, data_dir: Path, most: int | None) -> Rehashed:
    """Compare `most` stored files, chosen by chance, or as many as 1 GiB holds; None: all of them."""
    with archive.reading() as reader:
        total = int(reader.value("SELECT count(*) FROM media WHERE state = 'stored'"))
    shelf, compared, size, faults = Shelf(data_dir), 0, 0, []
    for row in _files(archive, most):
        if most is not None and compared and size + row["size"] > _MOST_BYTES:
            break
        compared += 1
        size += row["size"]
        if fault := shelf.fault(row["sha256"], row["size"]):
            faults.append(f"{row['source']}/{row['native_id']}: {fault}")
    return Rehashed(compared, total, len(faults), tuple(faults[:SHOWN]))


def _replies(archive: Archive, most: int | None) -> Iterator[tuple[Reader, Row]]:
    """A sample, or every reply, one in memory at a time; in pages: an open reader keeps the log from shrinking.

    What is added meanwhile does not matter; rows are never changed or removed.
    """
    if most is not None:
        with archive.reading() as reader:
            for row in reader.rows(_RAW_SAMPLE, {"most": most}):
                yield reader, row
        return
    found, after = 1, ""
    while found:
        found = 0
        with archive.reading() as reader:
            for row in reader.execute(_RAW, {"after": after, "most": _PAGE}):
                found, after = found + 1, row["key"]
                yield reader, row


def _files(archive: Archive, most: int | None) -> Iterator[Row]:
    """A sample, or every stored file; no reader is open while the bytes of a file are read."""
    after = -1
    while True:
        with archive.reading() as reader:
            rows = reader.rows(_FILES if most is None else _FILES_SAMPLE, {"after": after, "most": most or _PAGE})
        yield from rows
        if most is not None or not rows:
            return
        after = rows[-1]["key"]


def _raw_fault(reader: Reader, row: Row) -> str | None:
    state, size = sha256(), 0
    try:
        for piece in read_pieces(reader, row["zstd"], row["bytes"], row["text"]):
            state.update(piece)
            size += len(piece)
            if size > row["bytes"]:
                break
    except DamagedBytes as damage:
        return str(damage)
    if size != row["bytes"]:
        return f"does not have its {row['bytes']:,} bytes"
    return None if state.hexdigest() == row["key"] else "does not hold what its hash says"


def _post_of(archive: Archive, key: str) -> str:
    """One post that was read from these bytes."""
    with archive.reading() as reader:
        found = reader.one(_READ_FROM, {"key": key})
    return f"{found['source']}/{found['native_id']}" if found else "a reply without a post"


_RAW = "SELECT sha256 AS key, bytes, zstd, text FROM received WHERE sha256 > :after ORDER BY sha256 LIMIT :most + 0"
_RAW_SAMPLE = (
    "SELECT sha256 AS key, bytes, zstd, text FROM received "
    "WHERE sha256 IN (SELECT sha256 FROM raw ORDER BY random() LIMIT :most + 0)"
)
_FILE = (
    "SELECT m.id AS key, m.sha256, coalesce(m.size, 0) AS size, s.name AS source, p.native_id FROM media m "
    "JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id WHERE m.state = 'stored' "
)
_FILES = f"{_FILE} AND m.id > :after ORDER BY m.id LIMIT :most + 0"
_FILES_SAMPLE = f"{_FILE} ORDER BY random() LIMIT :most + 0"
_READ_FROM = (
    "SELECT s.name AS source, p.native_id FROM revisions r JOIN posts p ON p.id = r.post_id "
    "JOIN sources s ON s.id = p.source_id WHERE r.raw_sha256 = :key LIMIT 1"
)
