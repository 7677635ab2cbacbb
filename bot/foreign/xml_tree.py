"""PURE: reads XML that strangers wrote, well-formed or not, as a tree; loads nothing and unfolds nothing."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5

_DEEPEST = 200  # levels; what is nested deeper is read as if it were at this one
_LONGEST_ENTITY = 100
_TAG = re.compile(
    r"<(/?)([^\W\d][\w.:-]*)"
    r"""((?:[^<>"']|"[^"<>]*+"|'[^'<>]*+'|"[^"]{0,2000}"|'[^']{0,2000}')*+)>"""
)
_OPENS = re.compile(r"<(?=[^\W\d]|[/!?])")
_LOOSE_TAG = re.compile(r"<(/?)([^\W\d][\w.:-]*)([^<>]*)>")  # a quote is missing
_ATTRIBUTE = re.compile(r"""(?<![^\s=/"'<>])([^\s=/"'<>]++)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_REFERENCE = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[^\W\d][\w.-]{0,60});")
_DOCTYPE = re.compile(r"""<!DOCTYPE((?:[^\[>"']|"[^"]*"|'[^']*')*+)([\[>])""", re.IGNORECASE)
_DECLARATION = re.compile(
    r"\s+|<!--.*?-->|<\?.*?\?>|<!(?:ELEMENT|ATTLIST|NOTATION)\b[^>]*>"
    r"""|<!ENTITY\s+([\w.:-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""",
    re.DOTALL,
)
_OTHERS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
# Bytes 80 to 9F of windows-1252 that somebody took for Latin-1: they are no letters in Unicode.
_CONTROLS = {byte: bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}


class UnfoldingEntities(ValueError):
    """The document declares entities that unfold to much, or that lead outside of it."""


@dataclass(slots=True, eq=False)
class Element:
    """An element with its place in the text, tags included; names are in lower case.

    `space` is the namespace: its address, else the prefix as written, "" for none. `base` is the xml:base here.
    """

    name: str
    space: str
    base: str
    spaces: dict[str, str]
    start: int
    end: int = -1
    attributes: dict[str, str] = field(default_factory=dict)
    inside: "list[Element | str]" = field(default_factory=list)

    def elements(self) -> "Iterator[Element]":
        return (child for child in self.inside if isinstance(child, Element))

    def words(self) -> str:
        """All text of the element and of what is in it."""
        if all(isinstance(child, str) for child in self.inside):
            return "".join(child for child in self.inside if isinstance(child, str))
        return "".join(child if isinstance(child, str) else child.words() for child in self.inside)

    def markup(self) -> str:
        """What is in the element, written as HTML."""
        return "".join(html.escape(child) if isinstance(child, str) else child.outer() for child in self.inside)

    def outer(self) -> str:
        attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in self.attributes.items())
        if not self.inside and self.name in {"br", "hr", "img", "wbr"}:
            return f"<{self.name}{attributes}>"
        return f"<{self.name}{attributes}>{self.markup()}</{self.name}>"


@dataclass(slots=True)
class Tree:
    """The root holds everything, at no place of its own. `problem` is why the document is not well-formed, or ""."""

    root: Element
    problem: str = ""


def read_tree(text: str, *, alone: frozenset[str]) -> Tree:
    """Read the document. An element of `alone` that is never closed ends where the next of its kind begins.

    Raises UnfoldingEntities.
    """
    return _TreeBuilder(text, alone).read()


class _TreeBuilder:
    """One pass over the text: what is open, and where the next piece begins."""

    def __init__(self, text: str, alone: frozenset[str]) -> None:
        self.text = text.translate(_CONTROLS) if re.search(r"[\x80-\x9f]", text) else text
        self.tree = Tree(Element("", "", "", {}, 0))
        self.open = [self.tree.root]
        self.entities: dict[str, str] = {}
        self.unclosed = {name for name in alone if _is_left_open(text, name)}
        self.begun = False
        self.missing: set[str] = set()  # ends of comments and the like that do not come any more

    def read(self) -> Tree:
        at = 0
        while found := _OPENS.search(self.text, at):
            self._add(_unreferenced(self.text[at : found.start()], self.entities))
            at = self._piece(found.start())
        self._add(_unreferenced(self.text[at:], self.entities))
        if len(self.open) > 1:
            self._complain(f"it ends within <{self.open[-1].name}>")
        return self.tree

    def _piece(self, at: int) -> int:
        """Read what begins with `<` here, and return where the next piece begins."""
        if self.text[at + 1] in "!?":
            for opening, closing in _OTHERS.items():
                if self.text.startswith(opening, at) and closing not in self.missing:
                    return self._other(at, opening, closing)
        if self.text[at + 1] == "!":
            return self._declaration(at)
        tag = _TAG.match(self.text, at) or _LOOSE_TAG.match(self.text, at)
        if tag is None:
            self._add("<")
            return at + 1
        if tag[1]:
            self._close(tag[2].lower(), tag.end())
        else:
            self._begin(tag)
        return tag.end()

    def _other(self, at: int, opening: str, closing: str) -> int:
        end = self.text.find(closing, at + len(opening))
        if end < 0:
            self.missing.add(closing)
            self._complain(f"no {closing} follows a {opening}")
            return at + len(opening)
        if opening == "<![CDATA[":
            self._add(self.text[at + len(opening) : end])
        return end + len(closing)

    def _declaration(self, at: int) -> int:
        doctype = None if self.begun else _DOCTYPE.match(self.text, at)
        if doctype is None:
            end = -1 if ">" in self.missing else self.text.find(">", at)
            if end < 0:
                self.missing.add(">")
            return end + 1 if end >= 0 else at + 2
        return doctype.end() if doctype[2] == ">" else self._declared(doctype.end())

    def _declared(self, at: int) -> int:
        while found := _DECLARATION.match(self.text, at):
            at = found.end()
            if found[1]:
                value = found[2] if found[2] is not None else found[3]
                self.entities.setdefault(found[1], _harmless(value))
        if not (end := re.compile(r"\]\s*>").match(self.text, at)):
            raise UnfoldingEntities
        return end.end()

    def _begin(self, tag: re.Match[str]) -> None:
        self.begun = True
        prefix, _, name = tag[2].lower().rpartition(":")
        if name in self.unclosed:
            self._end_alike(name, tag.start())
        above = self.open[-1]
        spaces, base = above.spaces, above.base
        attributes = {}
        for found in _ATTRIBUTE.finditer(tag[3]) if "=" in tag[3] else ():
            key = found[1].lower()
            value = _unreferenced(next(filter(None, found.groups()[1:]), ""), self.entities)
            if key == "xmlns" or key.startswith("xmlns:"):
                spaces = {**spaces, key[6:]: value.strip().lower()}
            elif key == "xml:base":
                base = f"{base} {value.strip()}".strip()
            attributes[key] = value
        element = Element(name, spaces.get(prefix, prefix), base, spaces, tag.start(), attributes=attributes)
        above.inside.append(element)
        if tag[3].endswith("/"):
            element.end = tag.end()
        elif len(self.open) < _DEEPEST:
            self.open.append(element)
        else:
            self._complain(f"more than {_DEEPEST} elements are nested")

    def _close(self, written: str, end: int) -> None:
        name = written.rpartition(":")[2]
        depth = next((at for at in range(len(self.open) - 1, 0, -1) if self.open[at].name == name), 0)
        if not depth:
            self._complain(f"</{written}> closes nothing")
            return
        if depth < len(self.open) - 1:
            self._complain(f"</{written}> closes <{self.open[-1].name}>")
        for element in self.open[depth:]:
            element.end = end
        del self.open[depth:]

    def _end_alike(self, name: str, end: int) -> None:
        depth = next((at for at in range(len(self.open) - 1, 0, -1) if self.open[at].name == name), 0)
        if depth:
            self._complain(f"<{name}> is not closed")
            for element in self.open[depth:]:
                element.end = end
            del self.open[depth:]

    def _add(self, words: str) -> None:
        if words:
            self.open[-1].inside.append(words)

    def _complain(self, problem: str) -> None:
        self.tree.problem = self.tree.problem or problem


def _is_left_open(text: str, name: str) -> bool:
    """Whether fewer of these elements are closed than begun."""
    tags = re.findall(rf"<(/?)(?:[\w.-]+:)?{name}(?=[\s/>])[^<>]*?(/?)>", text, re.IGNORECASE)
    return sum(1 for tag in tags if not tag[0] and not tag[1]) > sum(1 for tag in tags if tag[0])


def _unreferenced(text: str, entities: dict[str, str]) -> str:
    """The text with its references resolved: of XML, of HTML, and those that the document declared harmlessly."""
    if "&" not in text:
        return text

    def resolved(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("#"):
            return html.unescape(found[0])
        return entities.get(name) or html5.get(f"{name};") or found[0]

    return _REFERENCE.sub(resolved, text)


def _harmless(value: str) -> str:
    """What a declared entity means; raises UnfoldingEntities where it is long or made of others."""
    if len(value) > _LONGEST_ENTITY or "%" in value or re.search(r"&(?!#|amp;|lt;|gt;|quot;|apos;)", value):
        raise UnfoldingEntities
    return _unreferenced(value, {})
