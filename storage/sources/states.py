"""The sources as the archive knows them: declared by the config, due, held, paused, broken, recovered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.alerts import notices
from storage.archive.columns import int64_or_none, storable, storable_or_none
from storage.archive.database import as_list, in_list
from storage.archive.sequence import take_number
from storage.frozen import dataclass
from storage.records import Batch, LedgerChange, SourceRow
from storage.sources import identity
from storage.state_names import NEW, OK, current_name

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

UNWATCHED = 15 * 60 * 1_000_000  # a round may be so late; a longer break is no uninterrupted watch
_CORRECTED = 60 * 1_000_000  # a clock may be set back so far within one stretch
NEVER = 1 << 62  # a stopped source is not due before a person resumes it
_COLUMNS = (
    "id, name, kind, tags, side, state, reason, state_since, channel_id, handle, title, cursor, high_water, "
    "first_contact_at, next_poll_at, hold_until, failures, last_ok_at, last_post_at, paused, failure, failures_alike"
)


@dataclass(frozen=True, slots=True)
class Declared:
    """A source as the config has it."""

    name: str
    kind: str
    tags: tuple[str, ...] = ()
    side: str | None = None
    family: str | None = None


def declare(writer: Writer, declared: Sequence[Declared], now: int) -> None:
    """Make the rows agree with the config. A source that left it keeps its row and its posts, and is not due."""
    writer.execute("UPDATE sources SET enabled = 0")
    if declared:
        writer.execute_many(
            "INSERT INTO sources (name, kind, tags, side, family, enabled, state, state_since, paused, "
            "next_poll_at, failures) VALUES (:name, :kind, :tags, :side, :family, 1, 'new', :now, 0, 0, 0) "
            "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, tags = excluded.tags, side = excluded.side, "
            "family = excluded.family, enabled = 1",
            [
                {
                    "name": source.name,
                    "kind": source.kind,
                    "tags": json.dumps(source.tags, ensure_ascii=False),
                    "side": source.side,
                    "family": source.family,
                    "now": now,
                }
                for source in declared
            ],
        )


def list_sources(reader: Reader) -> list[SourceRow]:
    """Every source that the config has, by name."""
    rows = reader.rows(f"SELECT {_COLUMNS} FROM sources WHERE enabled = 1 ORDER BY name")
    return [_row(row) for row in rows]


def find_source(reader: Reader, name: str) -> SourceRow | None:
    """One source, in the config or not any more; None if the archive never heard of it."""
    rows = reader.rows(f"SELECT {_COLUMNS} FROM sources WHERE name = :name", {"name": name})
    return _row(rows[0]) if rows else None


def find_due(reader: Reader, kind: str | None, now: int, resting: Sequence[tuple[int, int]] = ()) -> list[SourceRow]:
    """What may be polled now, the longest due first: not paused, not stopped, not rate-limited.

    `resting` are sources that are due by what is written, and not in truth: ids, and when they are due as written.
    """
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM sources WHERE enabled = 1 AND paused = 0 AND next_poll_at <= :now "
        "AND (hold_until IS NULL OR hold_until <= :now) AND (:kind IS NULL OR kind = :kind) "
        f"AND NOT (id || ' ' || next_poll_at) {in_list('resting')} ORDER BY next_poll_at, name",
        {"now": now, "kind": kind, "resting": as_list(f"{source} {due}" for source, due in resting)},
    )
    return [_row(row) for row in rows]


def pause(writer: Writer, name: str) -> bool:
    """Stop polling this source until `resume`; False if there is none of this name."""
    return writer.execute("UPDATE sources SET paused = 1 WHERE name = :name", {"name": name}).rowcount == 1


def resume(writer: Writer, name: str, now: int) -> bool:
    """Poll it from now on, even if it had stopped for good; a wait that the other side set still counts."""
    done = writer.execute(
        "UPDATE sources SET paused = 0, next_poll_at = :now, failures = 0 WHERE name = :name",
        {"name": name, "now": now},
    )
    return done.rowcount == 1


def poll_stopped_now(writer: Writer, changed_at: int, now: int) -> None:
    """Poll every source again that failed or had stopped before the config was changed: that may have mended it."""
    writer.execute(
        "UPDATE sources SET next_poll_at = :now WHERE enabled = 1 AND (next_poll_at >= :never OR failure IS NOT NULL) "
        "AND state_since < :changed_at",
        {"now": now, "never": NEVER, "changed_at": changed_at},
    )


def poll_all_now(writer: Writer, now: int) -> None:
    """Make everything due that is not stopped: after a jump of the clock nothing that was planned can be trusted."""
    writer.execute("UPDATE sources SET next_poll_at = :now WHERE next_poll_at < :never", {"now": now, "never": NEVER})


def settle(
    writer: Writer,
    source_id: int,
    *,
    outcome: str,
    detail: str | None,
    now: int,
    next_poll_at: int,
    hold_until: int | None,
    failures: int,
    posts: int,
    cursor: str | None = None,
    news: bool | None = None,
) -> str:
    """Write down how a round ended; the sentence about a change, empty if the state is what it was.

    First contact makes no notice; any other change makes one. `news` True: the state is said though it is what it was;
    False: its change is not said.
    `outcome` is OK or the state that a failure named; `cursor` is what a failure leaves, None if nothing.
    Equal outcomes in a row make one longer stretch in `runs`.
    """
    [row] = writer.rows("SELECT name, state, state_since FROM sources WHERE id = :id", {"id": source_id})
    name, before, since = row["name"], current_name(row["state"]), row["state_since"]
    changed = before != outcome
    writer.execute(
        "UPDATE sources SET state = :outcome, reason = :detail, next_poll_at = :next_poll_at, "
        "hold_until = :hold_until, failures = :failures, cursor = coalesce(:cursor, cursor), "
        "state_since = CASE WHEN :changed THEN :now ELSE state_since END, "
        "last_ok_at = CASE WHEN :outcome = 'ok' THEN :now ELSE last_ok_at END WHERE id = :id",
        {
            "id": source_id,
            "outcome": outcome,
            "detail": detail,
            "next_poll_at": next_poll_at,
            "hold_until": hold_until,
            "failures": failures,
            "cursor": cursor,
            "changed": int(changed),
            "now": now,
        },
    )
    _stretch(writer, source_id, outcome, detail, now, posts, next_poll_at - now)
    if changed:
        identity.note_state(writer, source_id, before, outcome, detail, now)
    if not (changed if news is None else news):
        return ""
    if (before, outcome) == (NEW, OK):
        return f"source {name} is reached"
    sentence = _sentence(name, f"{_span(now - since)} ({before})", outcome, detail)
    notices.add(writer, now, f"source {name}", sentence, ends=outcome == OK)
    return sentence


def advance(writer: Writer, source_id: int, batch: Batch, change: LedgerChange, now: int) -> None:
    """Move the source's cursor, marks and names; a reply that brings nothing new writes nothing."""
    [row] = writer.rows(
        "SELECT name, cursor, high_water, channel_id, handle, title, picture, moved_to, last_post_at, "
        "first_contact_at, first_contact_seq "
        "FROM sources WHERE id = :id",
        {"id": source_id},
    )
    before = dict(row)
    name = before.pop("name")
    for sentence in batch.notices:
        notices.add(writer, now, f"source {name}", storable(f"source {name}: {sentence}"))
    times = (int64_or_none(post.posted_at) for post in batch.posts)
    newest = max((at for at in times if at is not None and at <= now), default=None)
    begins = change.first_contact and before["first_contact_at"] is None
    after = {
        "cursor": before["cursor"] if batch.cursor is None else storable(batch.cursor),
        "high_water": _later(before["high_water"], int64_or_none(change.high_water)),
        "channel_id": before["channel_id"] or storable_or_none(batch.channel_id),
        "handle": storable_or_none(batch.handle) or before["handle"],
        "title": storable_or_none(batch.title) or before["title"],
        "picture": storable_or_none(batch.picture) or before["picture"],
        "moved_to": storable_or_none(batch.moved_to) or before["moved_to"],
        "last_post_at": _later(before["last_post_at"], newest),
        "first_contact_at": now if begins else before["first_contact_at"],
        "first_contact_seq": take_number(writer) if begins else before["first_contact_seq"],
    }
    if after != before:
        identity.note_reply(writer, source_id, before, batch, now)
        writer.execute(
            "UPDATE sources SET cursor = :cursor, high_water = :high_water, channel_id = :channel_id, "
            "handle = :handle, title = :title, picture = :picture, moved_to = :moved_to, last_post_at = :last_post_at, "
            "first_contact_at = :first_contact_at, first_contact_seq = :first_contact_seq WHERE id = :id",
            {**after, "id": source_id},
        )


