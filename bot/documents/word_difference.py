"""PURE: what is different between two texts, word by word in every script: in some a syllable is the smallest piece."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from storage.frozen import dataclass
from storage.language.syllables import CHINESE, KHMER, LAO, MYANMAR, THAI

Change = Literal["same", "gone", "new"]

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0903"
    "\u093a-\u0963\u200c\u200d"
)
_TOKEN = re.compile(rf"{MYANMAR}|{THAI}|{LAO}|{KHMER}|{CHINESE}|[\w{_MARKS}]+(?:['’][\w{_MARKS}]+)*|\s+|.", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOST = 400_000  # comparisons of two words; of more, lines are compared first
_MOST_LINES = 4_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch of words that both texts have, or only the earlier, or only the later one."""

    change: Change
    text: str


def compare_words(before: str, after: str) -> list[Difference]:
    """The way from one text to the other; what is same and new makes the later one, same and gone the earlier one."""
    return list(_joined(_with_spaces(list(_compare(before, after)))))


def _compare(before: str, after: str) -> Iterator[Difference]:
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    head = _alike(old, new)
    tail = min(_alike(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    yield Difference("same", "".join(old[:head]))
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(old_middle) * len(new_middle) <= _MOST:
        yield from _matched(old_middle, new_middle)
    else:
        yield from _by_lines("".join(old_middle), "".join(new_middle))
    yield Difference("same", "".join(old[len(old) - tail :]))


def _by_lines(before: str, after: str) -> Iterator[Difference]:
    old, new = _LINE.findall(before), _LINE.findall(after)
    if len(old) * len(new) > _MOST_LINES:
        yield from (Difference("gone", before), Difference("new", after))
        return
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        words = _TOKEN.findall(gone), _TOKEN.findall(come)
        if kind == "replace" and len(words[0]) * len(words[1]) <= _MOST:
            yield from _matched(*words)
        else:
            yield from _as_changes(kind, gone, come)


def _matched(old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield from _as_changes(kind, "".join(old[a:b]), "".join(new[c:d]))


def _as_changes(kind: str, gone: str, come: str) -> Iterator[Difference]:
    if kind == "equal":
        yield Difference("same", come)
    else:
        yield from (Difference("gone", gone), Difference("new", come))


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _with_spaces(found: list[Difference]) -> Iterator[Difference]:
    """A space between two changed words is changed, too: what reads as one change is one."""
    found = [one for one in found if one.text]
    for place, one in enumerate(found):
        between = 0 < place < len(found) - 1 and found[place - 1].change != "same" != found[place + 1].change
        if one.change == "same" and between and one.text.isspace():
            yield from (Difference("gone", one.text), Difference("new", one.text))
        else:
            yield one


def _joined(found: Iterator[Difference]) -> Iterator[Difference]:
    """Neighbours of one kind as one; in a run of changes what is gone comes first."""
    gone = come = same = ""
    for one in found:
        if one.change == "same":
            if gone or come:
                yield from _changes(gone, come)
                gone = come = ""
            same += one.text
            continue
        if same:
            yield Difference("same", same)
            same = ""
        gone, come = (gone + one.text, come) if one.change == "gone" else (gone, come + one.text)
    yield from _changes(gone, come)
    if same:
        yield Difference("same", same)


def _changes(gone: str, come: str) -> Iterator[Difference]:
    if gone:
        yield Difference("gone", gone)
    if come:
        yield Difference("new", come)
