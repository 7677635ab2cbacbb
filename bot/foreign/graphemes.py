"""PURE: text cut where people see a letter end (UAX 29), and its length as Telegram counts it."""

from collections.abc import Callable, Iterator
from unicodedata import category

ELLIPSIS = "…"
_JOINER = "\u200d"
_STACKER = "\u1039"  # Burmese virama: the next consonant is under this one
_LONGEST = 32  # code points; a longer one is an attack, not a letter


def count_units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def count_bytes(text: str) -> int:
    """Length in bytes of UTF-8."""
    return len(text.encode("utf-8", "replace"))


def split_graphemes(text: str) -> Iterator[str]:
    """Cut into what a reader sees as one letter: with its marks, stacked consonants, joined emoji, pairs of flags.

    Close to the grapheme clusters of UAX 29; a cluster of more than 32 code points is cut there.
    """
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or place - start >= _LONGEST or not _joined(text, start, place):
            yield text[start:place]
            start = place


def clip(text: str, limit: int, size: Callable[[str], int] = count_units) -> str:
    """Keep at most `limit` UTF-16 units, or what `size` counts: whole clusters, and an ellipsis for what is missing."""
    if size(text) <= limit:
        return text
    kept: list[str] = []
    room = limit - size(ELLIPSIS)
    for grapheme in split_graphemes(text):
        room -= size(grapheme)
        if room < 0:
            break
        kept.append(grapheme)
    return "".join(kept).rstrip() + ELLIPSIS


def _joined(text: str, start: int, place: int) -> bool:
    letter, last = text[place], text[place - 1]
    if letter.isascii():
        return letter == "\n" and last == "\r"
    if category(letter)[0] == "M" or letter in "\u200c\u200d" or "\U0001f3fb" <= letter <= "\U0001f3ff":
        return True
    if "\U000e0020" <= letter <= "\U000e007f" or "\u1160" <= letter <= "\u11ff":  # flag tags, Hangul vowels and finals
        return True
    if last == _JOINER or (last == _STACKER and category(letter)[0] == "L"):
        return True
    return _flag(letter) and _flag(last) and (place - start) % 2 == 1


def _flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"