def _later(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _stretch(
    writer: Writer, source_id: int, outcome: str, detail: str | None, now: int, posts: int, pause: int
) -> None:
    """Extend the last stretch; begin one at another outcome, or where nobody looked for much longer than `pause`."""
    last = writer.one(
        "SELECT id, outcome, ended_at FROM runs WHERE source_id = :id ORDER BY id DESC LIMIT 1",
        {"id": source_id},
    )
    values = {"source": source_id, "outcome": outcome, "detail": detail, "now": now, "posts": posts}
    watched = last is not None and -_CORRECTED <= now - last["ended_at"] <= pause + UNWATCHED
    if last is not None and watched and current_name(last["outcome"]) == outcome:
        writer.execute(
            "UPDATE runs SET longest_pause = max(longest_pause, :now - ended_at), ended_at = :now, "
            "rounds = rounds + 1, posts = posts + :posts, detail = :detail "
            "WHERE id = :run",
            {"run": last["id"], "now": now, "posts": posts, "detail": detail},
        )
        return
    writer.execute(
        "INSERT INTO runs (source_id, started_at, ended_at, outcome, detail, rounds, posts, longest_pause) "
        "VALUES (:source, :now, :now, :outcome, :detail, 1, :posts, 0)",
        values,
    )


def _sentence(name: str, before: str, outcome: str, detail: str | None) -> str:
    if outcome == OK:
        return f"source {name} recovered after {before}"
    return f"source {name}: {outcome} ({detail})" if detail else f"source {name}: {outcome}"


def _span(microseconds: int) -> str:
    seconds = max(microseconds // 1_000_000, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _row(row: Row) -> SourceRow:
    tags, paused = tuple(json.loads(row["tags"])), bool(row["paused"])
    return SourceRow(**{**dict(row), "tags": tags, "state": current_name(row["state"]), "paused": paused})
