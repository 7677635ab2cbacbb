"""The order in which posts are placed: revisions, and between them files, readings and what people said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Literal

from storage.archive.best_reading import AS_RECEIVED
from storage.archive.packed_words import FOLDED
from storage.frozen import dataclass
from storage.language.version import FOLD_VERSION
from storage.posts.ids import TEXT_BITS

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

StepKind = Literal["file", "read", "split", "join"]
_BEFORE_ALL = -(1 << 63)  # below every id
_REVISIONS, _STEPS = "events_placed", "events_steps_placed"  # in `meta`: the last of each that was placed


@dataclass(frozen=True, slots=True)
class Arrived:
    """One revision of a post, as it is placed."""

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
    posted_at: int | None
    service: bool  # "Channel created": no statement
    folded: str | None  # of `text`, where that is stored as it would be folded today

    @property
    def at(self) -> int:
        return self.collected_at


@dataclass(frozen=True, slots=True)
class PlacingStep:
    """What places a post without a new revision: see storage.events.tables.EventStepTable.

    `unread` says of a file that an engine will read it.
    """

    id: int
    after: int
    at: int
    kind: StepKind
    post_id: int
    media_id: int | None = None
    text_id: int | None = None
    other: int | None = None
    unread: bool = False


def add_step(
    writer: Writer,
    kind: StepKind,
    post_id: int,
    now: int,
    *,
    media_id: int | None = None,
    text_id: int | None = None,
    other: int | None = None,
    unread: bool = False,
) -> None:
    """Write down that this happened now, after all revisions that are stored, in the transaction in which it does."""
    writer.execute(
        "INSERT INTO event_steps (after, at, kind, post_id, media_id, text_id, other, unread) VALUES"
        " ((SELECT coalesce(max(id), 0) FROM revisions), :at, :kind, :post, :media, :text, :other, :unread)",
        {
            "at": now,
            "kind": kind,
            "post": post_id,
            "media": media_id,
            "text": text_id,
            "other": other,
            "unread": int(unread),
        },
    )


def read_next(reader: Reader, limit: int) -> list[Arrived | PlacingStep]:
    """What was not placed yet, in the order in which it was stored; `limit` at most."""
    revisions = reader.rows(
        f"{_REVISION} WHERE r.id > {_done('revisions')} ORDER BY r.id LIMIT :limit + 0",
        {"revisions": _REVISIONS, "limit": limit},
    )
    steps = reader.rows(
        "SELECT id, after, at, kind, post_id, media_id, text_id, other, unread FROM event_steps"
        f" WHERE id > {_done('steps')} ORDER BY id LIMIT :limit + 0",
        {"steps": _STEPS, "limit": limit},
    )
    found: tuple[list[Arrived | PlacingStep], list[Arrived | PlacingStep]] = (
        [_arrived(row) for row in revisions],
        [PlacingStep(**{**dict(row), "unread": bool(row["unread"])}) for row in steps],
    )
    return list(islice(merge(*found, key=_order), limit))


def is_waiting(reader: Reader) -> bool:
    """Whether there is something to place."""
    return bool(read_next(reader, 1))


def _order(one: Arrived | PlacingStep) -> tuple[int, int]:
    return (one.revision_id, 0) if isinstance(one, Arrived) else (one.after, one.id)


def _done(key: str) -> str:
    return f"coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = :{key}), 0)"


# Of a text of one line: those of several are folded line by line.
_FOLDED = (
    f"(SELECT nullif({FOLDED.format('own.')}, '') FROM texts own"
    f" WHERE own.id = r.post_id << {TEXT_BITS} | r.text_number"
    f" AND own.fold_version = {FOLD_VERSION} AND instr(own.text, char(10)) = 0)"
)
_REVISION = (
    f"SELECT r.id, r.post_id, r.number, r.title, {AS_RECEIVED} AS text, {_FOLDED} AS folded, p.source_id,"
    " coalesce(s.handle, s.name) AS handle, p.native_id, p.forward, r.collected_at, p.seq, p.posted_at, p.service"
    " FROM revisions r JOIN posts p ON p.id = r.post_id JOIN sources s ON s.id = p.source_id"
)


def read_arrived(reader: Reader, post_id: int, after: int) -> Arrived | None:
    """What a post said when the revision `after` was the newest of all; None if there was no such post."""
    row = reader.one(
        f"{_REVISION} WHERE r.post_id = :post AND r.id <= :after ORDER BY r.number DESC LIMIT 1",
        {"post": post_id, "after": after},
    )
    return None if row is None else _arrived(row)


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
        row["posted_at"],
        bool(row["service"]),
        row["folded"],
    )


def mark_placed(writer: Writer, placed: Sequence[Arrived | PlacingStep]) -> None:
    """Remember that all of these are placed."""
    revisions = [one.revision_id for one in placed if isinstance(one, Arrived)]
    steps = [one.id for one in placed if isinstance(one, PlacingStep)]
    for key, ids in ((_REVISIONS, revisions), (_STEPS, steps)):
        if ids:
            _mark(writer, key, ids[-1])


def place_again(writer: Writer) -> None:
    """Begin with the first revision."""
    for key in (_REVISIONS, _STEPS):
        _mark(writer, key, 0)


def _mark(writer: Writer, key: str, value: int) -> None:
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": key, "value": str(value)},
    )


class EarlierTexts:
    """What the source's last posts before a post said at first.

    Posts of one reply do not count, and they may be thousands: where they are asked about in their order, each reads on
    from the one before.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[int, int], tuple[int, list[str]]] = {}  # by source and reply: up to which post, texts

    def read(self, arrived: Arrived, count: int) -> list[str]:
        """The texts, newest first, of so many posts at most."""
        reply = arrived.source_id, arrived.seq
        until, known = self._known.get(reply, (_BEFORE_ALL, []))
        if until >= arrived.post_id:
            until, known = _BEFORE_ALL, []
        rows = self._reader.rows(
            f"SELECT r.title, {AS_RECEIVED} AS text FROM posts p JOIN revisions r ON r.post_id = p.id AND r.number = 0"
            " WHERE p.source_id = :source AND p.id > :until AND p.id < :post AND p.seq < :seq"
            " AND (r.text <> '' OR r.text_number IS NOT NULL)"
            " AND NOT p.service ORDER BY p.id DESC LIMIT :count + 0",
            {"source": reply[0], "seq": reply[1], "until": until, "post": arrived.post_id, "count": count},
        )
        texts = [*(row["text"] for row in rows), *known][:count]
        self._known[reply] = arrived.post_id, texts
        return texts
