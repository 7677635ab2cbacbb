"""PURE: lines -> pages that fit into a message of Telegram; of the words of others nothing can be tapped."""

from collections.abc import Iterable, Sequence

from bot.foreign.graphemes import clip, count_units
from bot.foreign.inert import make_inert
from bot.foreign.text import one_line
from storage.frozen import dataclass

_PAGE = 3_000  # UTF-16 units; a message may have 4,096
_LINE = 900
_LINES = 24


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """One page of an answer, counted from 0."""

    text: str
    number: int
    of: int


def say_of(text: str, most: int = _LINE) -> str:
    """Words of others, as they were written: on one line, cut, and no more than words."""
    return make_inert(clip(one_line(text[: 20 * most]), most))


def find_page(lines: Iterable[str], number: int) -> AnswerPage:
    """The page with this number, or the last one; a page ends between two lines."""
    pages = _fill(list(lines) or ["nothing"])
    chosen = min(max(number, 0), len(pages) - 1)
    text = "\n".join(pages[chosen])
    return AnswerPage(text if len(pages) == 1 else f"{text}\n\npage {chosen + 1} of {len(pages)}", chosen, len(pages))


def _fill(lines: Sequence[str]) -> list[list[str]]:
    pages: list[list[str]] = [[]]
    used = 0
    for whole in lines:
        line = clip(whole, _LINE)
        size = count_units(line) + 1
        if pages[-1] and (used + size > _PAGE or len(pages[-1]) >= _LINES):
            pages.append([])
            used = 0
        pages[-1].append(line)
        used += size
    return pages
