"""PURE: reads posts from lines of JSON; what is not a post is set aside with the reason."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from bot.foreign.json import find_refusal, read, storable
from storage.frozen import dataclass
from storage.records import (
    FetchedMedia,
    FetchedPost,
    Forward,
    GivenText,
    Link,
    MediaKind,
    Poll,
    Quarantined,
    Raw,
    Segment,
    StoredRaw,
)

LONGEST_LINE = 4 << 20
BATCH = 200
_KEPT_OF_LONG = 64 << 10
_LONGEST_ID = 1_000
_MIME = "application/x-ndjson"
_MACHINE = ("transcript", "ocr", "translation")
_YEARS = range(1970, 2200)
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?=\D|$)")
_FORM = 'expected ISO 8601 with an offset, such as "2026-11-22T09:30:00+06:30" or "…Z"'


class NotAPost(Exception):
    """Why a line is no post: one sentence."""


@dataclass(frozen=True, slots=True)
class ReadLines:
    """What one pass took: `end` is the offset behind the last line that was used.

    `skipping` is True inside a line that is too long and whose end has not come yet. `unfinished` is a last line
    without its newline that is no whole post: it is not used up. `more` says that complete lines are left.
    """

    posts: tuple[FetchedPost, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    end: int = 0
    skipping: bool = False
    unfinished: Quarantined | None = None
    more: bool = False


def read_lines(data: bytes, start: int, *, skipping: bool, tail: Literal["cut", "open", "ended"]) -> ReadLines:
    """Posts of the lines in `data`, which begin at offset `start`: at most 200 lines, and no id twice.

    A second version of a post begins the next batch, so versions are stored in the order of the lines. `tail` says
    what comes behind `data`: more that was not read, more that is not written yet, or nothing ever.
    """
    posts: dict[str, FetchedPost] = {}
    quarantined: list[Quarantined] = []
    unfinished: Quarantined | None = None
    more = False
    at = 0
    while at < len(data):
        newline = data.find(b"\n", at)
        whole = newline >= 0 or tail == "ended"
        line = data[at : newline if newline >= 0 else len(data)]
        if not whole and (skipping or len(line) > LONGEST_LINE):
            quarantined += [] if skipping else [_too_long(line)]
            skipping, at = True, len(data)
            break
        if not whole and tail == "cut":
            break
        found = None if skipping or not line.strip() else _post(line, first=start + at == 0)
        if isinstance(found, Quarantined) and not whole:
            unfinished = replace(found, reason=f"a last line without its newline: {found.reason}")
            break
        if found and (len(posts) + len(quarantined) == BATCH or _repeats(found, posts)):
            more = True
            break
        if isinstance(found, FetchedPost):
            posts[found.native_id] = found
        elif found:
            quarantined.append(found)
        skipping = False
        at = newline + 1 if newline >= 0 else len(data)
    upwards = sorted(posts.values(), key=lambda post: post.posted_at or 0)
    return ReadLines(tuple(upwards), tuple(quarantined), start + at, skipping, unfinished, more)


def reread(stored: StoredRaw) -> FetchedPost | None:
    """The post in a stored line; None if it is no post any more, or another one."""
    found = _post(stored.raw.data, first=True)
    return found if isinstance(found, FetchedPost) and found.native_id == stored.native_id else None


def _repeats(found: FetchedPost | Quarantined, posts: Mapping[str, FetchedPost]) -> bool:
    return isinstance(found, FetchedPost) and found.native_id in posts


def _too_long(line: bytes) -> Quarantined:
    kept = line[:_KEPT_OF_LONG]
    return Quarantined(
        Raw(kept, _MIME), f"a line longer than {LONGEST_LINE >> 20} MB; its first {len(kept) >> 10} KB are kept"
    )


def _post(line: bytes, *, first: bool) -> FetchedPost | Quarantined:
    if len(line) > LONGEST_LINE:
        return _too_long(line)
    raw = Raw(line, _MIME)
    try:
        document = read(line.removeprefix(b"\xef\xbb\xbf" if first else b"").decode("utf-8"))
    except UnicodeDecodeError as error:
        return Quarantined(raw, f"not UTF-8 at byte {error.start}")
    except ValueError as error:
        return Quarantined(raw, str(error))
    if not isinstance(document, dict):
        return Quarantined(raw, find_refusal(document) or "a line is one JSON object")
    if reason := find_refusal(document):
        return Quarantined(raw, reason)
    try:
        return _as_post(document, raw)
    except NotAPost as error:
        return Quarantined(raw, str(error), _shown_id(document.get("native_id")))


def _as_post(document: dict[str, Any], raw: Raw) -> FetchedPost:
    """The post of a line. Raises NoPost where something required is missing, or anything is of the wrong type."""
    edited_at = _time(document, "edited_at") if document.get("edited_at") is not None else None
    if "posted_at" not in document:
        raise NotAPost("posted_at is missing")
    posted_at = None if document["posted_at"] is None else _time(document, "posted_at")
    written = "posted_at" if document.get("posted_raw") is None else "posted_raw"
    return FetchedPost(
        native_id=_native_id(document.get("native_id")),
        raw=raw,
        text=_text(document, "text") or "",
        posted_at=posted_at,
        posted_raw="" if document[written] is None else _text(document, written),
        title=_optional(document, "title"),
        url=_optional(document, "url"),
        author=_optional(document, "author"),
        edited=edited_at is not None,
        edited_at=edited_at,
        forward=_forward(document.get("forwarded_from")),
        reply_to=_reply(document.get("reply_to")),
        links=tuple(_link(each) for each in _list(document, "links")),
        media=tuple(_media(each) for each in _list(document, "media")),
        poll=_poll(document),
        deleted_at=_time(document, "deleted_at") if document.get("deleted_at") is not None else None,
        texts=tuple(_given(each) for each in _list(document, "texts") if each.get("kind") in _MACHINE),
        attached=_texts(document, "attached") or None,
        cards=_texts(document, "card"),
        not_shown=next(iter(_texts(document, "notice")), None),
        quoted="\n\n".join(_texts(document, "quoted")),
    )


def _native_id(value: object, key: str = "native_id") -> str:
    """Text, or a whole number that a 64-bit integer holds; anything else cannot name a post for ever."""
    if type(value) is int and 0 <= value < 1 << 63:
        return str(value)
    if not isinstance(value, str):
        raise NotAPost(f"{key} is missing" if value is None else f"{key} cannot be {str(value)[:60]}")
    if not value.strip() or len(value) > _LONGEST_ID or storable(value) != value:
        raise NotAPost(f"{key} has 1 to {_LONGEST_ID} characters, no NUL and no half of a surrogate pair")
    return value


def _shown_id(value: object) -> str | None:
    return None if value is None else storable(str(value))[:_LONGEST_ID]


def _time(document: dict[str, Any], key: str) -> int:
    """Microseconds UTC of an ISO 8601 string with an offset; a leap second is the second after."""
    value = document.get(key)
    if not isinstance(value, str):
        raise NotAPost(f"{key}: {_FORM}, got {str(value)[:40]}")
    steady = _LEAP_SECOND.sub(":59", value.strip(), count=1)
    try:
        moment = datetime.fromisoformat(steady)
        bare = moment.tzinfo is None
        moment = moment.astimezone(UTC) + timedelta(seconds=1 if steady != value.strip() else 0)
    except (ValueError, OverflowError):
        bare = True
    if bare:
        raise NotAPost(f"{key}: {_FORM}, got {storable(value)[:40]!r}")
    if moment.year not in _YEARS:
        raise NotAPost(f"{key} lies outside the years {_YEARS[0]} to {_YEARS[-1]}: {storable(value)[:40]!r}")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise NotAPost(f"{key} is missing" if value is None else f"{key} must be text")
    return storable(value)


def _optional(document: Mapping[str, Any], key: str) -> str | None:
    return None if document.get(key) is None else _text(document, key) or None


def _list(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise NotAPost(f"{key} must be a list of objects")
    return value


def _forward(value: object) -> Forward | None:
    if value is None:
        return None
    if isinstance(value, str):
        return Forward(storable(value))
    if not isinstance(value, dict):
        raise NotAPost("forwarded_from must be a name or an object")
    fields = {key: _optional(value, key) for key in ("url", "source", "post")}
    return Forward(_optional(value, "name") or "", **fields)


def _reply(value: object) -> str | None:
    return None if value is None else _native_id(value, "reply_to")


def _link(value: Mapping[str, Any]) -> Link:
    return Link(_optional(value, "text") or "", _text(value, "url"))


def _poll(document: Mapping[str, Any]) -> Poll | None:
    """The poll among the `texts`: its question, and an option on each line below."""
    poll = next((each for each in _list(document, "texts") if each.get("kind") == "poll"), None)
    if poll is None:
        return None
    question, *options = _text(poll, "text").split("\n")
    return Poll(question, tuple(options))


def _texts(document: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    return tuple(_text(each, "text") for each in _list(document, "texts") if each.get("kind") == kind)


def _given(value: Mapping[str, Any]) -> GivenText:
    confidence = _length(value.get("confidence"))
    return GivenText(
        kind=value["kind"],
        text=_text(value, "text"),
        engine=_optional(value, "engine") or "",
        model=_optional(value, "model") or "",
        language=_optional(value, "language"),
        confidence=confidence if confidence is not None and confidence <= 1 else None,
        unreliable=value.get("unreliable") is True,
        segments=tuple(_segments(value)),
    )


def _segments(value: Mapping[str, Any]) -> Iterator[Segment]:
    for each in _list(value, "segments"):
        times, places = (_length(each.get("start_s")), _length(each.get("end_s"))), (each.get("start"), each.get("end"))
        start, end = (_size(place) for place in places)
        if times[0] is not None and times[1] is not None and start is not None and end is not None:
            words = tuple(_word_times(each))
            language, unreliable = _optional(each, "language"), each.get("unreliable") is True
            yield Segment(times[0], times[1], start, end, language, unreliable, words)


def _word_times(segment: Mapping[str, Any]) -> Iterator[tuple[int, float]]:
    for each in _list(segment, "words"):
        start, at_s = _size(each.get("start")), _length(each.get("at_s"))
        if start is not None and at_s is not None:
            yield start, at_s


def _media(value: Mapping[str, Any]) -> FetchedMedia:
    """A file as the archive's own JSON describes it. Its bytes do not travel with the line."""
    kind: MediaKind = value["kind"] if value.get("kind") in get_args(MediaKind) else "document"
    url, digest = _optional(value, "url"), _optional(value, "sha256")
    name = _optional(value, "name")
    key = _optional(value, "key") or digest or url or name or _optional(value, "path")
    return FetchedMedia(
        kind=kind,
        key=key or hashlib.sha256(repr(sorted(value.items(), key=str)).encode("utf-8", "replace")).hexdigest(),
        url=url,
        mime=_optional(value, "mime"),
        name=name,
        bytes=_size(value.get("bytes")),
        duration_s=_length(value.get("duration_s")),
        reason=None if url else _optional(value, "reason") or "the line names no address for it",
    )


def _size(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def _length(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
