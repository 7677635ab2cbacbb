r"""PURE: regular expressions as people write them -> RE2, where `\w` and `\b` mean letters of every script.

RE2 answers in linear time but knows word edges in ASCII only. So where a pattern asks for edges, the text is given
with EDGE at each of its word edges, and the pattern with an optional EDGE before everything that takes a character.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Protocol

from storage.language.tree import QueryError

EDGE = "\ue000"
_EDGES = "\\x{e000}"
_WORD = r"\p{L}\p{M}\p{N}_"
_CLASSES = {"w": _WORD, "d": r"\p{Nd}", "s": r"\s\p{Z}"}
_MAX_MEM = 4 << 20


class Pattern(Protocol):
    """What we use of a compiled RE2 pattern."""

    def search(self, text: str | bytes) -> Re2Match | None: ...

    def finditer(self, text: str) -> list[Re2Match]: ...


class Re2Match(Protocol):
    """What we use of an RE2 match."""

    def span(self, group: int = 0) -> tuple[int, int]: ...


@cache
def _atoms() -> re.Pattern[str]:
    """One piece of a pattern: an escape, a class, a group's opening, or a character."""
    return re.compile(
        r"(?P<escape>\\(?:Q.*?(?:\\E|$)|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[pP]\{\^?\w+\}|[pP]\w|[0-7]{1,3}|.))"
        r"|(?P<set>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])"
        r"|(?P<open>\((?:\?(?:P?<\w+>|[imsU-]*[:)]|<?[=!]))?)"
        r"|(?P<repeat>[*+?]\??|\{\d+(?:,\d*)?\}\??)"
        r"|(?P<other>.)",
        re.DOTALL,
    )


def translate(source: str) -> tuple[str, bool]:
    """The pattern for RE2, and whether it asks for word edges. Raises QueryError, placed within the pattern."""
    if half := re.search("[\ud800-\udfff]", source):
        raise QueryError("A regular expression cannot look for half a character", half.start())
    pieces = [(match.lastgroup or "", match[0], match.start()) for match in _atoms().finditer(source)]
    edges = any(kind == "escape" and piece == r"\b" for kind, piece, _ in pieces)
    translated = "".join(_piece(kind, piece, place, edges=edges) for kind, piece, place in pieces)
    compiled(translated)
    return translated, edges


def _piece(kind: str, piece: str, place: int, *, edges: bool) -> str:
    if kind == "escape":
        return _escape(piece, place, edges=edges)
    if kind == "set":
        return _taken(_set(piece, place), edges=edges)
    if kind == "open" and piece.startswith(("(?=", "(?!", "(?<=", "(?<!")):
        raise QueryError("A regular expression here runs in linear time and cannot look ahead or behind", place)
    if kind == "other" and piece == "$" and edges:
        return f"{_EDGES}*$"
    if kind in ("open", "repeat") or piece in ")|^$":
        return piece
    return _taken(piece, edges=edges)


def _taken(atom: str, *, edges: bool) -> str:
    return f"(?:{_EDGES}?{atom})" if edges else atom


def _escape(piece: str, place: int, *, edges: bool) -> str:
    name = piece[1:2]
    if not name:
        raise QueryError("The regular expression ends in a backslash", place)
    if name == "b":
        return _EDGES
    if name == "B":
        raise QueryError(r"A regular expression cannot ask for \B here; \b and \w know letters of every script", place)
    if name in "123456789":
        raise QueryError("A regular expression here runs in linear time and cannot refer back to a group", place)
    if name.lower() in _CLASSES:
        return _taken(f"[{'^' if name.isupper() else ''}{_CLASSES[name.lower()]}]", edges=edges)
    if name in "Az":
        return f"{_EDGES}*{piece}" if edges and name == "z" else piece
    if name == "Q" and edges:
        literal = piece[2:].removesuffix(r"\E")
        return "".join(_taken(re.escape(char), edges=True) for char in literal)
    return piece if name == "Q" else _taken(piece, edges=edges)


def _set(piece: str, place: int) -> str:
    r"""A bracketed class; \W within one is only known in [^\W…], "letters without": the usual way to write it."""
    negated = piece.startswith("[^")
    inner = piece[2:-1] if negated else piece[1:-1]
    if r"\W" not in inner:
        inner = re.sub(r"\\(.)", lambda found: _CLASSES.get(found[1], found[0]), inner)
        return f"[{'^' if negated else ''}{inner}]"
    left = set(re.findall(r"\\.|.", inner.replace(r"\W", "")))
    if not negated or left - {"_", r"\d"}:
        raise QueryError(r"A regular expression knows \W in brackets only as [^\W], [^\W_] and [^\W\d_]", place)
    members = r"\p{L}\p{M}" + (r"\p{Nl}\p{No}" if r"\d" in left else r"\p{N}") + ("" if "_" in left else "_")
    return f"[{members}]"


@lru_cache(maxsize=4096)
def compiled(translated: str) -> Pattern:
    """The RE2 program; letter case does not count unless (?-i) says so. Raises QueryError."""
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MAX_MEM
    try:
        pattern: Pattern = re2.compile(translated, options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else ""
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise QueryError(f"The regular expression cannot be read: {reason}") from None
    return pattern


def without_edges(translated: str) -> str:
    """A pattern that is found, in the text without edges, wherever this one is found in the text with them; and more.

    What may take an edge for a character is made optional.
    """
    loose = _GUARDED.sub(_loose, translated)
    return re.sub(r"\\x\{e000\}[*?]?", "(?:)", loose)


_GUARDED = re.compile(  # an atom behind its optional edge, as `_taken` writes it
    r"\(\?:\\x\{e000\}\?(\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\\(?:[xpP]\{[^}]*\}|.)|.)\)", re.DOTALL
)


def _loose(found: re.Match[str]) -> str:
    """The atom alone; optional, unless it is sure that it takes no edge."""
    atom = found[1]
    known = re.sub(r"\\p\{(?:L|M|N|Nd|Nl|No|Z)\}", "", atom)
    may_be_edge = (
        atom[0] == "." or re.search(r"^\[\^|\[:\^|\\[xpP]", known) is not None or any(char >= EDGE for char in atom)
    )
    return f"(?:(?:{atom})?)" if may_be_edge else f"(?:{atom})"


def with_edges(text: str) -> str:
    """The text with EDGE at every word edge of every script."""
    out: list[str] = []
    inside = False
    for char in text:
        word = char == "_" or char.isalnum() or _is_mark(char)
        if word != inside:
            out.append(EDGE)
            inside = word
        out.append(char)
    if inside:
        out.append(EDGE)
    return "".join(out)


@lru_cache(maxsize=4096)
def _is_mark(char: str) -> bool:
    from unicodedata import category

    return category(char)[0] == "M"
