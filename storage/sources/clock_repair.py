"""What was planned or noted by a clock that turned out to be wrong: put right, so that nothing waits for its time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.sources import states

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_TOLERANCE = 60_000_000  # microseconds that two clocks may differ, or that one is corrected by
_LONGEST_HOLD = 86_400_000_000  # that another side's wait may still last by a clock that is not the one that noted it


def has_future_rounds(reader: Reader, now: int) -> bool:
    """Whether a source was last looked at in the future: the clock was ahead then, or is behind now."""
    at = reader.value(
        "SELECT max(ended_at) FROM runs WHERE id IN (SELECT max(r.id) FROM runs r JOIN sources s "
        "ON s.id = r.source_id WHERE s.enabled = 1 AND s.paused = 0 AND s.next_poll_at < :never GROUP BY r.source_id)",
        {"never": states.NEVER},
    )
    return at is not None and at > now + _TOLERANCE


def repair_times(writer: Writer, now: int, drift: int | None = None) -> None:
    """After a jump of the clock: ask every source, decide and deliver all that waits.

    `drift` is how far the clock was set: waits that another side asked for, re-checks of posts, budgets and mutes keep
    what is left of them. None: that is not known; then such a wait lasts a day at most, and re-checks keep their
    times, which count from publishing. Unless it is 0, absences that were seen before prove nothing any more (see
    storage.posts.observations): how long ago they were is not known.
    """
    values = {"now": now, "longest": now + _LONGEST_HOLD, "drift": drift, "never": states.NEVER}
    moved = _CAPPED if drift is None else _MOVED if drift else ()
    for statement in (*moved, *_DUE, *(() if drift == 0 else (_FORGET,))):
        writer.execute(statement, values)
    if drift:
        _note_jump(writer, now - drift, now)
    states.poll_all_now(writer, now)


def read_jumps(reader: Reader) -> list[tuple[int, int]]:
    """The last jumps of the clock: the earlier and the later of the two times that it showed."""
    return [(low, high) for low, high in json.loads(reader.value(_JUMPS) or "[]")]


def _note_jump(writer: Writer, before: int, after: int) -> None:
    """Remember it, for no time between the two was missed: see storage.alerts.stale."""
    jumps = [*read_jumps(writer), (min(before, after), max(before, after))][-_KEPT:]
    writer.execute(
        "INSERT INTO meta (key, value) VALUES ('clock_jumps', :jumps) ON CONFLICT (key) DO UPDATE SET"
        " value = excluded.value",
        {"jumps": json.dumps(jumps)},
    )


_JUMPS = "SELECT value FROM meta WHERE key = 'clock_jumps'"
_KEPT = 20


_MOVED = (
    "UPDATE sources SET hold_until = hold_until + :drift",
    "UPDATE sources SET state_since = state_since + :drift WHERE state_since > 0",
    "UPDATE targets SET hold_until = hold_until + :drift",
    "UPDATE targets SET state_since = state_since + :drift WHERE state_since > 0",
    "UPDATE telegram_account SET state_since = state_since + :drift WHERE state_since > 0",
    "UPDATE telegram_waits SET until = until + :drift",
    "UPDATE telegram_spent SET at = at + :drift",
    "UPDATE jobs SET due_at = due_at + :drift WHERE kind = 'recheck'",
    "UPDATE jobs SET claimed_until = claimed_until + :drift WHERE claimed_until > 0",
    "UPDATE mutes SET from_at = from_at + :drift, until = until + :drift WHERE until > :now - :drift",
)
_CAPPED = (
    "UPDATE sources SET hold_until = :longest WHERE hold_until > :longest",
    "UPDATE sources SET state_since = :now WHERE state_since > :now",
    "UPDATE targets SET hold_until = :longest WHERE hold_until > :longest",
    "UPDATE targets SET state_since = :now WHERE state_since > :now",
    "UPDATE telegram_account SET state_since = :now WHERE state_since > :now",
    "UPDATE telegram_waits SET until = :longest WHERE until > :longest",
    "UPDATE telegram_spent SET at = :now WHERE at > :now",
    "UPDATE mutes SET until = until - from_at + :now, from_at = :now WHERE ended_at IS NULL AND from_at > :now",
)
_WAITS = "state = 'pending' AND kind = 'escalation'"  # never longer than it says
_LATEST = ":now + json_extract(payload, '$.after')"
_DUE = (
    "UPDATE jobs SET due_at = :now WHERE due_at > :now AND (kind <> 'recheck' OR slot NOT GLOB '[0-9]*')",
    "UPDATE deliveries SET not_before = :now WHERE state = 'pending' AND not_before > :now AND kind <> 'escalation'",
    f"UPDATE deliveries SET not_before = {_LATEST} WHERE {_WAITS} AND not_before > {_LATEST}",
    "UPDATE media SET next_try_at = :now WHERE state = 'pending' AND next_try_at > :now",
)
_FORGET = (
    "INSERT INTO meta (key, value) SELECT 'absences_count_after', CAST(coalesce(max(id), 0) AS TEXT) FROM observations "
    "WHERE true ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
