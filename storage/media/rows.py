"""The files of posts: what a source says of them, and whether we have the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from storage.archive.columns import int64_or_none, storable, storable_or_none
from storage.archive.database import as_list, in_list
from storage.media import following
from storage.records import DueMedia, FetchedMedia

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer
    from storage.media.shelf import Kept
    from storage.media.stored import State

_DUE = (
    "m.id, m.post_id, s.name AS source, m.kind, coalesce(m.url, '') AS url, m.mime, m.bytes, m.duration_s, m.failures, "
    "p.alerts"
)
_WAITING = "media.state IN ('pending', 'not downloadable')"
_TRIES = 20  # a new address of a file that is gone is tried, but not for ever
_FRESH = 60_000_000  # microseconds after which a new address is tried, however long we meant to wait


def save_files(
    writer: Writer, shown: Iterable[tuple[int, int, tuple[FetchedMedia, ...]]]
) -> dict[tuple[int, str], int]:
    """Store the files that revisions show: (post id, revision, files); the id of each by post and key.

    A new file with an address is due at once. A file that is known gets its newest address. One without an address, or
    that its source gives a reason for, is "not downloadable", with the reason.
    """
    shown = list(shown)
    rows = [_row(post_id, revision, media) for post_id, revision, files in shown for media in files]
    if not rows:
        return {}
    writer.execute_many(
        "INSERT INTO media (post_id, key, kind, url, mime, name, bytes, duration_s, revision, state, reason, "
        "next_try_at) VALUES (:post_id, :key, :kind, :url, :mime, :name, :bytes, :duration_s, :revision, :state, "
        ":reason, CASE WHEN :state = 'pending' THEN 0 END) "
        "ON CONFLICT (post_id, key) DO UPDATE SET url = excluded.url, name = excluded.name, "
        "revision = excluded.revision, "
        f"state = CASE WHEN {_WAITING} THEN excluded.state ELSE media.state END, "
        f"reason = CASE WHEN {_WAITING} THEN excluded.reason ELSE media.reason END, "
        f"next_try_at = CASE WHEN {_WAITING} THEN coalesce(media.next_try_at, excluded.next_try_at) END",
        rows,
    )
    posts = as_list(post_id for post_id, _, files in shown if files)
    found = writer.rows(f"SELECT id, post_id, key FROM media WHERE post_id {in_list('posts')}", {"posts": posts})
    return {(row["post_id"], row["key"]): row["id"] for row in found}


def add_files(writer: Writer, post_id: int, revision: int, files: Sequence[FetchedMedia]) -> dict[tuple[int, str], int]:
    """Store those files that only a better reader sees, and better names of the others; the id of each by post, key.

    Addresses of known files stay: those in old bytes are older.
    """
    writer.execute_many(
        "INSERT INTO media (post_id, key, kind, url, mime, name, bytes, duration_s, revision, state, reason, "
        "next_try_at, reread) VALUES (:post_id, :key, :kind, :url, :mime, :name, :bytes, :duration_s, :revision, "
        ":state, :reason, CASE WHEN :state = 'pending' THEN 0 END, 1) "
        "ON CONFLICT (post_id, key) DO UPDATE SET name = excluded.name WHERE name IS NOT excluded.name",
        [_row(post_id, revision, media) for media in files],
    )
    found = writer.rows("SELECT id, key FROM media WHERE post_id = :post", {"post": post_id}) if files else []
    return {(post_id, row["key"]): row["id"] for row in found}


def refresh_addresses(writer: Writer, shown: Iterable[tuple[int, tuple[FetchedMedia, ...]]], now: int) -> None:
    """Take up the new addresses of files that we do not have yet: (post id, files). Costs one question, mostly.

    Addresses carry tokens and die within days, so the newest is the one to ask; a file that was gone is tried again.
    So is one that its source had a reason not to give and has none now; another reason takes the place of the old one.
    """
    found = {(post_id, storable(file.key)): file for post_id, files in shown for file in files if file.url}
    if not found:
        return
    waiting = writer.rows(
        f"SELECT id, post_id, key, url, state, reason FROM media WHERE post_id {in_list('posts')} "
        "AND state IN ('pending', 'gone', 'not downloadable') AND failures < :tries",
        {"posts": as_list(sorted({post_id for post_id, _ in found})), "tries": _TRIES},
    )
    fresh, reasons = [], []
    for row in waiting:
        file, withheld = found.get((row["post_id"], row["key"])), row["state"] == "not downloadable"
        if file is not None and not file.reason and (storable_or_none(file.url) != row["url"] or withheld):
            fresh.append({"id": row["id"], "url": storable_or_none(file.url), "at": now + _FRESH})
        elif file is not None and file.reason and withheld and storable(file.reason) != row["reason"]:
            reasons.append({"id": row["id"], "reason": storable(file.reason)})
    if fresh:
        writer.execute_many(
            "UPDATE media SET url = :url, state = 'pending', reason = CASE state WHEN 'pending' THEN reason END, "
            "next_try_at = min(coalesce(next_try_at, :at), :at) WHERE id = :id",
            fresh,
        )
    if reasons:
        writer.execute_many("UPDATE media SET reason = :reason WHERE id = :id", reasons)


# Fetching -----------------------------------------------------------------------------------------------------------


def find_due(
    reader: Reader, now: int, *, sources: Iterable[str], without: Iterable[int] = (), slow: bool = True, limit: int
) -> list[DueMedia]:
    """Files of these sources whose bytes are to be fetched now: what can be heard first, then the newest posts.

    Unless `slow` no films and documents, which may be large.
    """
    rows = reader.rows(
        f"SELECT {_DUE} FROM media m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id "
        "WHERE m.state = 'pending' AND m.next_try_at <= :now AND m.url IS NOT NULL "
        f"AND s.name {in_list('sources')} "
        f"AND m.id NOT {in_list('without')} "
        "AND (:slow OR m.kind NOT IN ('video', 'document')) "
        "ORDER BY p.alerts DESC, m.kind NOT IN ('voice', 'audio', 'round'), m.post_id DESC, m.id LIMIT :limit + 0",
        {
            "now": now,
            "sources": as_list(sources),
            "without": as_list(without),
            "slow": slow,
            "limit": limit,
        },
    )
    return [_due(row) for row in rows]


def find_next_due(reader: Reader, *, sources: Iterable[str], without: Iterable[int] = ()) -> int | None:
    """When the next file of these sources is to be fetched, microseconds UTC; None if none waits."""
    at: int | None = reader.value(
        "SELECT min(m.next_try_at) FROM media m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id "
        f"WHERE m.state = 'pending' AND m.url IS NOT NULL AND s.name {in_list('sources')} "
        f"AND m.id NOT {in_list('without')}",
        {"sources": as_list(sources), "without": as_list(without)},
    )
    return at


def find_file(reader: Reader, media_id: int) -> DueMedia | None:
    """The same of one file, whatever its state; None if there is no such row."""
    row = reader.one(
        f"SELECT {_DUE} FROM media m JOIN posts p ON p.id = m.post_id "
        "JOIN sources s ON s.id = p.source_id WHERE m.id = :id",
        {"id": media_id},
    )
    return None if row is None else _due(row)


def _due(row: Row | dict[str, Any]) -> DueMedia:
    return DueMedia(**{**dict(row), "alerts": bool(row["alerts"])})


def mark_stored(writer: Writer, media_id: int, kept: Kept, now: int, *, picture: str | None = None) -> bool:
    """Write down that the bytes are there; False if that is known already. A decision that waits for them is due.

    `picture` is what they look like: see bot.events.pictures.
    """
    return _settled(
        writer,
        "UPDATE media SET state = 'stored', reason = NULL, sha256 = :sha256, path = :path, sniffed = :sniffed, "
        "size = :size, stored_at = :now, picture = :picture, next_try_at = NULL "
        "WHERE id = :id AND state <> 'stored' RETURNING post_id",
        {
            "id": media_id,
            "sha256": kept.sha256,
            "path": kept.path,
            "sniffed": kept.sniffed,
            "size": kept.size,
            "picture": picture,
            "now": now,
        },
    )


def mark_given_up(writer: Writer, media_id: int, state: State, reason: str, now: int) -> None:
    """The bytes will not come, and why. A new address may still bring back what is "gone"."""
    _settled(
        writer,
        "UPDATE media SET state = :state, reason = :reason, next_try_at = NULL, failures = failures + 1 "
        "WHERE id = :id AND state = 'pending' RETURNING post_id",
        {"id": media_id, "state": state, "reason": storable(reason), "now": now},
    )


def schedule_retry(writer: Writer, media_ids: Sequence[int], reason: str, at: int, now: int, *, failed: bool) -> None:
    """Try later; `failed` counts it as a try that failed. A decision waits no longer for what failed."""
    for media_id in media_ids:
        _settled(
            writer,
            "UPDATE media SET reason = :reason, next_try_at = :at, failures = failures + :failed "
            "WHERE id = :id AND state = 'pending' RETURNING post_id",
            {"id": media_id, "reason": storable(reason), "at": at, "failed": int(failed), "now": now},
        )


def _settled(writer: Writer, statement: str, values: Mapping[str, object]) -> bool:
    post_id = writer.value(statement, values)
    if post_id is None:
        return False
    following.note_settled(writer, post_id, int(str(values["now"])))
    writer.execute(
        "UPDATE jobs SET due_at = :now WHERE kind = 'decide' AND post_id = :post AND due_at > :now",
        {"post": post_id, "now": values["now"]},
    )
    return True


def set_reason(
    writer: Writer, reason: str, now: int, *, source: str | None = None, media_id: int | None = None
) -> None:
    """Say of the files that are waited for why they do not come; decisions wait for them no longer.

    Of all, of those of one source, or of one file, which may have had another reason.
    """
    posts = writer.column(
        "UPDATE media SET reason = :reason WHERE state = 'pending' AND "
        "(id = :id AND reason IS NOT :reason OR :id IS NULL AND reason IS NULL "
        "AND (:source IS NULL OR post_id IN "
        "(SELECT p.id FROM posts p JOIN sources s ON s.id = p.source_id WHERE s.name = :source))) "
        "RETURNING post_id",
        {"reason": storable(reason), "source": source, "id": media_id},
    )
    writer.execute(
        f"UPDATE jobs SET due_at = :now WHERE kind = 'decide' AND due_at > :now AND post_id {in_list('posts')}",
        {"now": now, "posts": as_list(posts)},
    )


def find_refused(reader: Reader, first_post: int) -> list[tuple[DueMedia, str, str]]:
    """Files of posts from this id on that were refused or too big, each with its state and reason."""
    rows = reader.rows(
        f"SELECT m.state, coalesce(m.reason, '') AS reason, {_DUE} FROM media m JOIN posts p ON p.id = m.post_id "
        "JOIN sources s ON s.id = p.source_id WHERE m.post_id >= :first AND m.url IS NOT NULL "
        "AND +m.state IN ('refused', 'too big')",  # the plus: not by the state, which very many files may have
        {"first": first_post},
    )
    found = []
    for row in rows:
        values = dict(row)
        state, reason = values.pop("state"), values.pop("reason")
        found.append((_due(values), state, reason))
    return found


def retry_now(writer: Writer, media_ids: Iterable[int], now: int) -> None:
    """Make these files due as if they were new."""
    writer.execute(
        "UPDATE media SET state = 'pending', reason = NULL, failures = 0, next_try_at = :now "
        f"WHERE id {in_list('ids')} AND state <> 'stored'",
        {"ids": as_list(media_ids), "now": now},
    )


def retry_files(
    writer: Writer, states: Iterable[str], now: int, *, sources: Iterable[str] = (), since: int | None = None
) -> int:
    """Make files in these states due as if they were new, where there is an address to ask; how many."""
    named = list(sources)
    return writer.execute(
        "UPDATE media SET state = 'pending', reason = NULL, failures = 0, next_try_at = :now "
        f"WHERE state {in_list('states')} AND url IS NOT NULL AND post_id IN "
        "(SELECT p.id FROM posts p JOIN sources s ON s.id = p.source_id WHERE "
        f"(:anywhere OR s.name {in_list('sources')}) "
        "AND (:since IS NULL OR coalesce(p.posted_at, p.collected_at) >= :since))",
        {
            "now": now,
            "states": as_list(states),
            "anywhere": not named,
            "sources": as_list(named),
            "since": since,
        },
    ).rowcount


def find_awaited_kinds(writer: Writer, post_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """By post, the kinds of its files whose bytes were never asked for yet."""
    found: dict[int, frozenset[str]] = {}
    rows = writer.rows(
        "SELECT m.post_id, m.kind FROM media m JOIN posts p ON p.id = m.post_id AND p.revision = m.revision "
        f"WHERE m.post_id {in_list('ids')} AND m.state = 'pending' AND m.failures = 0 "
        "AND m.reason IS NULL",
        {"ids": as_list(post_ids)},
    )
    for row in rows:
        found[row["post_id"]] = found.get(row["post_id"], frozenset()) | {row["kind"]}
    return found


@dataclass(slots=True)
class Usage:
    """Bytes on disk: of all files, each content once, and of the files of each source by name."""

    total: int = 0
    by_source: dict[str, int] = field(default_factory=dict)


def measure_usage(reader: Reader) -> Usage:
    """What is stored. Reads every stored row: ask once and count on."""
    total = reader.value(
        "SELECT coalesce(sum(size), 0) FROM "
        "(SELECT max(size) AS size FROM media WHERE state = 'stored' GROUP BY sha256)"
    )
    rows = reader.rows(
        "SELECT s.name, sum(m.size) FROM media m JOIN posts p ON p.id = m.post_id "
        "JOIN sources s ON s.id = p.source_id WHERE m.state = 'stored' GROUP BY s.name"
    )
    return Usage(int(total), {row[0]: int(row[1]) for row in rows})


def _row(post_id: int, revision: int, media: FetchedMedia) -> dict[str, object]:
    duration = media.duration_s
    unwanted = media.reason or (None if media.url else "the source gives no address for it")
    return {
        "post_id": post_id,
        "key": storable(media.key),
        "kind": media.kind,
        "url": storable_or_none(media.url),
        "mime": storable_or_none(media.mime),
        "name": storable_or_none(media.name),
        "bytes": int64_or_none(media.bytes),
        "duration_s": float(duration) if duration is not None and isfinite(duration) else None,
        "revision": revision,
        "state": "not downloadable" if unwanted else "pending",
        "reason": storable(unwanted) if unwanted else None,
    }
