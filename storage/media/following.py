"""Files that follow the alert about their post: owed once it was sent, due once all are there, or half an hour later.

Such a message is a delivery of kind `files` without `match_id`: its payload names the alert, the post, and the files
that earlier messages had.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storage.archive.database import Reader, Writer

PATIENCE = 1_800_000_000  # microseconds after the alert, after which it takes what has come and leaves the others out
NO_FILES = "no file that the target takes was archived within 30 minutes"
_LAST = 4  # the least urgent priority: alerts go first
_PENDING = "SELECT 1 FROM media f WHERE f.post_id = {} AND f.state = 'pending'"


@dataclass(frozen=True, slots=True)
class FollowingFiles:
    """What the payload of such a message says. `until` (microseconds UTC) is when it takes what has come."""

    alert: int
    post: int
    done: frozenset[int]
    until: int

    @classmethod
    def read(cls, payload: Mapping[str, object]) -> FollowingFiles:
        """As `owe` has written it. Raises TypeError for anything else."""
        alert, post, until, done = (payload.get(name) for name in ("alert", "post", "until", "done"))
        if not (isinstance(alert, int) and isinstance(post, int) and isinstance(until, int) and isinstance(done, list)):
            raise TypeError(f"no payload of a message with files: {dict(payload)}")
        return cls(alert, post, frozenset(one for one in done if isinstance(one, int)), until)


def owe(writer: Writer, target: str, match_id: int, done: Iterable[int], until: int, now: int) -> None:
    """Owe the target the files of the post of an alert that it has, but for those that are `done`, if there are any.

    At `until` the message takes what has come; files that come later are left out.
    """
    writer.execute(
        "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts, possible_repeat,"
        " created_at, priority, reason) SELECT NULL, :target, 'files',"
        " json_object('alert', m.id, 'post', m.post_id, 'until', :until, 'done', json(:done)), 'pending',"
        " iif(waits, :until, :now), 0, 0, :now, :last, iif(waits, 'its files are being fetched', NULL) FROM"
        f" (SELECT id, post_id, :until > :now AND EXISTS ({_PENDING.format('matches.post_id')}) AS waits FROM matches"
        " WHERE id = :id AND kind = 'match') m WHERE EXISTS (SELECT 1 FROM media f WHERE f.post_id = m.post_id"
        " AND (f.state = 'stored' OR f.state = 'pending' AND waits)"
        " AND f.id NOT IN (SELECT value FROM json_each(:done)))",
        {
            "target": target,
            "id": match_id,
            "done": json.dumps(sorted(done)),
            "now": now,
            "until": until,
            "last": _LAST,
        },
    )


def has_files(reader: Reader, match_id: int, target: str) -> bool:
    """Whether the target has another alert about the same post, with which the files of that post go."""
    found: int = reader.value(
        "SELECT EXISTS (SELECT 1 FROM matches m JOIN matches o ON o.post_id = m.post_id AND o.id <> m.id"
        " AND o.kind = 'match' JOIN deliveries d ON d.match_id = o.id AND d.target = :target AND d.kind = 'match'"
        " AND d.state = 'sent' WHERE m.id = :id)",
        {"id": match_id, "target": target},
    )
    return bool(found)


def note_settled(writer: Writer, post_id: int, now: int) -> None:
    """A file of this post is there or will not come: if it was the last that was waited for, its message is due."""
    writer.execute(
        "UPDATE deliveries INDEXED BY deliveries_of_files SET not_before = :now, reason = NULL WHERE kind = 'files'"
        " AND state = 'pending' AND attempts = 0 AND not_before > :now AND json_extract(payload, '$.post') = :post"
        f" AND NOT EXISTS ({_PENDING.format(':post')})",
        {"post": post_id, "now": now},
    )


def drop(writer: Writer, delivery_id: int, now: int) -> None:
    """No file came in time that could follow."""
    writer.execute(
        "UPDATE deliveries SET state = 'silenced', settled_at = :now, reason = :reason WHERE id = :id",
        {"id": delivery_id, "now": now, "reason": NO_FILES},
    )


def find_receipt(reader: Reader, match_id: int, target: str) -> str | None:
    """What the target gave back for the alert itself."""
    found: str | None = reader.value(
        "SELECT receipt FROM deliveries WHERE match_id = :id AND target = :target", {"id": match_id, "target": target}
    )
    return found
