"""What a page is made of apart from words: its elements and attributes, as a browser reads them (HTML Living Standard)."""

from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

_OURS = ("class", "rel", "type", "role", "method", "scope", "aria-current")  # whose values are never foreign


def skeleton(html: str) -> list[str]:
    """One line an element, in the order of the document, indented by its depth.

    Of list entries that are alike, one behind the other, the first counts: how many there are depends on the words, as
    the languages do that are found in them.
    """
    root: Any = LexborHTMLParser(html).root
    return list(_lines(root, 0))


def _lines(node: Any, depth: int) -> Iterator[str]:
    yield f"{' ' * depth}{_element(node)}"
    last: list[str] = []
    for child in node.iter(include_text=False):
        lines = list(_lines(child, depth + 1))
        if child.tag != "li" or lines != last:
            yield from lines
        last = lines


def walk(html: str) -> Iterator[tuple[int, Any]]:
    """Every element with its depth."""
    waiting: list[tuple[int, Any]] = [(0, LexborHTMLParser(html).root)]
    while waiting:
        depth, node = waiting.pop()
        if node.tag.startswith("-") or node.tag.startswith("_"):
            continue
        yield depth, node
        waiting += [(depth + 1, child) for child in reversed(list(node.iter(include_text=False)))]


def words(html: str) -> str:
    """What a person reads of it."""
    root: Any = LexborHTMLParser(html).root
    return str(root.text(separator=""))


def _element(node: Any) -> str:
    names = sorted(node.attributes.keys() - {"selected"})  # which one is depends on the order of names
    return " ".join([node.tag, *(f"{name}={node.attributes[name]}" if name in _OURS else name for name in names)])


def is_ours(node: Any) -> bool:
    """Whether nothing about the element could run a script, load from elsewhere or change how the page looks."""
    for name, value in node.attributes.items():
        if name.startswith(("on", "hx-on", "formaction", "srcdoc", "style")):
            return False
        if name in ("href", "src", "action", "poster", "data") and not _leads_well(value or "", name, node.tag):
            return False
    return node.tag not in ("base", "iframe", "object", "embed", "style", "plaintext", "math", "noscript")


def _leads_well(address: str, name: str, tag: str) -> bool:
    """Our own addresses everywhere; those of the open web in links that people press."""
    if (address.startswith("/") and not address.startswith(("//", "/\\"))) or address.startswith(("?", "#")):
        return True
    return tag == "a" and name == "href" and address.startswith(("https://", "http://"))
