"""Alerts as documents: a list of them, and one with what its rule found and why it was sent or not."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bot.alerts.document import facing_document
from bot.documents.alert import alert_json, explained_alert_json
from bot.listing.names import find_story
from storage.alerts import outbox
from storage.answers import verdicts
from storage.events import facing

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.records import MatchRow

ALERT_COLUMNS = (
    "id", "at", "rule", "rule_version", "kind", "source", "post_id", "url", "alerting", "why", "before", "deliveries",
    "event", "acked", "facing", "delivered",
)  # fmt: skip


def list_alerts(reader: "Reader", found: "Iterable[tuple[MatchRow, str, str | None]]") -> Iterator[dict[str, object]]:
    """Matches as `storage.alerts.matches.list_matches` gives them, each with its deliveries and what it faces."""
    for match, source, url in found:
        faced = facing_document(facing.read_facing(reader, [match.id]).get(match.id))
        yield alert_json(match, source, url, outbox.list_deliveries(reader, match.id), faced)


def explain_alert(reader: "Reader", alert_id: int) -> dict[str, object]:
    """One alert with its query, the passages that were found, and what people think of it. Raises NotFound."""
    from storage.posts import reading

    story = find_story(reader, alert_id)
    [post] = reading.read_posts(reader, [story.match.post_id])
    faced = facing_document(facing.read_facing(reader, [alert_id]).get(alert_id))
    deliveries, said = outbox.list_deliveries(reader, alert_id), verdicts.list_verdicts(reader, alert_id)
    return explained_alert_json(story, post, deliveries, said, faced)
