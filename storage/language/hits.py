"""PURE: where the words of a query are in the raw text of a post on which it holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from storage.language import sequences
from storage.language.match import Document, PreparedDocument, Sheet, holds
from storage.language.places import Trail
from storage.language.readable import legible
from storage.language.regex import EDGE, compiled, with_edges
from storage.language.sequences import Row
from storage.language.tree import FILES, Exact, Leaf, Query, Regex, Words, leaves
from storage.rows import Hit

_MOST = 100  # of one text: enough to show, and no text of a million hits is a burden

Span = tuple[int, int]


def evaluate(query: Query, document: Document) -> tuple[Hit, ...] | None:
    """Where the query was found in the post, in the order of its texts; None if it does not hold.

    A query without words (only with fields, or with what must be absent) holds with no hits. Never raises.
    """
    reading = PreparedDocument(document)
    return find_hits(query, reading) if holds(query.root, reading) else None


def find_hits(query: Query, reading: PreparedDocument) -> tuple[Hit, ...]:
    """Every place of the words of a query that holds, in the order of the texts; none inside another of one text.

    Negated words have no place.
    """
    wanted = leaves(query.root)
    texts: dict[int, set[Span]] = {sheet.text.text_id: set() for sheet in reading.sheets}
    for sheet in reading.sheets:
        mine = [leaf for leaf in wanted if sheet.kind in leaf.kinds and leaf.kinds != FILES]
        texts[sheet.text.text_id].update(_spans(mine, sheet))
    for sheet in reading.names if any(leaf.kinds == FILES for leaf in wanted) else ():
        texts[sheet.text.text_id].update(_spans([leaf for leaf in wanted if leaf.kinds == FILES], sheet))
    return tuple(
        Hit(text.text_id, text.kind, start, end, text.text[start:end])
        for text in reading.document.texts
        for start, end in _outermost(texts[text.text_id])[:_MOST]
    )


def _spans(wanted: list[Leaf], sheet: Sheet) -> set[Span]:
    laid: _Laid | None = None
    spans: set[Span] = set()
    raw = sheet.text.text
    for leaf in wanted:
        if isinstance(leaf, Regex):
            places = _matches(leaf, raw)
        elif isinstance(leaf, Exact):
            places = iter(sheet.written.places(leaf.written.split()))
        else:
            laid = laid or _Laid(sheet)
            places = laid.places(leaf)
        spans.update(islice(places, _MOST))
    return spans


def _outermost(spans: set[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1]:
            kept.append((start, end))
    return kept


def _matches(leaf: Regex, raw: str) -> Iterator[Span]:
    trails: list[Trail] = []
    text = legible(raw, trails)
    searched = with_edges(text) if leaf.edges else text
    done = edges = 0
    for match in compiled(leaf.source).finditer(searched):
        start, end = match.span()
        edges += searched.count(EDGE, done, start) if leaf.edges else 0
        inside = searched.count(EDGE, start, end) if leaf.edges else 0
        low, high = start - edges, end - edges - inside
        edges, done = edges + inside, end
        if low < high:
            spans = [(low, high)]
            for trail in reversed(trails):
                spans = trail.back(spans)
            yield spans[0]


class _Laid:
    """A text folded with places, in the three forms of match.Sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        folded, self._spans = sheet.placed
        open_ = folded.replace("-", " ")
        self._exact = _Form(f" {open_} ", [(number, number) for number in range(len(self._spans))])
        self._plain = _Form(_unmarked(f" {open_} "), self._exact.tokens)
        self._closed = self._plain
        if "-" in folded:
            tokens: list[Span] = []
            for compound in folded.split(" "):
                first = tokens[-1][1] + 1 if tokens else 0
                tokens.append((first, first + compound.count("-")))
            self._closed = _Form(_unmarked(f" {folded.replace('-', '')} "), tokens)

    def places(self, leaf: Leaf) -> Iterator[Span]:
        if isinstance(leaf, Words):
            forms = (self._plain,) if self._closed is self._plain else (self._plain, self._closed)
            for needle in leaf.needles:
                for form in forms:
                    yield from map(self._raw, form.finds(needle))
            for needle in leaf.marked:
                yield from map(self._raw, self._exact.finds(needle))
        elif not isinstance(leaf, Regex):
            for form in (self._exact,) if self._closed is self._plain else (self._exact, self._closed):
                as_written = form is self._exact and sequences.asks_as_written(leaf)
                row = Row(form.text.split(), self._sheet.written if as_written else None)
                for first, last in sequences.found(leaf, row):
                    yield self._raw((form.tokens[first][0], form.tokens[last][1]))

    def _raw(self, tokens: Span) -> Span:
        return self._spans[tokens[0]][0], self._spans[tokens[1]][1]


class _Form:
    """Tokens between spaces, and which tokens of the open form each replaces."""

    def __init__(self, text: str, tokens: list[Span]) -> None:
        self.text = text
        self.tokens = tokens

    def finds(self, needle: str) -> Iterator[Span]:
        """Where a needle is, as first and last token of the open form."""
        first, counted, size = -1, 0, len(needle.rstrip())
        place = self.text.find(needle)
        while place >= 0:
            first += self.text.count(" ", counted, place + 1)
            counted = place + 1
            further = self.text.count(" ", counted, place + size - 1)
            yield self.tokens[first][0], self.tokens[first + further][1]
            place = self.text.find(needle, counted)


def _unmarked(text: str) -> str:
    return text.replace("+", "").replace("'", "")
