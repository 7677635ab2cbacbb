"""Digests: one message that lists many, made and settled in one transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.alerts.digest_rows import DigestRow
from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.archive.database import Reader, Writer
    from storage.records import DigestKind

MOST = 10_000  # messages that one digest settles: what a program gets in one piece stays within some 20 MB
_DIGEST = (
    "SELECT g.id, g.target, g.kind, g.window_from, g.window_to, g.made_at, g.delivery_id,"
    " (SELECT count(*) FROM deliveries d WHERE d.digest_id = g.id) AS total, g.after_delivery FROM digests g"
)


def make(
    writer: Writer,
    target: str,
    kind: DigestKind,
    window: tuple[int, int],
    held_ids: Sequence[int],
    now: int,
    *,
    priority: int = 2,
) -> int:
    """Owe `target` one message that lists these pending deliveries, which are `digested` by that; the digest's id.

    It takes the first 10,000 of them; what is left waits for the next. `window` is the time that it is about. One
    transaction of the caller: a delivery is listed once or not at all.
    """
    digest = writer.value(
        "INSERT INTO digests (target, kind, window_from, window_to, made_at)"
        " VALUES (:target, :kind, :from, :to, :now) RETURNING id",
        {"target": target, "kind": kind, "from": window[0], "to": window[1], "now": now},
    )
    delivery = writer.value(
        "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts, possible_repeat,"
        " created_at, priority) VALUES (NULL, :target, 'digest', :payload, 'pending', :now, 0, 0, :now, :priority)"
        " RETURNING id",
        {"target": target, "payload": json.dumps({"digest": digest}), "now": now, "priority": priority},
    )
    writer.execute(
        "UPDATE digests SET delivery_id = :delivery WHERE id = :digest", {"delivery": delivery, "digest": digest}
    )
    writer.execute(
        "UPDATE deliveries SET state = 'digested', digest_id = :digest, settled_at = :now, held = NULL,"
        " held_until = NULL, reason = NULL"
        f" WHERE id {in_list('ids')} AND +target = :target AND +state = 'pending' AND match_id IS NOT NULL",
        {"ids": as_list(held_ids[:MOST]), "digest": digest, "now": now, "target": target},
    )
    return int(digest)


def read_digest(reader: Reader, digest_id: int) -> DigestRow | None:
    """One digest; None if there is no such."""
    row = reader.one(f"{_DIGEST} WHERE g.id = :id", {"id": digest_id})
    return None if row is None else DigestRow(*row)


def find_of_delivery(reader: Reader, delivery_id: int) -> DigestRow | None:
    """The digest that this delivery sends; None if it sends something else."""
    row = reader.one(
        f"{_DIGEST} WHERE g.id = (SELECT json_extract(d.payload, '$.digest') FROM deliveries d WHERE d.id = :id)",
        {"id": delivery_id},
    )
    return None if row is None else DigestRow(*row)


def find_last(reader: Reader, target: str, kind: DigestKind) -> DigestRow | None:
    """The newest digest of this kind that was made for `target`."""
    row = reader.one(
        f"{_DIGEST} WHERE g.target = :target AND g.kind = :kind ORDER BY g.id DESC LIMIT 1",
        {"target": target, "kind": kind},
    )
    return None if row is None else DigestRow(*row)


def list_made(reader: Reader, target: str, since: int, until: int) -> list[DigestRow]:
    """The digests of what was held at `target` that were made between two times, the oldest first."""
    rows = reader.rows(
        f"{_DIGEST} WHERE g.target = :target AND g.kind <> 'scheduled' AND g.made_at > :since AND g.made_at <= :until"
        " ORDER BY g.id",
        {"target": target, "since": since, "until": until},
    )
    return [DigestRow(*row) for row in rows]
