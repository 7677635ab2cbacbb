"""Events as what links connect: two that turn out to be one, and one that falls apart when a reason no longer holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.events.growing import note_changes
from storage.posts.ids import TEXT_BITS

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer
    from storage.events.members import Membership


def add_link(writer: Writer, place: Membership) -> None:
    """Remember why a post belongs to the event of another."""
    writer.execute(
        "INSERT INTO event_links (post_id, other, reason, measure, file)"
        " VALUES (:post, :other, :reason, :measure, :file) ON CONFLICT DO NOTHING",
        {
            "post": place.post_id,
            "other": place.other,
            "reason": place.reason,
            "measure": place.measure,
            "file": place.file,
        },
    )


def merge_events(writer: Writer, one: int, other: int, reason: str, measure: float | None = None) -> int:
    """Two events are one, and why: the younger leads to the older, whose id is given back."""
    if one == other:
        return one
    older, younger = find_older(writer, one, other)
    row = writer.one("SELECT newest_at, origin FROM events WHERE id = :id", {"id": younger})
    if row is None:
        return older
    values = {
        "older": older,
        "younger": younger,
        "at": row["newest_at"],
        "origin": row["origin"],
        "reason": reason,
        "measure": measure,
    }
    for statement in (
        "UPDATE event_posts SET reason = :reason, measure = :measure WHERE post_id = :younger AND reason = 'first'",
        "UPDATE event_posts SET event_id = :older WHERE event_id = :younger",
        "UPDATE event_origins SET event_id = :older WHERE event_id = :younger",
        "UPDATE event_words SET event_id = :older WHERE event_id = :younger",
        "UPDATE events SET newest_at = max(newest_at, :at), origin = coalesce(origin, :origin) WHERE id = :older",
        "UPDATE events SET quotes = nullif(:older, id) WHERE quotes = :younger",
        "UPDATE events SET leads_to = :older WHERE id = :younger OR leads_to = :younger",
    ):
        writer.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
    note_changes(writer, [older])
    return older


def find_older(reader: Reader, one: int, other: int) -> tuple[int, int]:
    """Two events, first the one whose first post was archived before."""
    rows = reader.column(
        f"SELECT post_id FROM revisions WHERE number = 0 AND post_id {in_list('ids')} ORDER BY id",
        {"ids": as_list((one, other))},
    )
    return rows[0], rows[-1]


def is_apart(reader: Reader, event_id: int) -> bool:
    """Whether a person said that its first statement is no copy: nothing but a person joins it to another event."""
    return bool(reader.value("SELECT apart FROM event_posts WHERE post_id = :id", {"id": event_id}))


def part(writer: Writer, post_id: int) -> list[int]:
    """Make a post a statement of its own; the first posts of the events that came of it."""
    event = writer.value("SELECT event_id FROM event_posts WHERE post_id = :post", {"post": post_id})
    writer.execute("DELETE FROM event_links WHERE post_id = :post OR other = :post", {"post": post_id})
    writer.execute("UPDATE event_posts SET apart = 1 WHERE post_id = :post", {"post": post_id})
    return [] if event is None else _regroup(writer, event)


def unite(writer: Writer, place: Membership) -> None:
    """Join two events because a person said so."""
    writer.execute(
        "UPDATE event_posts SET apart = 0 WHERE post_id IN (:post, :other)",
        {"post": place.post_id, "other": place.other},
    )
    add_link(writer, place)


def drop_file(writer: Writer, sha256: str) -> list[int]:
    """Take back what this file joined, by its bytes or looks; the first posts of the events that came of it."""
    shown = "(SELECT post_id FROM event_files WHERE sha256 = :file)"
    wrong = writer.rows(
        "SELECT post_id, other, reason, file FROM event_links WHERE file = :file AND file <> ''"
        f" UNION SELECT post_id, other, reason, file FROM event_links WHERE post_id IN {shown} AND reason = 'picture'"
        f" UNION SELECT post_id, other, reason, file FROM event_links WHERE other IN {shown} AND reason = 'picture'",
        {"file": sha256},
    )
    writer.execute_many(
        "DELETE FROM event_links WHERE post_id = :post_id AND other = :other AND reason = :reason AND file = :file",
        [dict(row) for row in wrong],
    )
    events = writer.column(
        f"SELECT DISTINCT event_id FROM event_posts WHERE post_id {in_list('posts')} ORDER BY event_id",
        {"posts": as_list(row["post_id"] for row in wrong)},
    )
    return [post for event in events for post in _regroup(writer, event)]


def _regroup(writer: Writer, event_id: int) -> list[int]:
    """Let the posts of an event be as many events as their links leave; the first posts of the new ones."""
    rows = writer.rows(
        "SELECT b.post_id, b.at FROM event_posts b JOIN revisions r ON r.post_id = b.post_id AND r.number = 0"
        " WHERE b.event_id = :event ORDER BY r.id",
        {"event": event_id},
    )
    links = writer.rows(
        "SELECT l.post_id, l.other, l.reason, l.measure FROM event_links l JOIN event_posts b ON b.post_id = l.post_id"
        " WHERE b.event_id = :event ORDER BY l.post_id, l.reason = 'words', l.other",
        {"event": event_id},
    )
    times = {row["post_id"]: row["at"] for row in rows}
    groups = _connect(times, ((row["post_id"], row["other"]) for row in links))
    why = {row["post_id"]: (row["reason"], row["measure"]) for row in reversed(links)}
    for posts in groups:
        first = event_id if event_id in posts else posts[0]
        if first != event_id:
            _move(writer, posts, event_id, first, max(times[post] for post in posts))
        for post in posts:
            reason, measure = ("first", None) if post == first else why.get(post, (None, None))
            if reason is not None:
                writer.execute(
                    "UPDATE event_posts SET reason = :reason, measure = :measure WHERE post_id = :post",
                    {"reason": reason, "measure": measure, "post": post},
                )
    return [posts[0] for posts in groups if event_id not in posts]


def _connect(posts: Mapping[int, int], links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The posts in groups, each in the given order."""
    beside: dict[int, list[int]] = defaultdict(list)
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    group: dict[int, int] = {}
    for post in posts:
        waiting = [post] if post not in group else []
        while waiting:
            here = waiting.pop()
            if here in posts and here not in group:
                group[here] = post
                waiting += beside[here]
    found: dict[int, list[int]] = defaultdict(list)
    for post in posts:
        found[group[post]].append(post)
    return list(found.values())


def _move(writer: Writer, posts: list[int], event_id: int, first: int, newest_at: int) -> None:
    """Make an event of its own of these posts, and take along the words and origins by which copies find them."""
    note_changes(writer, posts)
    values = {"first": first, "event": event_id, "newest": newest_at, "posts": as_list(posts)}
    among = in_list("posts")
    statements = (
        f"UPDATE event_posts SET event_id = :first WHERE post_id {among}",
        f"UPDATE event_origins SET event_id = :first WHERE event_id = :event AND post_id {among}",
        f"UPDATE event_words SET event_id = :first WHERE event_id = :event AND text_id >> {TEXT_BITS} {among}",
        (
            f"UPDATE events SET origin = (SELECT e.origin FROM events e WHERE e.id = :event AND e.origin {among})"
            " WHERE id = :first"
        ),
        f"UPDATE events SET origin = NULL WHERE id = :event AND origin {among}",
    )
    writer.execute(
        "INSERT INTO events (id, opened_at, newest_at) SELECT id, collected_at, :newest FROM posts WHERE id = :first"
        " ON CONFLICT (id) DO UPDATE SET leads_to = NULL, newest_at = :newest",
        {"first": first, "newest": newest_at},
    )
    for statement in statements:
        writer.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
