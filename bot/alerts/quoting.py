"""PURE: the words around what a rule found, on one line of safe text that fits into a room."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.alerts.lines import Line, Span
from bot.alerts.passages import find_passages
from bot.foreign.graphemes import ELLIPSIS, count_units, split_graphemes
from bot.foreign.text import visible
from storage.records import Hit


def quote_hits(texts: Mapping[int, str], hits: Sequence[Hit], text: str, room: int) -> Line:
    """Quote the text around the hits in at most `room` units, hits marked; the start of `text` if there are none."""
    if not hits or not texts:
        return fit_pieces([(text, False)], room)
    pieces: list[tuple[str, bool]] = []
    for text_id in dict.fromkeys(hit.text_id for hit in hits if hit.text_id in texts):
        if pieces:
            pieces.append((" / ", False))
        pieces.extend(_pieces(texts[text_id], [hit for hit in hits if hit.text_id == text_id]))
    return fit_pieces(pieces, room)


def mark_hits(texts: Mapping[int, str], hits: Sequence[Hit]) -> list[tuple[str, bool]]:
    """Only the sentences with hits, hits marked."""
    pieces: list[tuple[str, bool]] = []
    for passage in find_passages(texts, hits):
        if pieces:
            pieces.append((f" {ELLIPSIS} ", False))
        inside = [hit for hit in hits if hit.text_id == passage.text_id and passage.start <= hit.start < passage.end]
        pieces.extend(_pieces(texts[passage.text_id], inside, passage.start, passage.end))
    return pieces


def _pieces(raw: str, hits: Iterable[Hit], start: int = 0, end: int | None = None) -> Iterator[tuple[str, bool]]:
    """Cut a text at the edges of its hits, which may overlap."""
    end = len(raw) if end is None else end
    for hit in sorted(hits, key=lambda hit: hit.start):
        low, high = max(hit.start, start), min(hit.end, end)
        if high <= low:
            continue
        yield raw[start:low], False
        yield raw[low:high], True
        start = high
    yield raw[start:end], False


def fit_pieces(pieces: Iterable[tuple[str, bool]], room: int) -> Line:
    """Fit (text, is a hit) pieces into `room` UTF-16 units of safe text on one line, whole clusters only.

    Everything if it fits; otherwise the text around the first hits, with an ellipsis for each omission.
    """
    pieces = list(pieces)
    plain = _fit_plain(pieces, room)
    if plain is not None:
        return plain
    shown = _shown(pieces, room)
    sizes = [count_units(text) for text, _ in shown]
    if sum(sizes) <= room:
        return tuple(_spans(shown))
    chosen = _windows([hit for _, hit in shown], sizes, room)
    kept: list[tuple[str, bool]] = []
    last = -1
    for place in chosen:
        if place != last + 1:
            kept.append((ELLIPSIS, False))
        kept.append(shown[place])
        last = place
    if last + 1 < len(shown):
        kept.append((ELLIPSIS, False))
    return tuple(_spans(kept))


def _fit_plain(pieces: Sequence[tuple[str, bool]], room: int) -> Line | None:
    """The pieces with white space collapsed, if they fit and nothing in them has to be written out: the usual case."""
    shown: list[tuple[str, bool]] = []
    if sum(len(text) for text, _ in pieces) > 4 * room:
        return None
    for raw, hit in pieces:
        text = re.sub(r"\s+", " ", raw)
        if not shown or shown[-1][0].endswith(" "):
            text = text.removeprefix(" ")
        room -= count_units(text)
        if room < 0 or visible(text) != text:
            return None
        shown += [(text, hit)] if text else []
    return tuple(_spans(shown))


def _shown(pieces: Iterable[tuple[str, bool]], room: int) -> list[tuple[str, bool]]:
    """Safe clusters of the pieces, white space collapsed; the middle of a very long text without hits is skipped."""
    shown: list[tuple[str, bool]] = []
    for text, hit in pieces:
        if len(text) > 4 * room + 400:
            half = 2 * room + 100
            text = f"{text[:half]} {ELLIPSIS} {text[-half:]}"
        for cluster in split_graphemes(re.sub(r"\s+", " ", text)):
            if cluster == " " and (not shown or shown[-1][0] == " "):
                continue
            shown.append((visible(cluster), hit))
        if len(shown) > 40_000:
            break
    return shown


def _windows(hits: Sequence[bool], sizes: Sequence[int], room: int) -> list[int]:
    """Choose places, growing evenly to both sides of the first three runs of hits until `room` is used up."""
    starts = [place for place, hit in enumerate(hits) if hit and not (place and hits[place - 1])][:3] or [0]
    room -= 2 * (len(starts) + 1)
    chosen: set[int] = set()
    edges = [(start - 1, start) for start in starts]
    while edges and room > 0:
        grown: list[tuple[int, int]] = []
        for low, high in edges:
            for place in (high, low):
                if 0 <= place < len(sizes) and place not in chosen and room > 0:
                    room -= sizes[place]
                    if room >= 0:
                        chosen.add(place)
            if room > 0 and (low > 0 or high < len(sizes) - 1):
                grown.append((low - 1, high + 1))
        edges = grown
    return sorted(chosen)


def _spans(shown: Iterable[tuple[str, bool]]) -> Iterator[Span]:
    run: list[str] = []
    marked = False
    for text, hit in shown:
        if hit != marked and run:
            yield Span("".join(run), "hit" if marked else "")
            run = []
        marked = hit
        run.append(text)
    if run:
        yield Span("".join(run), "hit" if marked else "")
