"""PURE: what is read of a feed: a document and its entries, and what every kind of feed reads alike."""

import math
import re
from collections.abc import Sequence
from typing import TypedDict
from urllib.parse import urljoin

from bot.foreign.json import storable


class Unreadable(Exception):
    """Why the document cannot be read as a feed: one sentence."""


class File(TypedDict):
    """An attached file as the feed declares it."""

    url: str
    mime: str
    bytes: int | None
    duration_s: float | None
    name: str


class ParsedEntry(TypedDict):
    """One entry. Times are microseconds UTC or None; `raw` is its place in the document, else `source` holds it.

    `body` is the first of its bodies, which names an entry that has no other name; `captions` are words about its
    files, `quoted` those of posts that it embeds.
    """

    guid: str
    link: str
    title: str
    author: str
    text: str
    body: str
    captions: list[str]
    quoted: str
    links: list[tuple[str, str]]
    files: list[File]
    published: int | None
    published_raw: str
    updated: int | None
    updated_raw: str
    raw: tuple[int, int] | None
    source: str


class ParsedFeed(TypedDict):
    """The whole document. `total` counts its entries; `entries` holds at most `cap` of them, in document order.

    `note` says how its bytes were decoded, where a person should know that. `picture` is the address of its picture,
    without a query. `generator`, `built` (microseconds UTC) and `ttl` (minutes) are what it says of itself.
    """

    kind: str
    title: str
    picture: str
    generator: str
    built: int | None
    ttl: int | None
    total: int
    entries: list[ParsedEntry]
    broken: str
    refused: list[tuple[str, str]]
    note: str


def keep_newest(entries: list[ParsedEntry], cap: int) -> list[ParsedEntry]:
    """At most `cap` entries, those with the newest dates, in document order; without dates the first ones."""
    if len(entries) <= cap:
        return entries
    dated = [entry["published"] or entry["updated"] or -math.inf for entry in entries]
    kept = sorted(range(len(entries)), key=lambda number: -dated[number])[:cap]
    return [entries[number] for number in sorted(kept)]


def one_line_of(text: str) -> str:
    """The words on one line."""
    return storable(" ".join(text.split()))


def absolute(source: str, link: str) -> str:
    """The absolute address, "" where it cannot be built."""
    try:
        return storable(urljoin(source, link.strip())) if link.strip() else ""
    except ValueError:
        return ""


def picture_of(source: str, link: object) -> str:
    """The address of a picture without its query, by which it is known; "" for anything else."""
    address = absolute(source, link).partition("?")[0] if isinstance(link, str) else ""
    return address[:1000] if address.startswith(("http://", "https://")) else ""


def count_of(value: object) -> int | None:
    """A count that a stranger wrote in digits; None for anything else, and for 0."""
    digits = str(value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < len(digits) < 16 and int(digits) else None


def read_duration(value: str) -> float | None:
    """Seconds of "95", "1:35", "1:02:03", "95.5"; None for anything else."""
    if not re.fullmatch(r"\d{1,6}(:\d{1,2}){0,2}(\.\d{1,6})?", value.strip(), re.ASCII):
        return None
    total = 0.0
    for part in value.strip().split(":"):
        total = total * 60 + float(part)
    return total or None


# Several bodies of one entry --------------------------------------------------------------------------------------

_CUT_OFF = re.compile(
    r"\s*[\[(]?(?:…|\.{3,})[\])]?\s*(?:(?:continue reading|read (?:more|on|the rest)|more)\b.{0,200}|[»→]*)$",
    re.IGNORECASE,
)


_OF_WORD = re.compile(r"\w")


def join_bodies(bodies: Sequence[str]) -> str:
    """Every body once, the first one first: an empty one never wins, and what was said already is left out."""
    spoken = [body for body in bodies if has_words(body)] or [body for body in bodies if body][:1]
    kept = ""
    for body in spoken:
        if kept and is_said(kept, body):
            kept = body  # the whole of what was cut off before
            continue
        new = [paragraph for paragraph in re.split(r"\n\n+", body) if not is_said(paragraph, kept)]
        kept = "\n\n".join((kept, *new) if kept else (body,)) if new or not kept else kept
    return kept


def has_words(text: str) -> bool:
    """Whether there is more than signs and spaces."""
    return any(letter.isalnum() for letter in text)


def is_said(words: str, text: str) -> bool:
    """Whether the text holds these words, whole or cut off with an ellipsis; line breaks do not matter."""
    words, text = " ".join(words.split()), " ".join(text.split())
    whole = words[:-300] + _CUT_OFF.sub("", words[-300:])
    if not whole:
        return not has_words(words)
    at = text.find(whole)
    if at < 0:
        return False
    end = at + len(whole) if whole == words else len(text)
    if not (at and _OF_WORD.match(text, at - 1)) and not _OF_WORD.match(text, end):
        return True
    behind = "" if whole != words else r"(?!\w)"  # there it is part of other words; compiling is dear, and so is last
    return re.search(rf"(?<!\w){re.escape(whole)}{behind}", text) is not None
