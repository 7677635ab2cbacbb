"""What people asked for on a page: written down here, done by the daemon, each once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

Outcome = Literal["ok", "refused"]
_COLUMNS = "id, key, who, what, arguments, asked_at, done_at, outcome, said"
_KEPT = 90 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One of them; `done_at` None: the daemon has not taken it up. Times are microseconds UTC."""

    id: int
    key: str
    who: str
    what: str
    arguments: Mapping[str, str]
    asked_at: int
    done_at: int | None
    outcome: Outcome | None
    said: str | None


def ask(writer: Writer, key: str, who: str, what: str, arguments: Mapping[str, str], now: int) -> ActionRow:
    """Write down what somebody asks for; the same key again is the same request, whatever it says."""
    writer.execute("DELETE FROM requests WHERE done_at IS NOT NULL AND done_at < :floor", {"floor": now - _KEPT})
    writer.execute(
        "INSERT INTO requests (key, who, what, arguments, asked_at) VALUES (:key, :who, :what, :arguments, :now)"
        " ON CONFLICT (key) DO NOTHING",
        {
            "key": key,
            "who": who,
            "what": what,
            "arguments": json.dumps(dict(arguments), ensure_ascii=False),
            "now": now,
        },
    )
    found = find_request(writer, key)
    assert found is not None
    return found


def find_request(reader: Reader, key: str) -> ActionRow | None:
    """The request with this key; None if there is none."""
    row = reader.one(f"SELECT {_COLUMNS} FROM requests WHERE key = :key", {"key": key})
    return None if row is None else _row(row)


def list_open(reader: Reader, limit: int) -> list[ActionRow]:
    """What the daemon has not taken up, oldest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM requests WHERE done_at IS NULL ORDER BY id LIMIT :limit + 0", {"limit": limit}
    )
    return [_row(row) for row in rows]


def settle(writer: Writer, request_id: int, outcome: Outcome, said: str, now: int) -> None:
    """Write down what came of it."""
    writer.execute(
        "UPDATE requests SET done_at = :now, outcome = :outcome, said = :said WHERE id = :id",
        {"id": request_id, "outcome": outcome, "said": said, "now": now},
    )


def _row(row: Row) -> ActionRow:
    return ActionRow(**{**dict(row), "arguments": json.loads(row["arguments"])})
