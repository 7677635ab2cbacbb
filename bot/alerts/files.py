"""PURE: what an alert says of files and of the words made of them, and which bytes it brings along."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.contracts.message import Attachment
from bot.rules import MEDIA_RULE
from storage.media.types import ending
from storage.records import Hit, MediaRow, PostRow, Story, TextRow

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
    made = {text.media_id for text in post.texts if text.kind in ("transcript", "ocr")}
    silent = [item for item in wanted if item.id not in made]
    if not silent or None in made:  # nobody says which file it was made of
        return None
    words = "not yet heard" if any(item.kind in _HEARD for item in silent) else "not yet read"
    if len(silent) < len(wanted):
        words = f"{len(silent)} of {len(wanted)} {words}"
    missing = next((item for item in silent if item.state != "stored"), None)
    if missing is None:
        return words
    return f"{words}, and we do not have it ({missing.reason or 'it is still coming'})"


def provenance(texts: Sequence[TextRow], hits: Sequence[Hit], media: Sequence[MediaRow] = ()) -> list[str]:
    """For each machine text with hits, say which machine it was, how sure, and at which time it was said."""
    by_id = {text.id: text for text in texts}
    found: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.text_id in by_id and by_id[hit.text_id].engine is not None:
            found.setdefault(hit.text_id, []).append(hit)
    return [_made_by(by_id[text_id], inside, media) for text_id, inside in found.items()]


def _made_by(text: TextRow, hits: Sequence[Hit], media: Sequence[MediaRow]) -> str:
    how = {"transcript": "heard by", "ocr": "read from a picture by"}.get(text.kind, f"{text.kind} by")
    sure = None if text.confidence is None else f"confidence {text.confidence:.2f}"
    times = [timecode(start) for hit in hits[:3] if (start := said_at(text, hit)) is not None]
    places = [place for place, item in enumerate(media, 1) if item.id == text.media_id]
    parts = (
        f"{how} {text.engine or 'a machine'}",
        text.language,
        sure,
        f"file {places[0]} of {len(media)}" if places and len(media) > 1 else None,
        f"at {', '.join(dict.fromkeys(times))}" if times else None,
        "possible" if is_doubtful(text) else None,
    )
    return " · ".join(part for part in parts if part)


def is_doubtful(text: TextRow) -> bool:
    """Whether what is found in machine text is only possible."""
    return text.unreliable or (text.confidence is not None and text.confidence < SURE)


def said_at(text: TextRow, hit: Hit) -> float | None:
    """The second of the recording at which a passage begins; None where the engine told no times."""
    inside = (piece for piece in text.segments if piece.start <= hit.start < max(piece.end, hit.start))
    return next((piece.start_s for piece in inside), None)


def timecode(seconds: float) -> str:
    """Write 0:42 or 1:02:03."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def carried(story: Story, post: PostRow, data_dir: Path | None, kinds: Iterable[str] = ()) -> list[Attachment]:
    """The files that an alert about files may bring along: what can be heard first, then what can be seen."""
    if data_dir is None or not is_about_files(story) or story.match.kind != "match":
        return []
    stored = [item for item in _wanted(post.media, frozenset(kinds)) if item.state == "stored" and item.path]
    stored.sort(key=lambda one: _ORDER.index(one.kind) if one.kind in _ORDER else len(_ORDER))
    return [_attachment(item, post, data_dir) for item in stored]


def _attachment(item: MediaRow, post: PostRow, data_dir: Path) -> Attachment:
    mime = item.sniffed or "application/octet-stream"
    return Attachment(
        kind=item.kind,
        path=data_dir / (item.path or ""),
        name=f"{_plain(post.source)}-{_plain(post.native_id)}.{ending(mime)}",
        mime=mime,
        size=item.size or 0,
    )


def beside(files: Sequence[Attachment], attached: Attachment | None) -> str | None:
    """Say which of the files does not go along; None where all do."""
    if attached is None:
        return f"too large to go along: {files[0].size / (1 << 20):,.0f} MB" if files else None
    return f"one of {len(files)} files goes along" if len(files) > 1 else None


def _wanted(media: Sequence[MediaRow], kinds: frozenset[str]) -> list[MediaRow]:
    return [item for item in media if not kinds or {"round": "video"}.get(item.kind, item.kind) in kinds]


def _plain(name: str) -> str:
    """A name of ours for a file: the source's own is data and never a name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "file"
