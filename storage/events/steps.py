"""The order in which posts are placed: revisions, and between them files, readings and what people said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Literal

from storage.archive.best_reading import AS_RECEIVED
from storage.archive.packed_words import unpack
from storage.frozen import dataclass
from storage.language.fold import is_remembered
from storage.language.version import FOLD_VERSION
from storage.posts.ids import TEXT_BITS

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

StepKind = Literal["file", "read", "split", "join"]
_BEFORE_ALL = -(1 << 63)  # below every id
_LOOKED_AT = 30  # posts that follow one
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
    folded: str | None  # of `text`, where that is stored as it would be folded today, and not in memory

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
    return bool(
        reader.value(
            f"SELECT EXISTS (SELECT 1 FROM revisions WHERE id > {_done('revisions')})"
            f" OR EXISTS (SELECT 1 FROM event_steps WHERE id > {_done('steps')})",
            {"revisions": _REVISIONS, "steps": _STEPS},
        )
    )


def _order(one: Arrived | PlacingStep) -> tuple[int, int]:
    return (one.revision_id, 0) if isinstance(one, Arrived) else (one.after, one.id)


def _done(key: str) -> str:
    return f"coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = :{key}), 0)"


_REVISION = (
    f"SELECT r.id, r.post_id, r.number, r.title, {AS_RECEIVED} AS text, p.source_id, coalesce(s.handle, s.name),"
    " p.native_id, p.forward, r.collected_at, p.seq, p.posted_at, p.service, own.folded, own.packed"
    " FROM revisions r JOIN posts p ON p.id = r.post_id JOIN sources s ON s.id = p.source_id"
    f" LEFT JOIN texts own ON own.id = r.post_id << {TEXT_BITS} | r.text_number AND own.fold_version = {FOLD_VERSION}"
)


def read_arrived(reader: Reader, post_id: int, after: int) -> Arrived | None:
    """What a post said when the revision `after` was the newest of all; None if there was no such post."""
    row = reader.one(
        f"{_REVISION} WHERE r.post_id = :post AND r.id <= :after ORDER BY r.number DESC LIMIT 1",
        {"post": post_id, "after": after},
    )
    return None if row is None else _arrived(row)


def _arrived(row: Row) -> Arrived:
    revision, post, number, title, text, source, handle, native, forward, collected, seq, posted, service, *kept = row
    said = json.loads(forward) if forward else {}
    origin = (said["source"], said["post"]) if said.get("source") and said.get("post") else None
    whole = f"{title}\n\n{text}" if title and text else title or text
    folded = None if "\n" in whole else _folded(whole, *kept)  # a text of several lines is folded line by line
    return Arrived(
        revision, post, number, whole, source, handle, native, origin, collected, seq, posted, bool(service), folded
    )


def _folded(text: str, folded: str | None, packed: bytes | None) -> str | None:
    if is_remembered(text):
        return None
    return (folded if packed is None else unpack(packed, text.encode())) or None


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
    from the one before, if there is anything between.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # by source and reply: before which post these texts are, and up to which one no other comes between
        self._known: dict[tuple[int, int], tuple[int, int, list[str]]] = {}

    def read(self, arrived: Arrived, count: int) -> list[str]:
        """The texts, newest first, of so many posts at most."""
        reply = arrived.source_id, arrived.seq
        until, alone, known = self._known.get(reply, (_BEFORE_ALL, _BEFORE_ALL, []))
        if until < arrived.post_id <= alone:
            return known
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
        alone = _BEFORE_ALL if until == _BEFORE_ALL else self._find_next(arrived)
        self._known[reply] = arrived.post_id, alone, texts
        return texts

    def _find_next(self, arrived: Arrived) -> int:
        """Up to which post only those of its own reply, or later ones, follow."""
        found: int | None = self._reader.value(
            "SELECT coalesce(min(iif(seq < :seq, id, NULL)), max(id)) FROM (SELECT id, seq FROM posts"
            f" WHERE source_id = :source AND id > :post ORDER BY id LIMIT {_LOOKED_AT})",
            {"source": arrived.source_id, "post": arrived.post_id, "seq": arrived.seq},
        )
        return arrived.post_id if found is None else found
