"""How long the oldest message has been waiting that should have arrived: held back by its target or by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader

# What waits for a digest or for the end of quiet hours waits as it should, and so does what goes out only if nobody
# answers. A message counts from when it was due, not from when it was made.
_AGE = "max(created_at, iif(attempts = 0, min(not_before, :now), created_at))"
_LATE = "held IS NULL AND coalesce(held_until, 0) <= :now AND (kind <> 'escalation' OR not_before <= :now)"
OLDEST = (
    f"SELECT min(at) FROM (SELECT min({_AGE}) AS at FROM deliveries WHERE state = 'pending' AND {_LATE}"
    f" UNION ALL SELECT min({_AGE}) FROM deliveries WHERE state = 'sending')"
)


def find_oldest(reader: Reader, now: int) -> int | None:
    """Since when the oldest message has been waiting (microseconds UTC); None if none is."""
    at = reader.value(OLDEST, {"now": now})
    return None if at is None else int(at)
