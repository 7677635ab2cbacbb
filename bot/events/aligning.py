"""PURE: the changes that make one text of another, as difflib finds them, but faster where both begin or end alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import islice
from operator import indexOf, ne

Opcode = tuple[str, int, int, int, int]
_PAIRS = 500_000  # of equal words: beyond that aligning two texts takes long
_TRIED = 16  # words, to find one that both texts have once


def align(first: Sequence[str], later: Sequence[str]) -> Sequence[Opcode]:
    """The changes that make one text of the other; words that are everywhere are no anchors if that costs too much."""
    if len(first) * len(later) <= _PAIRS:
        return _align_between(first, later) or SequenceMatcher(None, first, later, autojunk=False).get_opcodes()
    ours, theirs = Counter(first), Counter(later)
    pairs = sum(count * theirs[token] for token, count in ours.items())
    return SequenceMatcher(None, first, later, autojunk=pairs > _PAIRS).get_opcodes()


def _align_between(first: Sequence[str], later: Sequence[str]) -> list[Opcode]:
    """What difflib says of texts that begin and end alike, with changes between; nothing if that is not certain.

    It takes the longest stretch that both have, then the longest on each side of that. A stretch that is as long as the
    common beginning has some words of it for certain, whatever else it has. If one of those is only once in each text,
    it can have no other place, and the stretch is the beginning itself. The same goes for the end.
    """
    shorter = min(len(first), len(later))
    head, tail = _count_equal(first, later), _count_equal(first[::-1], later[::-1])
    until, end = len(first) - tail, len(later) - tail
    if head + tail > shorter:
        return []
    change = shorter - head - tail
    longest = max(head, tail)
    anchors = [
        first[shorter - head : head] if head == longest else first[len(first) - tail : len(first) - shorter + tail]
    ]
    if head < tail and head:
        anchors.append(first[change:head])
    elif tail and tail < head:
        anchors.append(first[until : len(first) - change])
    if not all(_has_unique(words, first, later) for words in anchors):
        return []
    between = _align_rest(first[head:until], later[head:end])
    changes = [
        ("equal", 0, head, 0, head),
        *((what, low + head, high + head, start + head, stop + head) for what, low, high, start, stop in between),
        ("equal", until, len(first), end, len(later)),
    ]
    return [change for change in changes if change[1] < change[2] or change[3] < change[4]]


def _align_rest(first: Sequence[str], later: Sequence[str]) -> Sequence[Opcode]:
    if set(first).isdisjoint(later):
        return [("insert" if not first else "replace" if later else "delete", 0, len(first), 0, len(later))]
    return SequenceMatcher(None, first, later, autojunk=False).get_opcodes()


def _count_equal(first: Sequence[str], later: Sequence[str]) -> int:
    """With how many equal words both begin."""
    try:
        return indexOf(map(ne, first, later), True)
    except ValueError:  # all of the shorter one
        return min(len(first), len(later))


def _has_unique(words: Sequence[str], first: Sequence[str], later: Sequence[str]) -> bool:
    return any(first.count(word) == 1 == later.count(word) for word in islice(words, _TRIED))
