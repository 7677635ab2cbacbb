"""PURE: lists of feeds in OPML 2.0 (http://opml.org/spec2.opml), as feed readers write and read them."""

from collections.abc import Iterable, Iterator
from unicodedata import category
from xml.sax.saxutils import quoteattr

from bot.foreign.xml_tree import Element, UnfoldingEntities, read_tree
from storage.frozen import dataclass

_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed: its address, its title, and the folders around it, the outermost first."""

    url: str
    title: str
    folders: tuple[str, ...] = ()


def read_opml(text: str) -> list[Outline]:
    """The feeds of a list, each address once. Raises ValueError with a sentence where it is no OPML."""
    try:
        root = read_tree(text, alone=frozenset()).root
    except UnfoldingEntities:
        raise ValueError("it declares entities that unfold to much") from None
    opml = next((one for one in root.elements() if one.name == "opml"), None)
    body = next((one for one in opml.elements() if one.name == "body"), None) if opml is not None else None
    if body is None:
        raise ValueError("it has no <opml> with a <body>")
    found: dict[str, Outline] = {}
    for outline in _outlines(body, ()):
        found.setdefault(outline.url, outline)
    return list(found.values())


def _outlines(element: Element, folders: tuple[str, ...]) -> Iterator[Outline]:
    for one in element.elements():
        if one.name != "outline":
            continue
        named = {name.lower(): value.strip() for name, value in one.attributes.items()}
        title = named.get("title") or named.get("text", "")
        url = named.get("xmlurl", "")
        if url:
            more = tuple(part.strip("/") for part in named.get("category", "").split(",") if part.strip("/ "))
            yield Outline(url, title, tuple(dict.fromkeys((*folders, *more))))
        elif len(folders) < _DEEPEST:
            yield from _outlines(one, (*folders, title) if title else folders)


def write_opml(title: str, outlines: Iterable[Outline]) -> str:
    """The list as OPML; a feed with several folders is named with all of them, and lies in the first."""
    folders: dict[str, list[Outline]] = {}
    for outline in outlines:
        folders.setdefault(outline.folders[0] if outline.folders else "", []).append(outline)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines += [f"  <head><title>{_text(title)}</title></head>", "  <body>"]
    for folder, inside in folders.items():
        indent = "    "
        if folder:
            lines.append(f"    <outline text={_attribute(folder)}>")
            indent = "      "
        for one in inside:
            words = _attribute(one.title or one.url)
            more = f" category={_attribute(','.join(one.folders))}" if len(one.folders) > 1 else ""
            lines.append(f'{indent}<outline type="rss" text={words} title={words} xmlUrl={_attribute(one.url)}{more}/>')
        if folder:
            lines.append("    </outline>")
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _attribute(text: str) -> str:
    return quoteattr("".join(sign for sign in text if category(sign)[0] != "C"))


def _text(text: str) -> str:
    return _attribute(text)[1:-1]
