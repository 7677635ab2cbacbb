"""PURE: an alert as JSON, as a webhook receives it; the contract is docs/json-output.md."""

import json
from dataclasses import dataclass
from hashlib import sha256

from bot.alerts import files
from bot.alerts.passages import passages, quoted
from bot.clock import MINUTE
from bot.documents.as_json import as_json, iso, place_of
from storage.records import DeliveryRow, Hit, PostRow, Story, TextRow

LATE = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class FirstAlert:
    """The first alert about a post that a target has got; `receipt` is what it gave back."""

    alert: int
    receipt: str | None


def message_id(delivery: DeliveryRow) -> str:
    """Name a delivery for its receiver: the same over retries, and no other, not even in another archive."""
    named = f"{delivery.id} {delivery.match_id} {delivery.target} {delivery.created_at}"
    return f"msg_{sha256(named.encode()).hexdigest()[:24]}"


def is_late(story: Story, post: PostRow) -> bool:
    """Whether it was found, or the words of its files were, long after it was published."""
    found = max(post.collected_at, story.match.at if story.match.kind == "match" else 0)
    return post.posted_at is not None and found - post.posted_at > LATE


def document(
    delivery: DeliveryRow, story: Story, post: PostRow, told: FirstAlert | None, unheard: str | None
) -> dict[str, object]:
    """All of a match, with its post; `unheard` is what is said of a file whose words are not known yet."""
    match = story.match
    machines = {text.id: text for text in post.texts if text.engine is not None}
    data: dict[str, object] = {
        "alert": str(match.id),
        "rule": match.rule,
        "source": post.source,
        "post": as_json(post),
        "matched": [
            _matched(hit, story.texts[hit.text_id], post.title) | _by_machine(hit, machines.get(hit.text_id))
            for hit in match.hits
            if hit.text_id in story.texts
        ],
        "unheard": unheard,
        "in_reply_to": None if told is None else str(told.alert),
        "late": is_late(story, post),
        "possible_repeat": delivery.possible_repeat,
    }
    if match.kind == "edited":
        data |= {"was": match.before, "now": quoted(passages(story.texts, match.hits)) or None}
    if match.kind == "deleted" and story.absent:
        data |= {"absent_since": iso(story.absent.at), "method": story.absent.method}
    return envelope(delivery, data)


def _matched(hit: Hit, text: str, title: str | None) -> dict[str, object]:
    part, start, end = place_of(hit, text, title)
    return {"text": text[hit.start : hit.end], "start": start, "end": end, "in": part}


def _by_machine(hit: Hit, text: TextRow | None) -> dict[str, object]:
    """What is to be known of a passage that a machine heard or read."""
    if text is None:
        return {}
    return {
        "engine": text.engine,
        "language": text.language,
        "confidence": text.confidence,
        "possible": files.is_doubtful(text),
        "at_s": files.said_at(text, hit),
    }


def envelope(delivery: DeliveryRow, data: dict[str, object]) -> dict[str, object]:
    """Wrap for the wire; what JSON cannot carry (a lone surrogate) becomes U+FFFD."""
    document = {"type": delivery.kind, "id": message_id(delivery), "timestamp": iso(delivery.created_at), "data": data}
    clean = json.dumps(document, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found: dict[str, object] = json.loads(clean)
    return found
