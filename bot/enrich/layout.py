"""PURE: the words that OCR found, each with its box -> lines of text in reading order, and the mean confidence."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from storage.frozen import dataclass

_UNSPACED = "\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60"  # Thai, Lao, Chinese, Japanese
_ENDS_UNSPACED, _BEGINS_UNSPACED = re.compile(f"[{_UNSPACED}]$"), re.compile(f"^[{_UNSPACED}]")
_WORD_LEVEL = "5"
_COLUMNS = 12
_SURE = 60.0  # confidence of a word
_FEW = 12  # words of a page that has no columns
_GUTTER, _COLUMN = 1.2, 8.0  # least width of the gap between two columns and of a column, in heights of a word


@dataclass(frozen=True, slots=True)
class Word:
    """One word; lengths in pixels. `fragment` is its line as the engine saw it, `confidence` is 0 to 100."""

    text: str
    left: int
    top: int
    width: int
    height: int
    confidence: float
    fragment: tuple[str, str, str]

    @property
    def right(self) -> int:
        return self.left + self.width

    def scaled(self, by: float) -> "Word":
        """The same word on the same page in another size."""
        left, top, width, height = (round(side * by) for side in (self.left, self.top, self.width, self.height))
        return replace(self, left=left, top=top, width=width, height=height)

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def words(tsv: str) -> list[Word]:
    """Parse Tesseract's `tsv` output (https://github.com/tesseract-ocr/tesseract, tsv renderer); skip invalid lines."""
    found = []
    for line in tsv.splitlines():
        cells = line.split("\t")
        if len(cells) < _COLUMNS or cells[0] != _WORD_LEVEL:
            continue
        text = "\t".join(cells[11:]).strip()
        try:
            left, top, width, height = (int(cell) for cell in cells[6:10])
            sure = float(cells[10])
        except ValueError:
            continue
        if text:
            found.append(Word(text, left, top, width, height, sure, (cells[2], cells[3], cells[4])))
    return found


def confidence(found: Iterable[Word]) -> float:
    """Mean confidence of the words, weighted by length, 0 to 100; 0 without words."""
    letters = sure = 0.0
    for word in found:
        letters += len(word.text)
        sure += word.confidence * len(word.text)
    return min(100.0, max(0.0, sure / letters)) if letters else 0.0


def missed(found: Sequence[Word], other: Iterable[Word]) -> list[Word]:
    """The sure words of another reading of the same page, at places where this one has no word."""
    return [word for word in other if word.confidence >= _SURE and not any(_overlap(word, one) for one in found)]


def _overlap(word: Word, other: Word) -> bool:
    """Whether a fifth of the smaller of two words lies in the other."""
    wide = min(word.right, other.right) - max(word.left, other.left)
    high = min(word.top + word.height, other.top + other.height) - max(word.top, other.top)
    smaller = min(word.width * word.height, other.width * other.height)
    return wide > 0 and high > 0 and wide * high * 5 > smaller


def in_order(found: Iterable[Word]) -> str:
    """Lines in the order of the engine's layout analysis; column by column, if there are columns."""
    pages = columns(list(found))
    if len(pages) > 1:
        return "\n".join(map(rebuilt, pages))
    return "\n".join(_joined(line) for line in _fragments(pages[0]))


def columns(found: list[Word]) -> list[list[Word]]:
    """The words of each column, from left to right: columns of long lines with a gap in which no word is."""
    if len(found) < _FEW:
        return [found]
    high = median(word.height for word in found)
    gaps: list[tuple[float, list[Word], list[Word]]] = []
    reached = 0
    in_order = sorted(found, key=lambda word: word.left)
    for place, word in enumerate(in_order):
        if place and word.left - reached >= _GUTTER * high:
            gaps.append((word.left - reached, in_order[:place], in_order[place:]))
        reached = max(reached, word.right)
    gaps = [gap for gap in gaps if min(_width(gap[1]), _width(gap[2])) >= _COLUMN * high and _beside(gap[1], gap[2])]
    if not gaps:
        return [found]
    _, left, right = max(gaps, key=lambda gap: gap[0])
    return columns(left) + columns(right)


def _width(found: list[Word]) -> float:
    return max(word.right for word in found) - min(word.left for word in found)


def _beside(left: list[Word], right: list[Word]) -> bool:
    """Whether two columns are at the same height for most of the lower one."""
    (top, bottom), (other_top, other_bottom) = (
        (min(word.top for word in words), max(word.top + word.height for word in words)) for words in (left, right)
    )
    shared = min(bottom, other_bottom) - max(top, other_top)
    return shared > 0.5 * min(bottom - top, other_bottom - other_top)


def rebuilt(found: Iterable[Word]) -> str:
    """Lines built from the positions of the words, because sparse text comes in no order; the page may be skewed.

    A fragment continues the line that ends just left of it at the same height. Lines are then ordered from top to
    bottom along the slope that most of them have.
    """
    pages = columns(list(found))
    if len(pages) > 1:
        return "\n".join(map(rebuilt, pages))
    fragments = _fragments(pages[0])
    if not fragments:
        return ""
    high = median(max(word.height for word in fragment) for fragment in fragments)
    lines: list[list[Word]] = []
    for fragment in sorted(fragments, key=lambda one: one[0].left):
        first = fragment[0]
        near = [
            (abs(first.middle - line[-1].middle), index)
            for index, line in enumerate(lines)
            if -0.7 * high <= first.left - line[-1].right <= 6 * high
        ]
        away, index = min(near, default=(high, 0))
        if away < 0.5 * high:
            lines[index] += fragment
        else:
            lines.append(list(fragment))
    long = [line for line in lines if line[-1].left - line[0].left > 6 * high]
    slope = median((line[-1].middle - line[0].middle) / (line[-1].left - line[0].left) for line in long) if long else 0
    lines.sort(key=lambda line: median(word.middle - slope * (word.left + word.width / 2) for word in line))
    return "\n".join(map(_joined, lines))


def _fragments(found: Iterable[Word]) -> list[list[Word]]:
    fragments: dict[tuple[str, str, str], list[Word]] = {}
    for word in found:
        fragments.setdefault(word.fragment, []).append(word)
    return list(fragments.values())


def _joined(line: list[Word]) -> str:
    """Words joined by spaces; in scripts without spaces only where the gap is wide."""
    text = line[0].text
    for before, word in itertools.pairwise(line):
        close = word.left - before.right < 0.6 * max(before.height, word.height)
        unspaced = _ENDS_UNSPACED.search(before.text) and _BEGINS_UNSPACED.search(word.text)
        text += word.text if close and unspaced else f" {word.text}"
    return text
