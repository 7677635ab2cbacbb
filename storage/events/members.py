"""Which posts belong to which event: read and written while posts are placed, one revision after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from storage.archive.database import as_list, in_list
from storage.posts.ids import text_id

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

Reason = Literal["first", "forward", "origin", "words", "person"]
AFTER_NEWEST = 24 * 3_600_000_000  # microseconds: a copy that comes later than this after the last is a new event
AT_MOST = 7 * AFTER_NEWEST
_DONE = "events_placed"  # in `meta`: the last revision that was placed
_NEIGHBOURS = 100  # texts with one fingerprint that are looked at, the newest first: stock phrases are in thousands
_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Arrived:
    """One revision of a post, as it is placed; `side` is that of its source."""

    revision_id: int
    post_id: int
    number: int
    text: str
    source_id: int
    handle: str
    native_id: str
    forward: tuple[str, str] | None  # channel and number of the message that it forwards
    collected_at: int
    seq: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """Words of a first statement that share fingerprints with those of a post."""

    text_id: int
    event_id: int
    tokens: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a post belongs, and why. `added` are a quote's own words."""

    post_id: int
    event_id: int
    reason: str
    measure: float | None
    added: str | None = None


def next_arrived(reader: Reader, limit: int) -> list[Arrived]:
    """The revisions that were stored after the last one that was placed, in the order in which they were stored."""
    rows = reader.rows(
        "SELECT r.id, r.post_id, r.number, r.title, r.text, p.source_id, coalesce(s.handle, s.name) AS handle,"
        " p.native_id, p.forward, r.collected_at, p.seq FROM revisions r JOIN posts p ON p.id = r.post_id"
        " JOIN sources s ON s.id = p.source_id WHERE r.id >"
        " coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = :done), 0) ORDER BY r.id LIMIT :limit",
        {"done": _DONE, "limit": limit},
    )
    return [_arrived(row) for row in rows]


def _arrived(row: Row) -> Arrived:
    title, text = row["title"], row["text"]
    forward = json.loads(row["forward"]) if row["forward"] else {}
    origin = (forward["source"], forward["post"]) if forward.get("source") and forward.get("post") else None
    return Arrived(
        row["id"],
        row["post_id"],
        row["number"],
        f"{title}\n\n{text}" if title and text else title or text,
        row["source_id"],
        row["handle"],
        row["native_id"],
        origin,
        row["collected_at"],
        row["seq"],
    )


def mark_placed(writer: Writer, revision_id: int) -> None:
    """Remember that everything up to this revision is placed."""
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _DONE, "value": str(revision_id)},
    )


def read_earlier_texts(reader: Reader, arrived: Arrived, count: int) -> list[str]:
    """What the source's last posts before this one said at first, newest first."""
    rows = reader.rows(
        "SELECT r.title, r.text FROM posts p JOIN revisions r ON r.post_id = p.id AND r.number = 0"
        " WHERE p.source_id = :source AND p.id < :post AND p.seq < :seq AND r.text <> ''"
        " ORDER BY p.id DESC LIMIT :count",
        {"source": arrived.source_id, "post": arrived.post_id, "seq": arrived.seq, "count": count},
    )
    return [row["text"] for row in rows]


def find_event(reader: Reader, post_id: int) -> int | None:
    """The event of a post; None if it is not placed."""
    found = reader.value("SELECT event_id FROM event_posts WHERE post_id = :id", {"id": post_id})
    return None if found is None else int(found)


def is_own_voice(reader: Reader, post_id: int) -> bool:
    """Whether the source speaks in this post: not where it forwards, nor where its words were forwarded before."""
    return bool(
        reader.value(
            "SELECT p.forward IS NULL AND b.reason <> 'origin' FROM posts p JOIN event_posts b ON b.post_id = p.id"
            " WHERE p.id = :id",
            {"id": post_id},
        )
    )


def find_by_origin(reader: Reader, origin: str, at: int) -> int | None:
    """The event of the message that `origin` names, if a copy may still join it at this time."""
    found = reader.value(
        f"SELECT e.id FROM event_origins o JOIN events e ON e.id = o.event_id WHERE o.origin = :origin AND {_OPEN}",
        {"origin": origin, **_window(at)},
    )
    return None if found is None else int(found)


_OPEN = "e.newest_at >= :newest AND e.opened_at >= :oldest"


