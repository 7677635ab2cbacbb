"""Messages that are sent because nobody took up an alert: owed with its first attempt, dropped once somebody has it.

One is a delivery of kind `escalation` that `escalates` its alert. It is made in the transaction that claims the first
message, so that its time runs from when the alert went out, and only for what is sent singly. It has no `match_id`: it
is no news about the post, it makes nothing wait, and nothing is made of it again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.archive.database import as_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.archive.database import Reader, Writer
    from storage.records import Escalation

_FIRST = "m.kind = 'match' OR m.kind = 'edited' AND m.why = 'an edit put the words in'"
_POSTS = (  # of the event of the post of the match m
    "SELECT m.post_id UNION SELECT c.post_id FROM event_posts b JOIN event_posts c ON c.event_id = b.event_id"
    " WHERE b.post_id = m.post_id"
)
_ACKED = f"SELECT a.who FROM matches n JOIN acks a ON a.match_id = n.id WHERE n.post_id IN ({_POSTS}) ORDER BY a.id"
_UNSENT = "kind = 'escalation' AND state = 'pending' AND attempts = 0"
_BEFORE = (
    "SELECT 1 FROM matches n CROSS JOIN deliveries e ON e.escalates = n.id AND e.target = j.value"
    f" WHERE +n.rule = m.rule AND n.post_id IN ({_POSTS})"
)


def start_clock(writer: Writer, match_id: int, plans: Mapping[str, Escalation], now: int) -> None:
    """The first message of an alert goes out: owe those who are asked next theirs, unless somebody has the event.

    `plans` are the escalations by the name of their rule. A rule asks each target once about an event.
    """
    rule = writer.value(f"SELECT m.rule FROM matches m WHERE m.id = :id AND ({_FIRST})", {"id": match_id})
    plan = None if rule is None else plans.get(rule)
    if plan is None:
        return
    writer.execute(
        "INSERT INTO deliveries (escalates, target, kind, payload, state, not_before, attempts, possible_repeat,"
        " created_at, priority) SELECT m.id, j.value, 'escalation', :payload, 'pending', :due, 0, 0, :now,"
        " (SELECT min(d.priority) FROM deliveries d WHERE d.match_id = m.id)"
        f" FROM matches m, json_each(:targets) j WHERE m.id = :id AND NOT EXISTS ({_ACKED}) AND NOT EXISTS ({_BEFORE})",
        {
            "id": match_id,
            "targets": as_list(plan.targets),
            "payload": json.dumps({"after": plan.after}),
            "due": now + plan.after,
            "now": now,
        },
    )


def is_unreachable(reader: Reader, match_id: int) -> bool:
    """Whether every message of an alert waits for a suspended target, so that nobody gets it."""
    return bool(
        reader.value(
            "SELECT count(*) > 0 AND total(t.state IS NOT 'parked') = 0 FROM deliveries d"
            " LEFT JOIN targets t ON t.name = d.target"
            " WHERE d.match_id = :id AND d.state = 'pending' AND d.held IS NULL",
            {"id": match_id},
        )
    )


def wait_for_answers(writer: Writer, until: int) -> None:
    """Let nothing escalate before `until`: what people said while nobody listened is heard first."""
    writer.execute(
        "UPDATE deliveries SET payload = json_set(payload, '$.due', coalesce(json_extract(payload, '$.due'),"
        f" not_before)), not_before = :until WHERE {_UNSENT} AND not_before < :until",
        {"until": until},
    )


def stop_waiting(writer: Writer) -> None:
    """Everything was heard: what escalates does so in its time."""
    writer.execute(
        "UPDATE deliveries SET not_before = json_extract(payload, '$.due'), payload = json_remove(payload, '$.due')"
        f" WHERE {_UNSENT} AND json_extract(payload, '$.due') IS NOT NULL"
    )


def silence_acked(writer: Writer, now: int) -> int:
    """Drop what nobody needs to be asked any more, in the transaction of an answer and before each claim; how many."""
    return writer.execute(
        "UPDATE deliveries SET state = 'silenced', settled_at = :now, reason = 'acknowledged by ' ||"
        f" (SELECT ({_ACKED} LIMIT 1) FROM matches m WHERE m.id = deliveries.escalates)"
        " WHERE kind = 'escalation' AND state = 'pending'"
        f" AND EXISTS (SELECT 1 FROM matches m WHERE m.id = deliveries.escalates AND EXISTS ({_ACKED}))",
        {"now": now},
    ).rowcount
