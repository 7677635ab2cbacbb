"""PURE: whether a text that was published before a copy of its beginning is the whole of it, and no quote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from bot.events.denials import count_denials
from bot.events.words import list_tokens
from storage.frozen import dataclass

_FEW = 4  # tokens that may come after the place where a copy was cut: "read more"
_DOTS = re.compile(r"(?:…|\.{3})[^\w\n]*")
_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
# Where a sentence, a line or a quotation ends; Thai ends its sentences with a space.
_END = re.compile(rf"[.:](?=\s|$)|[!?။。！？…;：；»”\"’)\]—–\n{_EMOJI}]|(?<=[\u0e00-\u0eff])\s")


@dataclass(frozen=True, slots=True)
class Published:
    """A text as it was written, its compared tokens, when it was published (microseconds), and its source's handle."""

    text: str
    tokens: Sequence[str]
    at: int | None
    handle: str


def is_whole_of(whole: Published, cut: Published) -> bool:
    """Whether `cut` is the trimmed copy of a text that is older than it and continues at its end.

    What comes after a whole statement could be somebody's own words about it. So the copy has to show that it was cut:
    in the middle of a word or a sentence, with dots at its end, or by naming the other's source.
    And what it lacks must deny nothing.
    """
    if whole.at is None or cut.at is None or whole.at >= cut.at:
        return False
    *blocks, _ = SequenceMatcher(None, cut.tokens, whole.tokens, autojunk=False).get_matching_blocks()
    if not blocks:
        return False
    last = blocks[-1]
    left, begin = cut.tokens[last.a + last.size :], last.b + last.size
    if len(left) > _FEW or count_denials(left) or begin == len(whole.tokens):
        return False
    ends = list(_sentence_ends(whole))
    sentence = next((end for end in ends if end >= begin), len(whole.tokens))
    shows = begin not in ends or _is_cut_word(left, whole.tokens[begin]) or _ends_with_dots(cut) or _names(cut, whole)
    rest = whole.tokens[max(begin, sentence) :]
    return bool(ends) and shows and not count_denials(rest) and not count_denials(whole.tokens[begin:], strong=True)


def _sentence_ends(text: Published) -> Iterator[int]:
    """After how many tokens a sentence ends; nothing if the tokens of the sentences are not those of the text."""
    found: list[str] = []
    ends: list[int] = []
    for part in _END.split(text.text):
        found += list_tokens(part)
        ends.append(len(found))
    known = min(len(found), len(text.tokens))
    if found[:known] == list(text.tokens[:known]):
        yield from ends


def _is_cut_word(left: Sequence[str], word: str) -> bool:
    return len(left) == 1 and left[0] != word and word.startswith(left[0])


def _ends_with_dots(cut: Published) -> bool:
    """Whether the text stops with dots, but for a signature."""
    dots = list(_DOTS.finditer(cut.text))
    return bool(dots) and len(list_tokens(cut.text[dots[-1].end() :])) <= _FEW


def _names(cut: Published, whole: Published) -> bool:
    """Whether the copy has the handle or the address of the channel that it is from."""
    name = re.escape(whole.handle.removeprefix("@"))
    return len(name) >= _FEW and re.search(rf"(?:@|t\.me/(?:s/)?){name}(?!\w)", cut.text, re.IGNORECASE) is not None
