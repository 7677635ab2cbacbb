"""PURE: how wide text is on a terminal, and where it is cut to fit; the one place that knows."""

import re
from collections.abc import Iterator
from unicodedata import category, east_asian_width

from bot.foreign.graphemes import split_graphemes

_JOINER = "\u200d"
_ASAT = "\u103a"  # closes a Burmese syllable: no line begins with the letter that bears it
_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")  # our own; in foreign text an escape is written out
_BREAKS = re.compile("( +)")


def text_width(text: str) -> int:
    """Columns that the text takes on a terminal, as xterm, VTE and tmux count them; our colour codes take none.

    Two for wide letters; none for marks that do not advance, for joiners and for what is joined. The spacing marks of
    Burmese, Thai, Khmer and the Indian scripts advance by one.
    """
    text = _COLOUR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_letter_width(letter, last) for letter, last in zip(text, "\0" + text, strict=False))


def _letter_width(letter: str, last: str) -> int:
    if letter == "\u00ad":  # a soft hyphen is drawn
        return 1
    if last == _JOINER and not "\u1000" <= letter <= "\u109f":  # an emoji of several; Burmese only hints with a joiner
        return 0
    if category(letter) in {"Mn", "Me", "Cf"} or "\u1160" <= letter <= "\u11ff":  # Hangul vowels and finals
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """Fill up with spaces to a width on a terminal."""
    return text + " " * (columns - text_width(text))


def cut(text: str, columns: int) -> str:
    """Shorten to a width, whole letters, with an ellipsis where something is missing. Without colour codes."""
    if text_width(text) <= columns:
        return text
    kept, left = [], columns - 1
    for letter in split_graphemes(text):
        left -= text_width(letter)
        if left < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def wrap(text: str, columns: int, *, indent: int = 0) -> list[str]:
    """Cut a line into lines of at most `columns`; all but the first begin with `indent` spaces.

    Lines end at spaces, and inside a word only where it is longer than a line; an address stays whole, so that it can
    be opened. May contain our colour codes.
    """
    if text_width(text) <= columns:
        return [text]
    rows, row, used = [], "", 0
    for piece in _pieces(text, max(columns - indent, 1)):
        size = text_width(piece)
        if used + size > columns and row.strip():
            rows.append(row.rstrip(" "))
            row, used = " " * indent, indent
            piece = piece.lstrip(" ")
            size = text_width(piece)
        row, used = row + piece, used + size
    return [*rows, row] if row.strip() or not rows else rows


def _pieces(text: str, columns: int) -> Iterator[str]:
    """Words, spaces and colour codes; a word that is longer than a line comes letter by letter."""
    for part in _COLOUR.split(text):
        if _COLOUR.fullmatch(part):
            yield part
            continue
        for word in _BREAKS.split(part):
            if text_width(word) <= columns or "://" in word:
                yield word
            else:
                for syllable in _syllables(word):
                    yield from [syllable] if text_width(syllable) <= columns else syllable


def _syllables(word: str) -> Iterator[str]:
    held = ""
    for letter in split_graphemes(word):
        if held and _ASAT not in letter:
            yield held
            held = ""
        held += letter
    yield held
