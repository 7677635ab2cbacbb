"""PURE: a query's tree as plain values and as lines for people: what is looked for, in the form it is looked for."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.language.tree import (
    KINDS,
    And,
    Exact,
    From,
    Fuzzy,
    Guarded,
    HasText,
    Is,
    Leaf,
    Near,
    Node,
    Not,
    Or,
    Regex,
    When,
    Words,
)
from storage.language.words import MIXED, PLURAL, POSSESSIVE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EDGED = re.compile(r"\(\?:\\x\{e000\}\?((?:\\.|\[(?:\\.|[^\]\\])*\]|[^()\\])(?:\{[^}]*\})?)\)")
_HEADS = {
    "all": "all of",
    "any": "any of",
    "not": "not",
    "words": "the words",
    "wildcard": "words like",
    "fuzzy": "words close to",
    "exact": "exactly as written",
    "near": "near each other",
    "regex": "the regular expression",
    "text": "has a text of",
    "from": "author or forward's origin",
}


def outline(node: Node) -> dict[str, Any]:
    """The tree as JSON can hold it: `kind`, then `parts` or what the leaf looks for."""
    if isinstance(node, And | Or):
        return {"kind": "all" if isinstance(node, And) else "any", "parts": [outline(part) for part in node.parts]}
    if isinstance(node, Not):
        return {"kind": "not", "parts": [outline(node.part)]}
    if isinstance(node, HasText):
        return {"kind": "text", "folded": sorted(node.kinds)}
    if isinstance(node, From):
        return {"kind": "from", "folded": [needle.strip() for needle in node.needles if MIXED not in needle]}
    if isinstance(node, Is):
        return {"kind": node.field, "folded": [node.value]}
    if isinstance(node, When):
        return {"kind": "date", "folded": [f"{_day(node.start)} to {_day(node.end)}"]}
    return _leaf(node) | ({} if node.kinds == KINDS else {"in": sorted(node.kinds)})


def _leaf(leaf: Leaf) -> dict[str, Any]:
    if isinstance(leaf, Words):
        needles = [needle for needle in leaf.needles if MIXED not in needle]  # the same word in mixed letters
        plain = [needle.strip() + ("" if needle.endswith(" ") else "*") for needle in needles]
        return {"kind": "words", "folded": plain, "exact": [written(needle) for needle in leaf.marked]}
    if isinstance(leaf, Exact):
        return {"kind": "exact", "folded": [_as_written(leaf)]}
    if isinstance(leaf, Guarded):
        return outline(leaf.part) | {
            name: [" ".join(guard) for guard in guards]
            for name, guards in (("not_after", leaf.not_after), ("not_before", leaf.not_before))
            if guards
        }
    if isinstance(leaf, Near):
        near: dict[str, Any] = {
            "kind": "near",
            "folded": [_brief(part) for part in leaf.parts],
            "distance": leaf.distance,
        }
        return near | ({"ordered": True} if leaf.ordered else {})
    if isinstance(leaf, Regex):
        return {"kind": "regex", "folded": [_as_asked(leaf.source)]}
    if isinstance(leaf, Fuzzy):
        return {"kind": "fuzzy", "folded": [" ".join(leaf.tokens)], "edits": leaf.edits}
    return {"kind": "wildcard", "folded": [" ".join(leaf.tokens)]}


def _as_written(leaf: Exact) -> str:
    return leaf.written.strip().replace("\u2060", " ")


def _brief(part: Node) -> str:
    """One part of a nearness in a few words."""
    if isinstance(part, Or):
        return " or ".join(map(_brief, part.parts))
    if isinstance(part, Near):
        joint = " then " if part.ordered else " near "
        return f"({joint.join(map(_brief, part.parts))})"
    if isinstance(part, Guarded):
        return _brief(part.part)
    found = outline(part)
    return " or ".join(found["folded"] + found.get("exact", []))


def _as_asked(source: str) -> str:
    """A translated pattern without what only serves the edges of words."""
    return _EDGED.sub(r"\1", source).replace("\\x{e000}*", "").replace("\\x{e000}", r"\b")


def written(needle: str) -> str:
    """A needle of the exact form, its marks as people read them."""
    return needle.strip().replace(PLURAL, " (plural)").replace(POSSESSIVE, " (possessive)")


def lines(tree: Mapping[str, Any], show: Callable[[str], str] = str, depth: int = 0) -> Iterator[str]:
    """An outline, one part to a line, what belongs together indented; `show` is how people read a form."""
    pad, head = "  " * depth, _HEADS.get(tree["kind"], f"{tree['kind']}:")
    if "parts" in tree:
        yield f"{pad}{head}{show(_guards(tree))}"
        for part in tree["parts"]:
            yield from lines(part, show, depth + 1)
        return
    found = show(_quoted(tree["folded"]))
    if tree.get("exact"):
        found += f"{'; ' if found else ''}exactly {_quoted(tree['exact'])}"
    if "ordered" in tree:
        found += " in this order"
    if "distance" in tree:
        found += f" with at most {tree['distance']} other words between"
    found += show(_guards(tree))
    if "edits" in tree:
        found += f", {tree['edits']} letters changed at most"
    if "in" in tree:
        found += f" in {', '.join(tree['in'])}"
    yield f"{pad}{head} {found}"


def _guards(tree: Mapping[str, Any]) -> str:
    named = (name for name in ("not_after", "not_before") if name in tree)
    return "".join(f"; {name.replace('_', ' ')} {_quoted(tree[name])}" for name in named)


def _quoted(forms: Sequence[str]) -> str:
    return " | ".join(f"“{form}”" for form in forms)


def _day(at: int | None) -> str:
    if at is None:
        return "*"
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
