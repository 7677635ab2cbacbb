"""After a split: the alerts that had been joined to the event which a post has left, as far as they are news now."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from bot.events.folding import Alert, split_targets
from storage.events import heard
from storage.events.members import AFTER_NEWEST

if TYPE_CHECKING:
    from storage.archive.database import Writer


def send_joined(writer: "Writer", event_id: int, folding: Collection[str], now: int) -> int:
    """Let joined alerts of the last day about a new event be sent, each once where a target folds; how many.

    What is said of edits and of the deletion of its first post comes with them.
    """
    known = heard.read_heard(writer, event_id)
    due = []
    for delivery, alert in heard.list_joined(writer, event_id, now - AFTER_NEWEST):
        if not split_targets(Alert(alert.rule, alert.priority, alert.side, (alert.target,)), folding, known)[1]:
            due.append(delivery)
            known.append(alert)
    heard.send(writer, due, now)
    changes = heard.list_joined_changes(writer, event_id, now - AFTER_NEWEST)
    heard.send(writer, changes, now)
    return len(due) + len(changes)
