"""How long the oldest alert has been waiting that should have arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader

# What waits for a digest waits as it should; news of the program, escalations and digests of what was held may wait for
# the end of quiet hours. An alert counts from when it was due, not from when it was made.
_AGE = "max(created_at, iif(attempts = 0, min(not_before, :now), created_at))"
_LATE = "held IS NULL AND (match_id IS NOT NULL OR kind = 'digest' AND priority < 0)"
OLDEST = (
    f"SELECT min(at) FROM (SELECT min({_AGE}) AS at FROM deliveries WHERE state = 'pending' AND {_LATE}"
    f" UNION ALL SELECT min({_AGE}) FROM deliveries WHERE state = 'sending')"
)


def find_oldest(reader: Reader, now: int) -> int | None:
    """Since when the oldest alert has been waiting (microseconds UTC); None if none is."""
    at = reader.value(OLDEST, {"now": now})
    return None if at is None else int(at)
