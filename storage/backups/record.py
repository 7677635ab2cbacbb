"""What the archive remembers of its backups: the last good one, how many are kept, and since when they fail."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_KEY = "backups"


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """Times are microseconds UTC; `kept` and `oldest_at` are of the directory in which the last one was made."""

    last_at: int | None = None
    path: str | None = None
    kept: int = 0
    oldest_at: int | None = None
    failing_since: int | None = None
    reason: str | None = None


def read(reader: Reader) -> BackupRecord:
    """What is remembered; nothing where no backup was ever made or tried."""
    text = reader.value("SELECT value FROM meta WHERE key = :key", {"key": _KEY})
    return BackupRecord() if text is None else BackupRecord(**json.loads(text))


def note_success(writer: Writer, at: int, path: str, *, kept: int, oldest_at: int) -> None:
    """A backup was made and proved."""
    _write(writer, BackupRecord(at, path, kept, oldest_at))


def note_failure(writer: Writer, now: int, reason: str) -> bool:
    """A backup could not be made; whether that was not known before."""
    before = read(writer)
    _write(writer, replace(before, failing_since=before.failing_since or now, reason=reason))
    return before.failing_since is None


def _write(writer: Writer, record: BackupRecord) -> None:
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :text) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _KEY, "text": json.dumps(asdict(record))},
    )
