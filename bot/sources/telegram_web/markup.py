"""Reads words, addresses and attributes out of the elements of a public Telegram page."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from storage.records import Link

_SCHEME = re.compile(r"(?!javascript:|data:|vbscript:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_USUAL = ("https://", "http://")
_BACKGROUND = re.compile(  # possessive and bounded: a page may hold a hundred thousand spaces here
    r"""background-image\s*+:\s*+url\(\s*+(?:'([^'\n]{0,4000}+)'|"([^"\n]{0,4000}+)"|([^)\n]{0,4000}+))\s*+\)"""
)
_SOURCE_BREAK = re.compile(r"(?<![ \t])[ \t]*[\r\n][ \t\r\n]*")
_EDGE = "\0"  # cannot come out of the parser: HTML has no NUL
_MOST_TAGS = 20_000  # twenty voice notes with their drawn waves come to some ten thousand; emoji are not counted
# One of them is four tags, or six, and holds no other; a page may have ten thousands.
_EMOJI = re.compile(
    rb'(?:<tg-emoji[^<>]{0,100}>)?<i class="emoji"[^<>]{0,300}><b>[^<>]{1,60}</b></i>(?:</tg-emoji>)?',
)
_MOST_UNCLOSED = 2_000  # nesting costs the parser quadratic time, and for some elements memory
_BLOCKS = frozenset({"blockquote", "pre", "div", "p"})


def plain(root: LexborNode, anchors: list[tuple[str, LexborNode]] | None = None) -> str:
    """The words of a piece of page: `<br>` is a line break, block elements are lines of their own.

    `anchors` collects its links, each with its words.
    """
    node = root.child
    if node is not None and node.is_text_node and node.next is None:  # as in most elements
        return _SOURCE_BREAK.sub(" ", node.text_content or "").strip()
    parts: list[str] = []
    above: list[tuple[LexborNode, str, int]] = []  # the elements around, what their edges add, where they began
    while node is not None or above:
        if node is None:
            node, edge, begin = above.pop()
            if edge:
                parts.append(edge)
            if anchors is not None and node.tag == "a":
                anchors.append((_tidy(parts[begin:]), node))
            node = node.next
        elif node.is_text_node:
            words = node.text_content or ""
            parts.append(_SOURCE_BREAK.sub(" ", words) if "\n" in words or "\r" in words else words)
            node = node.next
        elif (tag := node.tag) == "br":
            parts.append("\n")
            node = node.next
        else:
            edge = _EDGE if tag in _BLOCKS else ""
            if edge:
                parts.append(edge)
            above.append((node, edge, len(parts)))
            node = node.child
    return _tidy(parts)


def _tidy(parts: list[str]) -> str:
    text = "".join(parts)
    if _EDGE in text:
        text = re.sub(r"\0+", "\n", re.sub(r"\0*\n\0*", "\n", text))
    return text.strip()


def attribute(node: LexborNode | None, name: str) -> str:
    """The value of an attribute, "" without one."""
    return (node.attrs.get(name) or "") if node is not None and node.is_element_node else ""


def classes(node: LexborNode) -> list[str]:
    """The classes of an element, in their order."""
    return (node.attrs.get("class") or "").split() if node.is_element_node else []


def children(node: LexborNode) -> Iterator[LexborNode]:
    """The elements and texts right below an element."""
    child = node.child
    while child is not None:
        yield child
        child = child.next


def words_in(node: LexborNode, selector: str) -> str:
    """The words of the first element that the selector finds, "" without one."""
    found = node.css_first(selector)
    return plain(found) if found is not None else ""


def web_address(value: str) -> str | None:
    """An http address, None for anything else."""
    value = value.strip()
    if value.startswith("//"):
        value = f"https:{value}"
    return value if value.startswith(_USUAL) else None


def background(node: LexborNode | None) -> str | None:
    """The address of the picture that an element shows behind itself."""
    found = _BACKGROUND.search(attribute(node, "style"))
    return web_address(found[found.lastindex or 0]) if found else None


def seconds(clock: str) -> float | None:
    """Seconds of "0:44" or "1:02:03"."""
    if not re.fullmatch(r"(?:[0-9]{1,3}:)?[0-9]{1,3}:[0-9]{2}", clock):
        return None
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return float(total)


def href(node: LexborNode) -> str:
    """The address of a link; those with `onclick` have been escaped twice since April 2024."""
    address = attribute(node, "href").strip()
    return address.replace("&amp;", "&") if "&amp;" in address and "onclick" in node.attributes else address


def link(words: str, node: LexborNode) -> Link | None:
    """The link of an element, None if it leads nowhere: a script, or a place on the page itself."""
    address = href(node)
    if address.startswith("//"):
        address = f"https:{address}"
    return Link(words, address) if address.startswith(_USUAL) or _SCHEME.match(address) else None


def is_monstrous(html: bytes) -> bool:
    """Whether this is more markup than any real page has, or so badly closed that parsing it could take for ever."""
    tags = html.count(b"<")
    unclosed = tags if tags <= _MOST_UNCLOSED else tags - 2 * html.count(b"</")
    if unclosed > _MOST_UNCLOSED and unclosed - html.count(b"/>") > _MOST_UNCLOSED:
        return True
    return tags > _MOST_TAGS and _EMOJI.sub(b"", html).count(b"<") > _MOST_TAGS


def repaired(html: bytes) -> bytes:
    """The page with what is no UTF-8 replaced by U+FFFD; t.me sends nothing else, so it is damage."""
    return html.decode("utf-8", "replace").encode()
