"""PURE: the JSON fields of an alert, for `alerts list` and for a webhook."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.documents.as_json import as_json, iso, place_of
from storage.records import Acked, DeliveryRow, Hit, MatchRow, PostRow, Statement, Story, TextRow

if TYPE_CHECKING:
    from storage.answers.verdicts import Said


def alert_json(
    match: MatchRow,
    source: str,
    url: str | None,
    deliveries: Sequence[DeliveryRow],
    facing: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """One alert with its deliveries, the event of its post, and the statement of the other side that it faces."""
    return {
        "id": str(match.id),
        "at": iso(match.at),
        "rule": match.rule,
        "rule_version": match.rule_version,
        "kind": match.kind,
        "source": source,
        "post_id": str(match.post_id),
        "url": url,
        "alerting": match.alerting,
        "why": match.why,
        "before": match.before,
        "event": None if match.event is None else str(match.event),
        "acked": acked_json(match.acked),
        "facing": facing,
        "deliveries": [
            {
                "target": sent.target,
                "kind": sent.kind,
                "state": sent.state,
                "attempts": sent.attempts,
                "created_at": iso(sent.created_at),
                "not_before": iso(sent.not_before),
                "settled_at": iso(sent.settled_at),
                "reason": sent.reason,
                "possible_repeat": sent.possible_repeat,
                "held": sent.held,
                "digest": None if sent.digest is None else str(sent.digest),
                "event": str(match.event) if sent.state == "joined" and match.event is not None else None,
                "mute": None if sent.mute_id is None else str(sent.mute_id),
            }
            for sent in deliveries
        ],
        "delivered": [f"{addressee(sent)}: {sent.state}" for sent in deliveries],
    }


def addressee(sent: DeliveryRow) -> str:
    """The target of a message, as people read it."""
    return f"{sent.target} (escalation)" if sent.kind == "escalation" else sent.target


def acked_json(acked: Acked | None) -> dict[str, object] | None:
    """Who took up the event, and when."""
    return None if acked is None else {"by": acked.by, "at": iso(acked.at)}


def explained_alert_json(
    story: Story,
    post: PostRow,
    deliveries: Sequence[DeliveryRow],
    said: "Iterable[Said]",
    facing: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """One alert with its query, the passages that the rule found, and what people think of it."""
    found = [
        {**passage_json(hit, story.texts.get(hit.text_id, ""), post.title), "form": hit.form}
        for hit in story.match.hits
    ]
    return alert_json(story.match, post.source, post.url, deliveries, facing) | {
        "query": story.query,
        "found": found,
        "verdicts": [{"by": one.by, "verdict": one.verdict, "at": iso(one.at)} for one in said],
    }


def statement_json(statement: Statement, passage: str) -> dict[str, object]:
    """One of two statements that face each other."""
    return {
        "alert": str(statement.match_id),
        "event": None if statement.event is None else str(statement.event),
        "post_id": str(statement.post_id),
        "source": statement.source,
        "side": statement.side,
        "url": statement.url,
        "posted_at": iso(statement.posted_at),
        "collected_at": iso(statement.collected_at),
        "passage": passage,
        "edited": statement.edited,
        "deleted": statement.gone,
    }


def passage_json(hit: Hit, raw: str, title: str | None) -> dict[str, object]:
    """The words of a hit, and where they are in the post: in which part, from `start` to `end`."""
    part, start, end = place_of(hit, raw, title)
    return {"text": raw[hit.start : hit.end], "start": start, "end": end, "in": part}


def machine_json(text: TextRow, *, possible: bool, at_s: float | None) -> dict[str, object]:
    """What is added to a passage that a machine heard or read; `at_s` is its second in the recording."""
    return {
        "engine": text.engine,
        "language": text.language,
        "confidence": text.confidence,
        "possible": possible,
        "at_s": at_s,
    }


def match_json(
    story: Story,
    post: PostRow,
    matched: Sequence[dict[str, object]],
    *,
    unheard: str | None,
    in_reply_to: int | None,
    possible: bool,
    late: bool,
    possible_repeat: bool,
    now: str,
    facing: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """`data` of a webhook about a match, an edit or a deletion; `now` quotes what an edited post says now."""
    match = story.match
    data: dict[str, object] = {
        "alert": str(match.id),
        "rule": match.rule,
        "source": post.source,
        "post": as_json(post),
        "matched": list(matched),
        "unheard": unheard,
        "event": thread_json(post, story),
        "acked": acked_json(match.acked),
        "in_reply_to": None if in_reply_to is None else str(in_reply_to),
        "possible": possible,
        "late": late,
        "possible_repeat": possible_repeat,
        "facing": facing,
    }
    if match.kind == "edited":
        data |= {"was": match.before, "now": now or None}
    if match.kind == "deleted" and story.absent:
        data |= {"absent_since": iso(story.absent.at), "method": story.absent.method}
    return data


def thread_json(post: PostRow, story: Story) -> dict[str, object] | None:
    """The event of a post; with where it was first seen, and the own words of a post that quotes it."""
    if post.event is None:
        return None
    thread = story.thread
    return {
        "id": str(post.event),
        "copy_of": None if post.joined_by is None else str(post.event),
        "copy_reason": post.joined_by,
        "quotes": None if post.quotes is None else str(post.quotes),
        "first_source": post.source if thread is None else thread.source,
        "added": None if thread is None else thread.added,
    }


def webhook_json(delivery: DeliveryRow, message_id: str, data: dict[str, object]) -> dict[str, object]:
    """The whole body of a webhook."""
    body = {"type": delivery.kind, "id": message_id, "timestamp": iso(delivery.created_at), "data": data}
    return sound_json(body)


def sound_json(value: Mapping[str, object]) -> dict[str, object]:
    """The same with U+FFFD for what JSON cannot carry, a lone surrogate."""
    clean = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    sound: dict[str, object] = json.loads(clean)
    return sound
