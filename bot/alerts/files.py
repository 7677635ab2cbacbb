"""PURE: what an alert says about files and about the text that engines made of them, and which files it attaches."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.alerts.plan import Reason
from bot.contracts.message import Attachment
from bot.rules import MEDIA_RULE
from storage.media.types import ending
from storage.records import Hit, MediaRow, PostRow, Story, TextRow

SURE = 0.6  # with less confidence a match in machine text is called possible
_HEARD = frozenset({"voice", "audio", "round", "video"})
_ORDER = ("voice", "audio", "round", "photo", "video", "document")  # in which one file is chosen to be attached


def is_about_files(story: Story) -> bool:
    """Whether a post alerts because of a file, not because of words."""
    return story.match.rule.startswith(MEDIA_RULE)


def is_possible(story: Story) -> bool:
    """Whether only a doubtful reading of a file says what the rule looks for, or nearly that."""
    return story.match.why == Reason.POSSIBLE


def describe_unread(story: Story, post: PostRow, kinds: Iterable[str] = ()) -> str | None:
    """Say that a file which alerts is not transcribed or read yet; None if there is nothing to say.

    `kinds` are those that the source alerts on; none: any.
    """
    if not is_about_files(story) or story.match.kind != "match":
        return None
    wanted = _wanted(post.media, frozenset(kinds))
    made = {text.media_id for text in post.texts if text.kind in ("transcript", "ocr")}
    silent = [item for item in wanted if item.id not in made]
    if not silent or None in made:  # unknown of which file it was made
        return None
    words = "not transcribed" if any(item.kind in _HEARD for item in silent) else "not read"
    if len(silent) < len(wanted):
        words = f"{len(silent)} of {len(wanted)} {words}"
    missing = next((item for item in silent if item.state != "stored"), None)
    if missing is None:
        return words
    return f"{words}; file not downloaded ({missing.reason or 'still in progress'})"


def describe_machines(texts: Sequence[TextRow], hits: Sequence[Hit], media: Sequence[MediaRow] = ()) -> list[str]:
    """For each machine text with hits, name the engine, its confidence, and the times in the recording."""
    by_id = {text.id: text for text in texts}
    found: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.text_id in by_id and by_id[hit.text_id].engine is not None:
            found.setdefault(hit.text_id, []).append(hit)
    return [_made_by(by_id[text_id], inside, media) for text_id, inside in found.items()]


def _made_by(text: TextRow, hits: Sequence[Hit], media: Sequence[MediaRow]) -> str:
    how = {"transcript": "transcribed by", "ocr": "read from an image by"}.get(text.kind, f"{text.kind} by")
    sure = None if text.confidence is None else f"confidence {text.confidence:.2f}"
    times = [format_timecode(start) for hit in hits[:3] if (start := find_second(text, hit)) is not None]
    places = [place for place, item in enumerate(media, 1) if item.id == text.media_id]
    parts = (
        f"{how} {text.engine or 'an engine'}",
        text.language,
        sure,
        f"file {places[0]} of {len(media)}" if places and len(media) > 1 else None,
        f"at {', '.join(dict.fromkeys(times))}" if times else None,
        "possible" if is_in_doubt(text, hits) else None,
    )
    return " · ".join(part for part in parts if part)


def is_doubtful(text: TextRow) -> bool:
    """Whether a match in this machine text is only possible."""
    return text.unreliable or (text.confidence is not None and text.confidence < SURE)


def is_in_doubt(text: TextRow, hits: Iterable[Hit]) -> bool:
    """Whether all of these hits are only possible."""
    doubted = [(piece.start, piece.end) for piece in text.segments if piece.unreliable]
    return is_doubtful(text) or all(any(start <= hit.start < end for start, end in doubted) for hit in hits)


def find_second(text: TextRow, hit: Hit) -> float | None:
    """The second of the recording at which a passage begins; None if the engine gave no times."""
    inside = (piece for piece in text.segments if piece.start <= hit.start < piece.end)
    piece = next(inside, None)
    if piece is None:
        return None
    return max((second for place, second in piece.words if place <= hit.start), default=piece.start_s)


def format_timecode(seconds: float) -> str:
    """Write 0:42 or 1:02:03."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def list_attachments(story: Story, post: PostRow, data_dir: Path | None, kinds: Iterable[str] = ()) -> list[Attachment]:
    """The files that an alert about files, or about a doubtful reading of one, may attach: recordings first."""
    if data_dir is None or story.match.kind != "match":
        return []
    if is_possible(story):
        read = {text.media_id for text in post.texts if text.id in {hit.text_id for hit in story.match.hits}}
        wanted = [item for item in post.media if item.id in read]
    else:
        wanted = _wanted(post.media, frozenset(kinds)) if is_about_files(story) else []
    return _stored(wanted, post, data_dir)


def find_only_file(story: Story, post: PostRow, data_dir: Path | None) -> list[Attachment]:
    """The file of a post with one, if its bytes are there; several follow the alert, and so does one that is late."""
    return list_stored(post, data_dir) if len(post.media) == 1 and story.match.kind == "match" else []


def list_stored(post: PostRow, data_dir: Path | None) -> list[Attachment]:
    """Every file of a post whose bytes are there: recordings first."""
    return [] if data_dir is None else _stored(post.media, post, data_dir)


def _stored(items: Iterable[MediaRow], post: PostRow, data_dir: Path) -> list[Attachment]:
    stored = [item for item in items if item.state == "stored" and item.path]
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
        media_id=item.id or 0,
    )


def describe_left_out(files: Sequence[Attachment], attached: Attachment | None, *, follow: bool) -> str | None:
    """Say that not all files are attached; None if all are, or if the others `follow`."""
    if attached is None:
        return f"too large to attach ({files[0].size / (1 << 20):,.0f} MB)" if files else None
    return f"1 of {len(files)} files attached" if len(files) > 1 and not follow else None


def _wanted(media: Sequence[MediaRow], kinds: frozenset[str]) -> list[MediaRow]:
    return [item for item in media if not kinds or {"round": "video"}.get(item.kind, item.kind) in kinds]


def _plain(name: str) -> str:
    """Our name for a file: the source's own is data and never a name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "file"
