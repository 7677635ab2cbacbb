"""PURE: the one way in which words from outside are made safe to show in a terminal, a file or a table."""

import json
import re
from unicodedata import category

MARKS = 16
"""How many combining marks in a row are shown on one letter; no script needs more than half of that."""

# C0, DEL and C1; bidirectional controls; line and paragraph separators; deprecated format characters; byte order mark;
# annotations; lone surrogates; tags. Zero-width joiners stay, for Burmese, Persian and emoji need them.
_HOSTILE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_LINES = re.compile(f"[{_HOSTILE}]")
_IN_ONE_LINE = re.compile(f"[\t\n{_HOSTILE}]")
_MARKS_MAYBE = re.compile(rf"[^\w\s\x00-\x7f]{{{MARKS + 1},}}")
_SPACES = re.compile(r"[ \t\n]+")
_INVISIBLE = "\u200b\u200c\u200d\u2060"
_ON_ONE_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # made once: that takes as long as a short post
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def visible(text: str, *, newlines: bool = False) -> str:
    r"""Write out every character that could act on a terminal, as in `\u{001b}`.

    Line feeds and tabs stay only with `newlines`. Letters, emoji and joiners stay as they are; a run of combining
    marks is cut after the 16th, with the number of those left out. Never raises.
    """
    safe = (_IN_LINES if newlines else _IN_ONE_LINE).sub(_written_out, text)
    return safe if safe.isascii() else _MARKS_MAYBE.sub(_fewer_marks, safe)


def one_line(text: str) -> str:
    """Fit the words on one line: spaces, tabs and line feeds become one space, then as `visible`."""
    return visible(_SPACES.sub(" ", text))


NOT_UNDERSTOOD = "time not understood"
"""The one label of a time that the source gives in words that are not certain to mean one moment."""


def undated(words: str) -> str:
    """What is shown where a time is missing: the label with the source's own words, or that it gives none."""
    return f"{NOT_UNDERSTOOD} ({one_line(words)[:40]})" if words.strip() else "no date"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take this for a formula."""
    return text.startswith(_FORMULA)


def csv_cell(text: str) -> str:
    """Make one cell that no spreadsheet takes for a formula: a leading `'` where it could be one."""
    safe = visible(text, newlines=True)
    return f"'{safe}" if is_formula(text) else safe


def json_text(value: object, *, indent: int | None = None) -> str:
    r"""JSON that reads back exactly equal, with hostile characters as `\u` escapes and letters as themselves.

    Raises ValueError for NaN and infinities, which JSON does not know.
    """
    plain = (
        _ON_ONE_LINE if indent is None else json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent)
    ).encode(value)
    if plain.isprintable():  # nothing hostile is, and this is ten times faster than to look for it
        return plain
    # Line feeds of the indentation are no part of a string, and inside strings json has already escaped them.
    return _IN_LINES.sub(_as_json_escape, plain)


def _written_out(found: re.Match[str]) -> str:
    return f"\\u{{{ord(found[0]):04x}}}"


def _as_json_escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def _fewer_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    run = 0
    left_out = 0
    for character in found[0]:
        if category(character)[0] == "M" or (run and character in _INVISIBLE):
            run += 1
            if run > MARKS:
                left_out += 1
                continue
        else:
            kept.append(_note(left_out))
            run = left_out = 0
        kept.append(character)
    kept.append(_note(left_out))
    return "".join(kept)


def _note(left_out: int) -> str:
    return f"[+{left_out} marks]" if left_out else ""
