"""Which requests from pages were done already, in the transaction that did them: a repeat changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


class RequestResult(NamedTuple):
    """What came of a request, and the sentence about it."""

    outcome: Literal["ok", "refused"]
    said: str


def find_result(reader: Reader, key: str) -> RequestResult | None:
    """What came of the request with this key; None if it was not done yet."""
    row = reader.one('SELECT outcome, said FROM done_requests WHERE "key" = :key', {"key": key})
    return None if row is None else RequestResult(*row)


def remember_result(writer: Writer, key: str, result: RequestResult, now: int) -> None:
    """Keep what came of it."""
    writer.execute(
        'INSERT INTO done_requests ("key", at, outcome, said) VALUES (:key, :now, :outcome, :said)',
        {"key": key, "now": now, "outcome": result.outcome, "said": result.said},
    )
