"""Tables: drawn to the width of a terminal, tab-separated elsewhere; foreign text is always made safe."""

from collections.abc import Iterator, Sequence

from bot.cli.terminal.output import Session, style, write_line
from bot.cli.terminal.width import pad, text_width, wrap
from bot.foreign.text import one_line

_GAP = 2
_LEAST = 28  # columns that a wide column keeps when it gives way
_INDENT = 4
_EMPTY = frozenset({"", "-"})

Rows = Sequence[Sequence[str]]


def write_table(session: Session, columns: Sequence[str], rows: Rows, *, listed: bool = True) -> None:
    """Rows of words under headings; cells are made safe here.

    On a terminal, columns in which no row has a value are left out, and no line is longer than the screen. Elsewhere a
    line of headings comes first, if the rows are `listed` things and the person did not give --no-header.
    """
    safe = [[one_line(cell) for cell in row] for row in rows]
    if not session.on_terminal:
        for row in [list(columns), *safe] if listed and session.header else safe:
            write_line(session, "\t".join(row))
    elif safe:
        for line in _draw(session, columns, safe):
            write_line(session, line)


def _draw(session: Session, columns: Sequence[str], rows: Rows) -> Iterator[str]:
    used = [at for at in range(len(columns)) if any(row[at] not in _EMPTY for row in rows)] or [0]
    columns, rows = [columns[at] for at in used], [[row[at] for at in used] for row in rows]
    widths = [max(map(text_width, column)) for column in zip(columns, *rows, strict=True)]
    room = session.columns
    widest = max(range(len(widths)), key=widths.__getitem__)
    left = room - _total(widths) + widths[widest]
    if left >= min(_LEAST, widths[widest]):
        widths[widest] = min(left, widths[widest])
        above, under = list(range(len(widths))), []
    else:
        above = _fitting(widths, room)
        under = [at for at in range(len(widths)) if at not in above]
    sizes = [min(widths[at], room) for at in above]
    yield style(session, _line([columns[at] for at in above], sizes), "bold")
    for row in rows:
        yield from _grid([row[at] for at in above], sizes)
        named = [(style(session, f"{columns[at]}:", "dim") if columns[at] else "", row[at]) for at in under]
        rest = "  ".join(f"{name} {cell}".lstrip() for name, cell in named if cell not in _EMPTY)
        if rest:
            yield from wrap(" " * _INDENT + rest, room, indent=_INDENT)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _fitting(widths: Sequence[int], room: int) -> list[int]:
    """The columns that stay in the grid: the first, and each of the others for which there is still room."""
    kept, used = [0], widths[0]
    for at, width in enumerate(widths[1:], 1):
        if used + _GAP + width <= room:
            kept.append(at)
            used += _GAP + width
    return kept


def _grid(cells: Sequence[str], sizes: Sequence[int]) -> Iterator[str]:
    """One row; a cell that is too wide continues below itself."""
    wrapped = [wrap(cell, size, indent=_GAP if size > 2 * _GAP else 0) for cell, size in zip(cells, sizes, strict=True)]
    for number in range(max(map(len, wrapped))):
        yield _line([lines[number] if number < len(lines) else "" for lines in wrapped], sizes)


def _line(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return (" " * _GAP).join(pad(cell, size) for cell, size in zip(cells, sizes, strict=True)).rstrip()
