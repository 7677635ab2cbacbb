"""Counts over days as a drawing that the server makes: no script, no colour of its own, every bar a link."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from markupsafe import Markup

from storage.frozen import dataclass

_MOST = 92  # bars; more days are put together by weeks, months or years
_WIDTH, _HEIGHT = 600.0, 80.0
_STEPS = (1, 7, 28, 91, 364)


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of counts; each bar is `step` days long, and `most` is the highest count."""

    svg: Markup
    step: int
    first: date
    last: date
    most: int


def draw_days(
    counts: Mapping[date, int], label: Callable[[date, date, int], str], link: Callable[[date], str]
) -> Chart | None:
    """Draw counts per day, or per so many days that they fit; None without any. Only bars of one day are links."""
    if not counts:
        return None
    first, last = min(counts), max(counts)
    days = (last - first).days + 1
    step = next((one for one in _STEPS if days <= one * _MOST), _STEPS[-1])
    bars: dict[int, int] = {}
    for day, count in counts.items():
        number = (day - first).days // step
        bars[number] = bars.get(number, 0) + count
    most, wide = max(bars.values()), _WIDTH / max((days - 1) // step + 1, 12)
    drawn = Markup("").join(
        _bar(
            number, count, most, wide, label(*_span(first, number, step, last), count), _link(first, number, step, link)
        )
        for number, count in sorted(bars.items())
    )
    svg = Markup(
        '<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(_WIDTH, _HEIGHT, drawn)
    return Chart(svg, step, first, last, most)


def _span(first: date, number: int, step: int, last: date) -> tuple[date, date]:
    start = first + timedelta(days=number * step)
    return start, min(start + timedelta(days=step - 1), last)


def _link(first: date, number: int, step: int, link: Callable[[date], str]) -> str | None:
    return link(first + timedelta(days=number)) if step == 1 else None


def _bar(number: int, count: int, most: int, wide: float, label: str, link: str | None) -> Markup:
    high = max(2.0, (_HEIGHT - 4) * count / most)
    bar = Markup(
        '<rect class="room" x="{x:.1f}" y="0" width="{w:.1f}" height="{whole:.0f}"/>'
        '<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"><title>{label}</title></rect>'
    ).format(x=number * wide, y=_HEIGHT - high, w=max(wide - 1.5, 1), h=high, whole=_HEIGHT, label=label)
    return bar if link is None else Markup('<a href="{}" tabindex="-1" aria-label="{}">{}</a>').format(link, label, bar)
