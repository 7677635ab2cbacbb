"""PURE: the lines of a message: pieces with a style, made inert, and drawn in the form that a target shows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bot.contracts.message import Shows
from bot.foreign.inert import JOINER, find_breaks
from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line.

    "bold" for our headings, "hit" for what the rule found, "safe_link" for our own permalink, "own" for what people
    copy from us: times, numbers, commands. Of these the last two hold no foreign word.
    """

    text: str
    style: str = ""


Line = tuple[Span, ...]


def keep_inert(lines: Sequence[Line], shows: Shows) -> list[Line]:
    """The lines with nothing in them that can be tapped or pings somebody, except our own permalink.

    On the user's own machine, and for programs, the words stay as they were written.
    """
    return list(lines) if shows.local or shows.form in {"ansi", "json"} else list(map(_inert, lines))


def measure_lines(lines: Iterable[Line], shows: Shows) -> int:
    """The length of lines as the target counts it, each with its line feed."""
    return sum(1 + sum(shows.size(span.text) for span in line) for line in lines)


def draw_lines(lines: Sequence[Line], shows: Shows) -> str:
    """The text in the form that the target shows."""
    if shows.form == "html":
        return _joined(lines, _html)
    if shows.form == "ansi":
        return _joined(lines, _ansi)
    return _joined(lines, _text)


def plain_lines(lines: Sequence[Line]) -> str:
    """The words alone."""
    return _joined(lines, lambda span: span.text)


def escape_html(text: str) -> str:
    """Escape for Telegram's HTML, which knows only these and `&quot;` (core.telegram.org/bots/api#html-style)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inert(line: Line) -> Line:
    """A name may begin in one piece and end in the next, so the line is looked at as a whole."""
    breaks = find_breaks("".join("\n" * len(span.text) if _is_ours(span) else span.text for span in line))
    made: list[Span] = []
    start = 0
    for span in line:
        end, pieces, last = start + len(span.text), [], start
        for place in breaks:
            if start <= place < end and not _is_ours(span):
                pieces.append(span.text[last - start : place - start])
                last = place
        made.append(replace(span, text=JOINER.join([*pieces, span.text[last - start :]])) if pieces else span)
        start = end
    return tuple(made)


def _is_ours(span: Span) -> bool:
    return span.style in {"own", "safe_link"}


def _joined(lines: Sequence[Line], draw: Callable[[Span], str]) -> str:
    return "\n".join("".join(map(draw, line)) for line in lines)


def _html(span: Span) -> str:
    text = escape_html(span.text)
    if span.style == "safe_link":
        return f'<a href="{text}">{text}</a>'
    return f"<b>{text}</b>" if span.style in {"bold", "hit"} and text.strip() else text


def _text(span: Span) -> str:
    return f"«{span.text}»" if span.style == "hit" else span.text


def _ansi(span: Span) -> str:
    codes = {"bold": "1", "hit": "1;33", "safe_link": "4"}
    return f"\x1b[{codes[span.style]}m{span.text}\x1b[0m" if span.style in codes and span.text else span.text
