"""Health messages about one thing that breaks and recovers again and again: gathered, at most one an hour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.alerts import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer

HOUR = 3_600_000_000  # microseconds
OFTEN = 3  # so many breaks within an hour are flapping
_PENDING = "target = :target AND kind = 'health' AND json_extract(payload, '$.flapping') = :about"


def announce_change(writer: Writer, names: Iterable[str], about: str, words: str, now: int) -> None:
    """Owe each target a message that something broke or recovered, which the notices hold already.

    While it flaps, each target gets at most one message an hour, with the words of the last change.
    """
    breaks = count_breaks(writer, about, now)
    if breaks < OFTEN:
        outbox.announce(writer, names, about, words, now)
        return
    words = f"{words} (flapping: {breaks} times in the last hour)"
    for name in names:
        _gather(writer, name, about, words, now)


def count_breaks(reader: Reader, about: str, now: int, *, within: int = HOUR) -> int:
    """How often it has broken in the last hour (or `within` so many microseconds), as the notices have it."""
    return int(
        reader.value(
            "SELECT count(*) FROM notices WHERE about = :about AND ends = 0 AND at > :since AND at <= :now",
            {"about": about, "since": now - within, "now": now},
        )
    )


def _gather(writer: Writer, target: str, about: str, words: str, now: int) -> None:
    """Put the words into the message that waits for its hour, or owe one an hour after the last."""
    payload = json.dumps({"about": about, "text": words, "flapping": about}, ensure_ascii=False)
    key = {"target": target, "about": about}
    waits = writer.execute(
        f"UPDATE deliveries SET payload = :payload WHERE {_PENDING} AND state = 'pending'", {**key, "payload": payload}
    )
    if waits.rowcount:
        return
    last = writer.value(f"SELECT max(not_before) FROM deliveries WHERE {_PENDING}", key)
    due = now if last is None else max(now, min(last, now) + HOUR)
    outbox.announce(writer, [target], about, words, now)
    writer.execute(
        "UPDATE deliveries SET payload = :payload, not_before = :due WHERE id = last_insert_rowid()",
        {"payload": payload, "due": due},
    )
