"""PURE: the sentences of a post that contain the hits of a rule, to compare after an edit and to quote."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

from storage.frozen import dataclass
from storage.records import Hit

# A sentence ends at a line feed, after a Burmese or CJK full stop, or after Latin punctuation before white space.
_END = re.compile(r"\n+|[။。！？]+|(?<![.!?…])[.!?…]++(?=\s)")
# What the source itself wrote; a transcript that is made later is no edit of the post.
WRITTEN = frozenset({"body", "poll", "file", "attached"})


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring sentences with hits: code points `start` to `end` of the raw text of `text_id`."""

    text_id: int
    kind: str
    start: int
    end: int
    text: str


def find_passages(texts: Mapping[int, str], hits: Iterable[Hit]) -> tuple[Passage, ...]:
    """Whole sentences around the hits, each sentence once, in the order of the text.

    A hit whose text is missing is left out.
    """
    found: list[Passage] = []
    edges: dict[int, list[int]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.text_id, hit.start)):
        raw = texts.get(hit.text_id)
        if raw is None:
            continue
        if hit.text_id not in edges:
            edges[hit.text_id] = [0, *_ends(raw)]
        start, end = _around(edges[hit.text_id], hit)
        if found and found[-1].text_id == hit.text_id and start < found[-1].end:
            start, end = found[-1].start, max(end, found[-1].end)
            found.pop()
        found.append(Passage(hit.text_id, hit.kind, start, end, raw[start:end].strip()))
    return tuple(found)


def select_written(found: Iterable[Passage]) -> tuple[Passage, ...]:
    """Those that the source itself wrote, not a machine."""
    return tuple(passage for passage in found if passage.kind in WRITTEN)


def join_passages(found: Iterable[Passage]) -> str:
    """Join passages as a message or a reader sees them."""
    return " … ".join(passage.text for passage in found)


def split_sentences(text: str) -> Iterator[str]:
    """Every sentence with its end mark; together they are the text."""
    start = 0
    for end in _ends(text):
        yield text[start:end]
        start = end


def _ends(text: str) -> Iterator[int]:
    last = 0
    for found in _END.finditer(text):
        last = found.end()
        yield last
    if last < len(text):
        yield len(text)


def _around(edges: list[int], hit: Hit) -> tuple[int, int]:
    """Widen a hit to the edges of its sentences."""
    first = max(bisect_right(edges, hit.start) - 1, 0)
    last = max(bisect_left(edges, hit.end), min(first + 1, len(edges) - 1))
    return edges[first], edges[min(last, len(edges) - 1)]