def _window(at: int) -> dict[str, int]:
    return {"newest": at - AFTER_NEWEST, "oldest": at - AT_MOST}


def find_equal(reader: Reader, tokens: Sequence[str], at: int, within: int) -> Candidate | None:
    """A first statement of exactly these words, the oldest; its words are at most `within` microseconds old."""
    rows = reader.rows(
        "SELECT w.text_id, w.event_id, w.tokens, w.at FROM event_words w JOIN events e ON e.id = w.event_id"
        f" WHERE w.digest = :digest AND w.at >= :since AND {_OPEN} ORDER BY w.at, w.text_id LIMIT 1",
        {"digest": _digest(tokens), "since": at - within, **_window(at)},
    )
    return next((_candidate(row) for row in rows), None)


def find_candidates(reader: Reader, prints: Iterable[int], at: int) -> list[Candidate]:
    """The first statements that share the most fingerprints, a quarter of the smaller text's at least."""
    own = list(prints)
    rare = reader.column(
        "SELECT j.value FROM json_each(:prints) j WHERE (SELECT count(*) FROM"
        " (SELECT 1 FROM event_prints p WHERE p.fingerprint = j.value LIMIT :most)) < :most",
        {"prints": as_list(own), "most": _NEIGHBOURS},
    )
    rows = reader.rows(
        "SELECT w.text_id, w.event_id, w.tokens, w.at FROM"
        " (SELECT p.text_id, count(*) AS shared FROM json_each(:prints) j"
        " CROSS JOIN event_prints p ON p.fingerprint = j.value GROUP BY p.text_id) f"
        " JOIN event_words w ON w.text_id = f.text_id JOIN events e ON e.id = w.event_id"
        f" WHERE f.shared * 4 >= min(w.prints, :own) AND {_OPEN} ORDER BY f.shared DESC, w.text_id LIMIT :best",
        {"prints": as_list(rare or own[:1]), "own": len(rare) or 1, "best": _CANDIDATES, **_window(at)},
    )
    return [_candidate(row) for row in rows]


def _candidate(row: Row) -> Candidate:
    return Candidate(row["text_id"], row["event_id"], tuple(row["tokens"].split(" ")), row["at"])


