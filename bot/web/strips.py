"""A stretch of time as a strip that the server draws: watched, blind and missing parts, in an SVG of its own."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from storage.frozen import dataclass

_ORDER = ("watched", "blind", "missing")  # what is drawn over what
_WIDTH, _HEIGHT = 600, 16
_LEAST, _APART = 2.0, 1.0  # wide enough to be seen, and too near to be two


@dataclass(frozen=True, slots=True)
class StripPart:
    """A part of a strip, in microseconds UTC: "watched", "blind" or "missing", and what it is called."""

    kind: str
    since: int
    until: int
    words: str = ""


def draw_strip(parts: Sequence[StripPart], since: int, until: int, label: str) -> Markup:
    """Draw the parts between two times; what is in no part stays empty: nobody watched yet."""
    scale = _WIDTH / max(until - since, 1)
    drawn = Markup("").join(_rectangles(parts, since, until, scale))
    return Markup(
        '<svg class="strip" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="nothing" x="0" y="0" width="{}" height="{}"/>{}</svg>'
    ).format(_WIDTH, _HEIGHT, label, _WIDTH, _HEIGHT, drawn)


def _rectangles(parts: Iterable[StripPart], since: int, until: int, scale: float) -> Iterable[Markup]:
    for part in _joined(sorted(parts, key=lambda one: (_ORDER.index(one.kind), one.since)), _APART / scale):
        start, end = max(part.since, since), min(part.until, until)
        if start > end:
            continue
        wide = max((end - start) * scale, _LEAST)
        left = min((start - since) * scale, _WIDTH - wide)
        top, high = (0, _HEIGHT) if part.kind != "missing" else (_HEIGHT / 2, _HEIGHT / 2)
        yield Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            part.kind, f"{left:.1f}", f"{top:.0f}", f"{wide:.1f}", f"{high:.0f}", part.words
        )


def _joined(parts: Iterable[StripPart], apart: float) -> Iterable[StripPart]:
    """The parts, with those of one kind as one whose distance nobody could see."""
    last: StripPart | None = None
    for part in parts:
        if last is not None and last.kind == part.kind and part.since - last.until < apart:
            last = StripPart(last.kind, last.since, max(last.until, part.until), last.words)
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last
