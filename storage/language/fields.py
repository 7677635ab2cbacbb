"""PURE: the fields of a query: which there are, what their values mean, and what a mistaken one was meant to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar

from storage.language.distance import within
from storage.language.tree import HasText, Is, Node, QueryError, When

NAMES = ("source", "tag", "side", "lang", "has", "in", "from", "id", "event", "rule", "date", "since", "until")
HAS = ("voice", "audio", "photo", "video", "document", "forward", "reply", "edit", "poll")
IN = {
    "text": frozenset({"body", "poll", "attached"}),
    "card": frozenset({"card"}),
    "quoted": frozenset({"quoted"}),
    "file": frozenset({"file"}),
    "transcript": frozenset({"transcript"}),
    "ocr": frozenset({"ocr"}),
    "translation": frozenset({"translation"}),
}
_LANGUAGES = {
    "mya": "my", "bur": "my", "burmese": "my", "shan": "shn", "kachin": "kac", "mon": "mnw", "karen": "ksw",
    "tha": "th", "thai": "th", "lao": "lo", "khm": "km", "zho": "zh", "chi": "zh", "chinese": "zh", "ara": "ar",
    "arabic": "ar", "rus": "ru", "russian": "ru", "ukr": "uk", "ukrainian": "uk", "eng": "en", "english": "en",
    "jpn": "ja", "kor": "ko", "fas": "fa", "per": "fa", "heb": "he", "ell": "el", "gre": "el",
}  # fmt: skip
_DATE = r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d*)?)?\s*([Zz]|[+-]\d\d:?\d\d)?)?)?)?"
_Value = TypeVar("_Value")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def suggestion(name: str) -> str | None:
    """The field that a name before a colon was probably meant to be; None if it is just a word."""
    word = name.lower()
    for field in NAMES:
        if (
            len(field) > 2
            and len(word) > 2
            and (within(word, field, 1) or (word.startswith(field) and word in _LONGER))
        ):
            return field
    return None


_CHANNEL = re.compile(
    r"@(\w+)|(?:(?:https?:)?//)?(?:(?:www\.)?(?:t|telegram)\.(?:me|dog)/(?:s/)?@?([a-z]\w{3,31})|([a-z]\w{3,31})\.t\.me)"
    r"(?:[/?#].*)?|tg:(?://)?resolve\?domain=(\w+).*"
)
_LONGER = frozenset({"language", "sources", "tags", "sides", "rules", "dates"})


def predicate(field: str, value: str, zone: tzinfo, position: int) -> Node:
    """What `field:value` says. Raises QueryError."""
    word = value.strip().casefold()
    if not word:
        raise QueryError(f"{field}: needs a value right after the colon", position)
    if field == "in":
        return HasText(_one_of(field, word, IN, position))
    if field == "has":
        _one_of(field, word, dict.fromkeys(HAS), position)
    elif field == "lang":
        word = _LANGUAGES.get(word, word.split("-")[0])
        if not re.fullmatch("[a-z]{2,3}", word):
            raise QueryError("lang: takes a language code such as my, shn, th, zh, uk or und", position)
    elif field == "source":
        word = _channel(word)
    elif field == "id" and not re.fullmatch("[0-9]{1,19}", word):
        raise QueryError("id: takes the number of a post, as `search` and `show` print it", position)
    elif field == "event" and not re.fullmatch("[0-9]{1,19}", word):
        raise QueryError("event: takes the number of an event, as `events list` prints it", position)
    elif field in ("date", "since", "until"):
        return _dated(field, value, zone, position)
    return Is(field, word)


def _channel(word: str) -> str:
    """The public name in "@name" and in every link to a Telegram channel; any other word as it is."""
    found = _CHANNEL.fullmatch(word)
    return word if found is None else next(filter(None, found.groups()))


def _one_of(field: str, word: str, known: Mapping[str, _Value], position: int) -> _Value:
    if word not in known:
        raise QueryError(f"{field}: takes one of {', '.join(known)}", position)
    return known[word]


def _dated(field: str, value: str, zone: tzinfo, position: int) -> When:
    """A day, month, year or minute, or from (or after) one with >= > <= <."""
    sign = re.match("[<>]=?", value)
    start, end = moment(value[sign.end() :] if sign else value, zone, position)
    how = sign[0] if sign else {"since": ">=", "until": "<="}.get(field, "")
    return {"": When(start, end), ">=": When(start, None), ">": When(end, None), "<": When(None, start)}.get(
        how, When(None, end)
    )


def between(low: str, high: str, zone: tzinfo, position: int, *, with_low: bool, with_high: bool) -> When:
    """A range; `*` is open. A day counts whole: [2024-07-01 TO 2024-07-02] is two days. Raises QueryError."""
    first = None if low == "*" else moment(low, zone, position)
    last = None if high == "*" else moment(high, zone, position)
    start = first[0 if with_low else 1] if first else None
    end = last[1 if with_high else 0] if last else None
    if start is not None and end is not None and start >= end:
        raise QueryError(f"The dates from {low} to {high} hold no moment", position)
    return When(start, end)


def moment(written: str, zone: tzinfo, position: int) -> tuple[int, int]:
    """The stretch of time that a date means, as precise as it is written: [start, end) in microseconds UTC."""
    match = re.fullmatch(_DATE, written.strip())
    if match is None:
        raise QueryError(f"Write a date as 2024-07-01, 2024-07 or 2024-07-01T12:30, not {written!r}", position)
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    assert year is not None
    offset = match[7]
    try:
        if offset:
            zone = UTC if offset in "Zz" else datetime.strptime(offset, "%z").tzinfo or UTC
        start = datetime(year, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
        if month is None:
            end = start.replace(year=year + 1)
        elif day is None:
            end = start.replace(year=year + month // 12, month=month % 12 + 1)
        else:
            end = start + (
                timedelta(days=1) if hour is None else timedelta(minutes=1) if second is None else timedelta(seconds=1)
            )
        return (start - _EPOCH) // _MICROSECOND, (end - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise QueryError(f"There is no date {written!r}", position) from None
