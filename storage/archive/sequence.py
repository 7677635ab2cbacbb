"""The archive's own order of what happened: a number that only rises, whatever a clock says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Writer


def take_number(writer: Writer) -> int:
    """The next number: higher than every one before, also than the times that older rows have instead of numbers."""
    return int(
        writer.value(
            "INSERT INTO meta (key, value) VALUES ('sequence', '1') "
            "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) RETURNING value"
        )
    )
