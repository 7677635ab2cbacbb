"""The sign that a process still writes to the archive: one row, renewed every minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_KEY = "heartbeat"
_FAILED = "heartbeat_failed"  # in `meta`: who watches us from outside has heard that something is wrong


def beat(writer: Writer, now: int) -> None:
    """Renew the sign; `now` is microseconds UTC."""
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _KEY, "value": str(now)},
    )


def read_last(reader: Reader) -> int | None:
    """When the last sign was given, None if there never was one."""
    at = reader.value("SELECT value FROM meta WHERE key = :key", {"key": _KEY})
    return None if at is None else int(at)


def has_failed(reader: Reader) -> bool:
    """Whether who watches us from outside has heard that something is wrong, and not yet that all is well."""
    return reader.value("SELECT 1 FROM meta WHERE key = :key", {"key": _FAILED}) is not None


def note_failed(writer: Writer, failed: bool) -> None:
    """Keep that, for the process that comes after this one."""
    writer.execute("DELETE FROM meta WHERE key = :key", {"key": _FAILED})
    if failed:
        writer.execute("INSERT INTO meta (key, value) VALUES (:key, '1')", {"key": _FAILED})
