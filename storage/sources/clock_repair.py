"""What was planned or noted by a clock that turned out to be wrong: put right, so that nothing waits for its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.sources import states

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_TOLERANCE = 60_000_000  # microseconds that two clocks may differ, or that one is corrected by
_LONGEST_HOLD = 86_400_000_000  # that another side's wait may still last by a clock that is not the one that noted it


def has_future_rounds(reader: Reader, now: int) -> bool:
    """Whether the last round was noted at a time that has not come: the clock was ahead then, or is behind now."""
    [row] = reader.rows("SELECT max(ended_at) AS at FROM runs")
    return row["at"] is not None and row["at"] > now + _TOLERANCE


def repair_times(writer: Writer, now: int) -> None:
    """After a jump of the clock: ask every source, decide and deliver all that waits, and let no rule be of tomorrow.

    Waits that another side asked for last a day at most. Re-checks keep their times, which count from publishing.
    """
    states.poll_all_now(writer, now)
    values = {"now": now, "longest": now + _LONGEST_HOLD}
    for statement in (
        "UPDATE jobs SET due_at = :now WHERE due_at > :now AND (kind <> 'recheck' OR slot IN ('confirm', 'missing'))",
        "UPDATE deliveries SET not_before = :now WHERE state = 'pending' AND not_before > :now",
        "UPDATE sources SET hold_until = :longest WHERE hold_until > :longest",
        "UPDATE targets SET hold_until = :longest WHERE hold_until > :longest",
        # posts that were collected before a rule was loaded never alert
        "UPDATE rules SET loaded_at = :now WHERE loaded_at > :now",
    ):
        writer.execute(statement, values)
