"""Which posts belong to which event: read and written while posts are placed, one step after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from storage.archive.database import as_list, in_list
from storage.events import steps
from storage.events.fingerprints import number_shingles
from storage.events.prints import forget_all_prints, forget_prints
from storage.frozen import dataclass
from storage.posts.ids import TEXT_BITS

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer
    from storage.events.steps import Arrived

AFTER_NEWEST = 24 * 3_600_000_000  # microseconds: a copy that comes later than this after the last is a new event
AT_MOST = 7 * AFTER_NEWEST
_REPEATS_AFTER = AFTER_NEWEST // 24  # microseconds
_FORGOTTEN = 200  # texts at once


@dataclass(frozen=True, slots=True)
class Candidate:
    """Words of a first statement that share fingerprints with those of a post."""

    text_id: int
    event_id: int
    tokens: tuple[str, ...]
    at: int

    @property
    def post_id(self) -> int:
        return self.text_id >> TEXT_BITS


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a post belongs, because of which post there, and why.

    `added` are a quote's own words; `file` is the SHA-256 of the file that both show. `whole` says that it is the whole
    statement of which the first post is a trimmed copy.
    """

    post_id: int
    event_id: int
    reason: str
    measure: float | None
    other: int
    added: str | None = None
    file: str = ""
    whole: bool = False


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


def find_by_origin(reader: Reader, origin: str, at: int) -> tuple[int, int] | None:
    """The event of the message that `origin` names and its post there, if a copy may still join it at this time."""
    row = reader.one(
        "SELECT e.id, o.post_id FROM event_origins o JOIN events e ON e.id = o.event_id"
        f" WHERE o.origin = :origin AND {_OPEN}",
        {"origin": origin, **window(at)},
    )
    return None if row is None else (row["id"], row["post_id"])


def is_open(events: str) -> str:
    """The condition that a copy may still join an event, with the parameters of `window`."""
    return f"{events}.newest_at >= :newest AND {events}.opened_at >= :oldest"


def window(at: int) -> dict[str, int]:
    """The parameters of `is_open` at this time."""
    return {"newest": at - AFTER_NEWEST, "oldest": at - AT_MOST}


_OPEN = is_open("e")


# What its source has said in event `e` already, and not within the last hour, it says again: that is news.
REPEATED = (  # CROSS: not by way of all posts of the source, of which there may be a hundred thousand
    "((SELECT max(v.at) FROM event_posts v CROSS JOIN posts q ON q.id = v.post_id"
    " WHERE v.event_id = e.id AND q.source_id = :source) < :repeated)"
)


def said_by(source_id: int, at: int, *, always: bool = False) -> dict[str, int]:
    """The parameters of REPEATED for a post of this source at this time; `always`: within the hour, too."""
    return {"source": source_id, "repeated": at + 1 if always else at - _REPEATS_AFTER}


def find_equal(
    reader: Reader, tokens: tuple[str, ...], source_id: int, at: int, within: int, *, again: bool = False
) -> Candidate | None:
    """A first statement of exactly these words, the newest; its words are at most `within` microseconds old.

    `again` leaves out what this source has said, however short ago.
    """
    rows = reader.rows(
        "SELECT w.text_id, w.event_id, w.tokens, w.at FROM event_words w JOIN events e ON e.id = w.event_id"
        f" WHERE w.digest = :digest AND w.at >= :since AND {_OPEN} AND {REPEATED} IS NOT 1"
        " ORDER BY (SELECT apart FROM event_posts WHERE post_id = e.id), w.at DESC, w.text_id DESC LIMIT 1",
        {"digest": digest_words(tokens), "since": at - within, **window(at), **said_by(source_id, at, always=again)},
    )
    return next((_candidate(row) for row in rows), None)


def list_open(reader: Reader, texts: Iterable[int], at: int) -> list[int]:
    """Those of these texts whose event a copy may still join at this time."""
    return reader.column(
        "SELECT w.text_id FROM event_words w JOIN events e ON e.id = w.event_id"
        f" WHERE w.text_id {in_list('texts')} AND {_OPEN}",
        {"texts": as_list(texts), **window(at)},
    )


def read_candidates(
    reader: Reader, texts: Iterable[int], source_id: int, at: int, *, again: bool = False
) -> list[Candidate]:
    """These texts, but for those whose event is closed or of which a post of this source would be news."""
    rows = reader.rows(
        "SELECT w.text_id, w.event_id, w.tokens, w.at FROM event_words w JOIN events e ON e.id = w.event_id"
        f" WHERE w.text_id {in_list('texts')} AND {_OPEN} AND {REPEATED} IS NOT 1",
        {"texts": as_list(texts), **window(at), **said_by(source_id, at, always=again)},
    )
    return [_candidate(row) for row in rows]


