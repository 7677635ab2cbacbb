"""PURE: a post, a file, a text and a time as JSON; the contract is docs/json-output.md."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bot.foreign.text import NOT_UNDERSTOOD
from storage.language.zawgyi import is_zawgyi
from storage.rows import Forward, Hit, MediaRow, PostRow, TextRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_ELSEWHERE = ("body", "file")  # as `text`, and as the name of a file in `media`
_GAP = "\n\n"  # between title and text where rules read them, as `storage.posts.content.body` writes it
_MARKS = frozenset(".,:;!?…–—-။၊。！？：、")  # a title that ends so needs no colon


@lru_cache(4096)  # posts of one reply were collected at the same moment
def iso(at: int | None) -> str | None:
    """ISO 8601 in UTC with `Z`; the fraction has no, three or six digits. None for no time, or one beyond year 9999."""
    if at is None:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return None
    exact = "seconds" if at % 1_000_000 == 0 else "milliseconds" if at % 1_000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=exact) + "Z"


def as_json(post: PostRow) -> dict[str, object]:
    """A post as every JSON document has it."""
    return {
        "id": str(post.id),
        "source": post.source,
        "native_id": post.native_id,
        "url": post.url,
        "author": post.author,
        "title": post.title,
        "posted_at": iso(post.posted_at),
        "posted_raw": post.posted_raw,
        "time_problem": NOT_UNDERSTOOD if post.posted_at is None and post.posted_raw.strip() else None,
        "collected_at": iso(post.collected_at),
        "edited_at": iso(post.edited_at),
        "deleted_at": iso(post.deleted_at),
        "text": post.text,
        "language": post.language,
        "zawgyi": is_zawgyi(f"{post.title}\n\n{post.text}" if post.title else post.text),
        "media": [media_json(item) for item in post.media],
        "texts": [text_json(item) for item in post.texts if item.kind not in _SHOWN_ELSEWHERE],
        "links": [{"text": link.text, "url": link.url} for link in post.links],
        "rules": list(post.rules),
        "forwarded_from": None if post.forward is None else _forward_json(post.forward),
        "reply_to": post.reply_to,
        "revisions": post.revisions,
        "raw_sha256": post.raw_sha256,
        "event": None if post.event is None else str(post.event),
        "copy_of": None if post.joined_by is None else str(post.event),
        "copy_reason": post.joined_by,
        "copy_likeness": post.likeness if post.joined_by else None,
        "quotes": None if post.quotes is None else str(post.quotes),
    }


def media_json(item: MediaRow) -> dict[str, object]:
    """A file of a post, as in `media`."""
    return {
        "kind": item.kind,
        "mime": item.mime,
        "name": item.name,
        "bytes": item.bytes if item.size is None else item.size,
        "sha256": item.sha256,
        "state": item.state,
        "reason": item.reason,
        "path": item.path,
        "duration_s": item.duration_s,
        "sniffed": item.sniffed,
    }


def text_json(item: TextRow) -> dict[str, object]:
    """A text of a post, as in `texts`."""
    return {
        "kind": item.kind,
        "engine": item.engine,
        "language": item.language,
        "zawgyi": is_zawgyi(item.text),
        "text": item.text,
        "confidence": item.confidence,
        "model": item.model,
        "unreliable": item.unreliable,
        "segments": [
            {
                "start_s": piece.start_s,
                "end_s": piece.end_s,
                "start": piece.start,
                "end": piece.end,
                "language": piece.language,
                "unreliable": piece.unreliable,
                "words": [{"start": start, "at_s": at_s} for start, at_s in piece.words],
            }
            for piece in item.segments
        ],
    }


def _forward_json(forward: Forward) -> dict[str, object]:
    return {"name": forward.name, "url": forward.url, "source": forward.source, "post": forward.post}


def place_of(hit: Hit, text: str, title: str | None) -> tuple[str, int, int]:
    """Locate a hit in the post as people see it: its part ("title", "body", "transcript", …), start and end there.

    Rules read title and text as one text with a blank line between; JSON shows them apart, each with its own offsets.
    """
    lead = len(title) + len(_GAP) if title and hit.kind == "body" and text.startswith(title + _GAP) else 0
    if hit.start < lead or (title and hit.kind == "body" and text == title):
        return "title", hit.start, hit.end
    return hit.kind, hit.start - lead, hit.end - lead


def headed(text: str, title: str | None) -> str:
    """Put a colon between title and text, so that they read well on one line. Offsets stay as they are."""
    if not title or not text.startswith(title + _GAP) or title[-1] in _MARKS:
        return text
    return f"{title}:\n{text[len(title) + len(_GAP) :]}"