def _digest(tokens: Sequence[str]) -> str:
    return sha256(" ".join(tokens).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def open_event(writer: Writer, arrived: Arrived, quotes: Membership | None = None) -> None:
    """Let a post be the first of an event; `quotes` says which event it repeats."""
    writer.execute(
        "INSERT INTO events (id, opened_at, newest_at, quotes) VALUES (:id, :at, :at, :quotes)"
        " ON CONFLICT (id) DO UPDATE SET leads_to = NULL",
        {"id": arrived.post_id, "at": arrived.collected_at, "quotes": quotes.event_id if quotes else None},
    )
    measure, added = (quotes.measure, quotes.added) if quotes else (None, None)
    _belong(writer, Membership(arrived.post_id, arrived.post_id, "first", measure, added), arrived.collected_at)


def join_event(writer: Writer, arrived: Arrived, place: Membership) -> None:
    """Let a post be one more member of an event."""
    _belong(writer, place, arrived.collected_at)
    writer.execute(
        "UPDATE events SET newest_at = max(newest_at, :at),"
        " origin = CASE WHEN :origin THEN :post ELSE origin END WHERE id = :id",
        {
            "at": arrived.collected_at,
            "id": place.event_id,
            "origin": int(place.reason == "origin"),
            "post": arrived.post_id,
        },
    )


def _belong(writer: Writer, place: Membership, at: int) -> None:
    writer.execute(
        "INSERT INTO event_posts (post_id, event_id, reason, measure, at, added)"
        " VALUES (:post, :event, :reason, :measure, :at, :added) ON CONFLICT (post_id) DO UPDATE SET"
        " event_id = excluded.event_id, reason = excluded.reason, measure = excluded.measure, added = excluded.added",
        {
            "post": place.post_id,
            "event": place.event_id,
            "reason": place.reason,
            "measure": place.measure,
            "at": at,
            "added": place.added,
        },
    )


def merge_events(writer: Writer, one: int, other: int) -> int:
    """Two events are one: the younger leads to the older, whose id is given back."""
    rows = writer.rows(
        f"SELECT id, newest_at, origin FROM events WHERE id {in_list('ids')} ORDER BY opened_at, id",
        {"ids": as_list((one, other))},
    )
    if len(rows) < 2:
        return one
    older, younger = rows
    values = {"older": older["id"], "younger": younger["id"], "at": younger["newest_at"], "origin": younger["origin"]}
    for statement in (
        "UPDATE event_posts SET event_id = :older WHERE event_id = :younger",
        "UPDATE event_origins SET event_id = :older WHERE event_id = :younger",
        "UPDATE event_words SET event_id = :older WHERE event_id = :younger",
        "UPDATE events SET newest_at = max(newest_at, :at), origin = coalesce(origin, :origin) WHERE id = :older",
        "UPDATE events SET quotes = :older WHERE quotes = :younger",
        "UPDATE events SET leads_to = :older WHERE id = :younger OR leads_to = :younger",
    ):
        writer.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
    return int(older["id"])


def note_origin(writer: Writer, origin: str, event_id: int) -> None:
    """Let forwards of this message find the event."""
    writer.execute(
        "INSERT INTO event_origins (origin, event_id) VALUES (:origin, :event)"
        " ON CONFLICT (origin) DO UPDATE SET event_id = excluded.event_id",
        {"origin": origin, "event": event_id},
    )


def keep_words(writer: Writer, arrived: Arrived, event_id: int, tokens: Sequence[str], prints: Iterable[int]) -> None:
    """Let copies of these words find the event."""
    found = list(prints)
    number = text_id(arrived.post_id, min(arrived.number, (1 << 14) - 1))
    writer.execute(
        "INSERT INTO event_words (text_id, event_id, tokens, digest, prints, at)"
        " VALUES (:text, :event, :tokens, :digest, :prints, :at) ON CONFLICT (text_id) DO NOTHING",
        {
            "text": number,
            "event": event_id,
            "tokens": " ".join(tokens),
            "digest": _digest(tokens),
            "prints": len(found),
            "at": arrived.collected_at,
        },
    )
    writer.execute_many(
        "INSERT INTO event_prints (fingerprint, text_id) VALUES (:print, :text) ON CONFLICT DO NOTHING",
        [{"print": value, "text": number} for value in found],
    )


def forget_words(writer: Writer, at: int) -> None:
    """Drop the words of events that nothing can join any more at this time."""
    closed = (
        "SELECT text_id FROM event_words WHERE event_id IN"
        " (SELECT id FROM events WHERE newest_at < :newest OR opened_at < :oldest)"
    )
    writer.execute(f"DELETE FROM event_prints WHERE text_id IN ({closed})", _window(at))
    writer.execute(f"DELETE FROM event_words WHERE text_id IN ({closed})", _window(at))


def part(writer: Writer, post_id: int) -> None:
    """Make a copy an event of its own."""
    values = {"post": post_id}
    writer.execute(
        "INSERT INTO events (id, opened_at, newest_at)"
        " SELECT id, collected_at, collected_at FROM posts WHERE id = :post"
        " ON CONFLICT (id) DO UPDATE SET leads_to = NULL",
        values,
    )
    writer.execute("UPDATE events SET origin = NULL WHERE origin = :post", values)
    writer.execute(
        "UPDATE event_posts SET event_id = :post, reason = 'first', measure = NULL WHERE post_id = :post", values
    )


def read_corrections(reader: Reader) -> dict[int, tuple[str, int | None]]:
    """What people said of posts: the last word of each, ("split", None) or ("join", the other event)."""
    rows = reader.rows("SELECT post_id, kind, other FROM event_corrections ORDER BY id")
    return {row["post_id"]: (row["kind"], row["other"]) for row in rows}


def correct(writer: Writer, kind: str, post_id: int, other: int | None, by: str | None, now: int) -> None:
    """Remember what a person said, for this archive and for every rebuild."""
    writer.execute(
        "INSERT INTO event_corrections (at, kind, post_id, other, who) VALUES (:at, :kind, :post, :other, :by)",
        {"at": now, "kind": kind, "post": post_id, "other": other, "by": by},
    )


def forget_events(writer: Writer) -> None:
    """Begin from nothing: all but the corrections follows from the archive."""
    for table in ("event_prints", "event_words", "event_origins", "event_posts", "events"):
        writer.execute(f"DELETE FROM {table}")
    mark_placed(writer, 0)