def read_tokens(reader: Reader, texts: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The words of these texts, as far as they are kept."""
    rows = reader.rows(
        f"SELECT text_id, tokens FROM event_words WHERE text_id {in_list('texts')}", {"texts": as_list(texts)}
    )
    return {text: tuple(tokens.split(" ")) for text, tokens in rows}


def _candidate(row: Row) -> Candidate:
    return Candidate(row["text_id"], row["event_id"], tuple(row["tokens"].split(" ")), row["at"])


@lru_cache(maxsize=512)  # of each post it is asked several times
def digest_words(tokens: tuple[str, ...]) -> str:
    """What equal words have in common."""
    return sha256(" ".join(tokens).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def open_events(writer: Writer, opened: Iterable[tuple[Arrived, Membership | None]]) -> None:
    """Let each post be the first of an event; the other says which event it repeats."""
    events: list[tuple[object, ...]] = []
    posts: list[tuple[object, ...]] = []
    for arrived, quotes in opened:
        post, at = arrived.post_id, arrived.collected_at
        measure, added, other = (
            (None, None, None) if quotes is None else (quotes.measure, quotes.added, quotes.event_id)
        )
        events.append((post, at, other))
        posts.append(_member_row(Membership(post, post, "first", measure, post, added), at))
    writer.execute_many(
        "INSERT INTO events (id, opened_at, newest_at, quotes) VALUES (?1, ?2, ?2, ?3)"
        " ON CONFLICT (id) DO UPDATE SET leads_to = NULL",
        events,
    )
    writer.execute_many(_BELONG, posts)


def join_event(writer: Writer, arrived: Arrived, place: Membership) -> None:
    """Let a post be one more member of an event."""
    writer.execute_many(_BELONG, [_member_row(place, arrived.collected_at)])
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


def note_quote(writer: Writer, quote: Membership) -> None:
    """Say of an event which other it repeats, where nothing is said yet."""
    writer.execute(
        "UPDATE events SET quotes = :quotes WHERE id = :id AND quotes IS NULL",
        {"quotes": quote.event_id, "id": quote.post_id},
    )
    writer.execute(
        "UPDATE event_posts SET measure = :measure, added = :added"
        " WHERE post_id = :id AND reason = 'first' AND added IS NULL",
        {"measure": quote.measure, "added": quote.added, "id": quote.post_id},
    )


_BELONG = (
    "INSERT INTO event_posts (post_id, event_id, reason, measure, at, added)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (post_id) DO UPDATE SET"
    " event_id = excluded.event_id, reason = excluded.reason, measure = excluded.measure, added = excluded.added"
)


def _member_row(place: Membership, at: int) -> tuple[object, ...]:
    return place.post_id, place.event_id, place.reason, place.measure, at, place.added


def origin_row(origin: str, post_id: int, event_id: int, at: int) -> dict[str, object]:
    """What `note_origins` takes: forwards of this message find the event of this post at this time."""
    return {"origin": origin, "event": event_id, "post": post_id, **window(at)}


def note_origins(writer: Writer, rows: Sequence[Mapping[str, object]]) -> None:
    """Let forwards of these messages find their events, as long as a copy may join those that they find now."""
    writer.execute_many(
        "INSERT INTO event_origins (origin, event_id, post_id) VALUES (:origin, :event, :post)"
        " ON CONFLICT (origin) DO UPDATE SET event_id = excluded.event_id, post_id = excluded.post_id"
        f" WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id = event_origins.event_id AND {_OPEN})",
        rows,
    )


def words_row(number: int, event_id: int, tokens: tuple[str, ...], prints: int, at: int) -> tuple[object, ...]:
    """What `keep_words` takes: words that are text `number`, with so many fingerprints."""
    return number, event_id, " ".join(tokens), digest_words(tokens), prints, at


def keep_words(writer: Writer, rows: Sequence[tuple[object, ...]]) -> None:
    """Keep the words of texts, each for its event."""
    writer.execute_many(
        "INSERT INTO event_words (text_id, event_id, tokens, digest, prints, at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (text_id) DO NOTHING",
        rows,
    )


def forget_words(writer: Writer, at: int) -> None:
    """Drop the words and pictures of events that nothing can join any more at this time."""
    closed = f"JOIN events e ON e.id = b.event_id WHERE w.at < :newest AND NOT ({_OPEN})"
    words = writer.column(
        f"SELECT w.text_id FROM event_words w {closed.replace('b.event_id', 'w.event_id')}", window(at)
    )
    for start in range(0, len(words), _FORGOTTEN):
        _forget_texts(writer, words[start : start + _FORGOTTEN])
    pictures = writer.column(
        f"SELECT w.media_id FROM event_pictures w JOIN event_posts b ON b.post_id = w.post_id {closed}", window(at)
    )
    for table, column, ids in (
        ("event_bands", "media_id", pictures),
        ("event_pictures", "media_id", pictures),
    ):
        writer.execute(f"DELETE FROM {table} WHERE {column} {in_list('ids')}", {"ids": as_list(ids)})


def _forget_texts(writer: Writer, texts: Sequence[int]) -> None:
    known = f"FROM event_words WHERE text_id {in_list('ids')}"
    rows = writer.rows(f"SELECT text_id, tokens {known}", {"ids": as_list(texts)})
    forget_prints(writer, {row["text_id"]: {*number_shingles(row["tokens"].split(" "))} for row in rows})
    writer.execute(f"DELETE {known}", {"ids": as_list(texts)})


def correct(
    writer: Writer, kind: Literal["split", "join"], post_id: int, other: int | None, by: str | None, now: int
) -> None:
    """Remember what a person said, and of a split the event until now; placing does it, now and at every rebuild."""
    event = find_event(writer, post_id) if kind == "split" else other
    writer.execute(
        "INSERT INTO event_corrections (at, kind, post_id, other, who) VALUES (:at, :kind, :post, :other, :by)",
        {"at": now, "kind": kind, "post": post_id, "other": event, "by": by},
    )
    steps.add_step(writer, kind, post_id, now, other=other)


def forget_events(writer: Writer) -> None:
    """Begin from nothing: all but the steps follows from the archive."""
    forget_all_prints(writer)
    for table in (
        *("event_words", "event_origins", "event_links", "event_files", "event_banners"),
        *("event_bands", "event_pictures", "event_posts", "events"),
    ):
        writer.execute(f"DELETE FROM {table}")
    steps.place_again(writer)
