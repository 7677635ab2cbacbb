"""PURE: what an alert says of files and of the words made of them, and which bytes it brings along."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.alerts.message import Attachment
from bot.alerts.plan import MEDIA_RULE
from storage.mime import ending
from storage.records import Hit, MediaRow, PostRow, Segment, Story, TextRow

SURE = 0.6  # below that confidence what was found in machine text is called possible
_HEARD = frozenset({"voice", "audio", "round", "video"})
_ORDER = ("voice", "audio", "round", "photo", "video", "document")  # of what is brought along, if it must be one


def is_about_files(story: Story) -> bool:
    """Whether a post alerts because of a file that came, not of words."""
    return story.match.rule.startswith(MEDIA_RULE)


def unheard(story: Story, post: PostRow, kinds: Iterable[str] = ()) -> str | None:
    """Say "not yet heard" of a file that alerts before its words are known; None where there is nothing to say.

    `kinds` are those that the source alerts on; none: any.
    """
    if not is_about_files(story) or story.match.kind != "match":
        return None
    wanted = _wanted(post.media, frozenset(kinds))
    if not wanted or any(text.kind in ("transcript", "ocr") for text in post.texts):
        return None
    words = "not yet heard" if any(item.kind in _HEARD for item in wanted) else "not yet read"
    missing = next((item for item in wanted if item.state != "stored"), None)
    if missing is None:
        return words
    return f"{words}, and we do not have it ({missing.reason or 'it is still coming'})"


def provenance(texts: Sequence[TextRow], hits: Sequence[Hit]) -> list[str]:
    """For each machine text with hits, say which machine it was, how sure, and at which time it was said."""
    by_id = {text.id: text for text in texts}
    found: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.text_id in by_id and by_id[hit.text_id].engine is not None:
            found.setdefault(hit.text_id, []).append(hit)
    return [_made_by(by_id[text_id], inside) for text_id, inside in found.items()]


def _made_by(text: TextRow, hits: Sequence[Hit]) -> str:
    how = {"transcript": "heard by", "ocr": "read from a picture by"}.get(text.kind, f"{text.kind} by")
    sure = None if text.confidence is None else f"confidence {text.confidence:.2f}"
    doubt = text.unreliable or (text.confidence is not None and text.confidence < SURE)
    times = [timecode(segment.start_s) for hit in hits[:3] if (segment := _segment(text.segments, hit)) is not None]
    parts = (
        f"{how} {text.engine or 'a machine'}",
        text.language,
        sure,
        f"at {', '.join(dict.fromkeys(times))}" if times else None,
        "possible" if doubt else None,
    )
    return " · ".join(part for part in parts if part)


def timecode(seconds: float) -> str:
    """Write 0:42 or 1:02:03."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _segment(segments: Iterable[Segment], hit: Hit) -> Segment | None:
    return next((segment for segment in segments if segment.start <= hit.start < max(segment.end, hit.start)), None)


def attachment(story: Story, post: PostRow, data_dir: Path | None, kinds: Iterable[str] = ()) -> Attachment | None:
    """Choose the file that an alert about files brings along: the first that can be heard, then seen."""
    if data_dir is None or not is_about_files(story) or story.match.kind != "match":
        return None
    stored = [item for item in _wanted(post.media, frozenset(kinds)) if item.state == "stored" and item.path]
    if not stored:
        return None
    item = min(stored, key=lambda one: _ORDER.index(one.kind) if one.kind in _ORDER else len(_ORDER))
    mime = item.sniffed or "application/octet-stream"
    return Attachment(
        kind=item.kind,
        path=data_dir / (item.path or ""),
        name=f"{_plain(post.source)}-{_plain(post.native_id)}.{ending(mime)}",
        mime=mime,
        size=item.size or 0,
    )


def _wanted(media: Sequence[MediaRow], kinds: frozenset[str]) -> list[MediaRow]:
    return [item for item in media if not kinds or {"round": "video"}.get(item.kind, item.kind) in kinds]


def _plain(name: str) -> str:
    """A name of ours for a file: the source's own is data and never a name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "file"
