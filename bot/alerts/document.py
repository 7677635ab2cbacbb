"""PURE: the body that a webhook receives, from a match and its post; the contract is docs/json-output.md."""

from hashlib import sha256

from bot.alerts import files
from bot.alerts.former import is_former
from bot.alerts.passages import find_passages, join_passages
from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.documents.alert import machine_json, match_json, passage_json, statement_json, webhook_json
from bot.foreign.graphemes import clip
from storage.frozen import dataclass
from storage.records import LATE, DeliveryRow, Hit, PostRow, Statement, Story, TextRow

_BEGINNING = 300  # UTF-16 units of a statement


@dataclass(frozen=True, slots=True)
class FirstAlert:
    """The first alert about a post that a target got; `receipt` is what it returned."""

    alert: int
    receipt: str | None


def message_id(delivery: DeliveryRow) -> str:
    """Name a delivery for its receiver: the same over retries, and no other, not even in another archive."""
    named = f"{delivery.id} {delivery.match_id} {delivery.target} {delivery.created_at}"
    return f"msg_{sha256(named.encode()).hexdigest()[:24]}"


def is_late(story: Story, post: PostRow) -> bool:
    """Whether it was found long after it was published; an edit after it was made, words of a file after its arrival.

    What is late by itself, because its post was, stays late.
    """
    if story.match.kind == "edited":
        return story.match.at - (post.edited_at or story.match.at) > LATE
    if post.posted_at is None:
        return False
    if post.collected_at - post.posted_at > LATE:
        return True
    return story.match.kind == "match" and story.match.at - _known_since(story, post, post.posted_at) > LATE


def _known_since(story: Story, post: PostRow, posted_at: int) -> int:
    """When the words could first be known: as they were published or edited, or as the file with them arrived."""
    texts = {text.id: text.media_id for text in post.texts if text.media_id is not None}
    hits = story.match.hits
    if hits and all(hit.text_id in texts for hit in hits):
        files = {texts[hit.text_id] for hit in hits}
        return max([posted_at, *(item.stored_at or 0 for item in post.media if item.id in files)])
    return max(posted_at, post.edited_at or 0)


def build_document(
    delivery: DeliveryRow, story: Story, post: PostRow, first: FirstAlert | None, unheard: str | None
) -> dict[str, object]:
    """Everything about a match, with its post; `unheard` says that a file is not transcribed or read yet."""
    machines = {text.id: text for text in post.texts if text.engine is not None}
    said = join_passages(find_passages(story.texts, story.match.hits))
    former = story.match.kind != "deleted" and is_former(story, post)
    data = match_json(
        story,
        post,
        [
            passage_json(hit, story.texts[hit.text_id], post.title) | _by_machine(hit, machines.get(hit.text_id))
            for hit in story.match.hits
            if hit.text_id in story.texts
        ],
        unheard=unheard,
        in_reply_to=None if first is None else first.alert,
        possible=files.is_possible(story),
        late=is_late(story, post),
        possible_repeat=delivery.possible_repeat,
        now="" if former else said,
        facing=facing_document(story.facing),
    )
    if former:
        data |= {"was": said, "now": None}
    if delivery.kind == "escalation":
        data["unacknowledged_s"] = _waited(delivery) / SECOND
    return build_envelope(delivery, data)


def facing_document(facing: tuple[Statement, Statement] | None) -> dict[str, object] | None:
    """Two statements that face each other, each with the sentences that the rule found."""
    if facing is None:
        return None
    return {name: statement_json(one, quote(one)) for name, one in zip(("first", "second"), facing, strict=True)}


def quote(statement: Statement) -> str:
    """The sentences that the rule found; the beginning of the text if it looks for no words."""
    return join_passages(find_passages(statement.texts, statement.hits)) or clip(statement.text, _BEGINNING)


def describe_wait(delivery: DeliveryRow) -> str:
    """How long nobody has taken up what an escalation is about: "10 min", "1 h 30 min"."""
    left, parts = _waited(delivery), []
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        count, left = divmod(left, unit)
        parts += [f"{count} {name}"] if count else []
    return " ".join(parts)


def _waited(delivery: DeliveryRow) -> int:
    after = delivery.payload.get("after")
    return after if isinstance(after, int) else 0


def _by_machine(hit: Hit, text: TextRow | None) -> dict[str, object]:
    if text is None:
        return {}
    return machine_json(text, possible=files.is_in_doubt(text, [hit]), at_s=files.find_second(text, hit))


def build_envelope(delivery: DeliveryRow, data: dict[str, object]) -> dict[str, object]:
    """The whole body that a webhook receives."""
    return webhook_json(delivery, message_id(delivery), data)
