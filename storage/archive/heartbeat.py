"""The sign that a process still writes to the archive: one row, renewed every minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_KEY = "heartbeat"


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
