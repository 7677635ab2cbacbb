"""PURE: bars and sparklines made of block letters."""

from collections.abc import Sequence

_STEPS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw_bar(value: int, most: int, columns: int) -> str:
    """Draw a bar in eighths of a column; anything above zero is at least one eighth wide."""
    eighths = 0 if not value else max(1, round(value / most * columns * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def draw_sparkline(values: Sequence[int], columns: int) -> str:
    """Draw one letter per value, or per group of neighbours where there are more values than columns."""
    size = max(1, -(-len(values) // columns))
    groups = [sum(values[start : start + size]) for start in range(0, len(values), size)]
    most = max(groups, default=0)
    return "".join(_STEPS[-(-value * len(_STEPS) // most) - 1] if value else " " for value in groups)
