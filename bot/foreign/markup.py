"""PURE: turns HTML that strangers wrote into words with their line breaks, and its links."""

import html
import re
from collections.abc import Iterator
from typing import Any, Literal

_MOST_LINKS = 500
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"),
        *("p", "pre", "section", "table", "tr", "ul"),
    )
)
_PARAGRAPHS = frozenset(("blockquote", "p", "pre"))
_SILENT = frozenset(("head", "iframe", "noscript", "script", "style", "template", "title"))
_CODE = frozenset(("script", "style"))  # whose opening tag may be a word of their own content
_SWALLOWS = re.compile(
    r"<(/?)(iframe|noembed|noframes|noscript|plaintext|script|style|template|textarea|title|xmp)\b"
    r"""((?:[^<>"']|"[^"<>]*+"|'[^'<>]*+'|"[^"]{0,2000}"|'[^']{0,2000}')*+)>""",
    re.IGNORECASE,
)


_INLINE = frozenset(
    (
        *(
            "a",
            "abbr",
            "b",
            "bdi",
            "bdo",
            "big",
            "br",
            "center",
            "cite",
            "code",
            "del",
            "em",
            "font",
            "i",
            "iframe",
            "img",
        ),
        *("ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "script", "small", "span", "strike", "strong"),
        *("style", "sub", "sup", "tbody", "td", "th", "thead", "time", "tt", "u", "var", "video", "audio", "object"),
    )
)


def looks_like_markup(text: str) -> bool:
    """Whether text of no stated kind is HTML: it has a tag or a reference, and no tag that HTML does not have."""
    if not re.search(r"</?[a-zA-Z][^<>]*>|&(?:#\d+|#[xX][\da-fA-F]+|[a-zA-Z]+\d*);", text):
        return False
    names = re.findall(r"</?([a-zA-Z][\w:-]*)", text)
    return all(name.lower() in _BLOCKS or name.lower() in _INLINE for name in names)


def plain(markup: str) -> tuple[str, list[tuple[str, str]]]:
    """Words of a piece of HTML with its line breaks, and its links (words, address) in order."""
    if "<" not in markup:
        return tidy(html.unescape(markup)), []
    from selectolax.lexbor import LexborHTMLParser

    words: list[str] = []
    links: list[tuple[str, str]] = []
    blank = False
    preformatted = owed = 0  # line feeds between the last words and the next
    # Behind <body> nothing is taken for the head of a page, and a frameset does not replace everything else.
    for event, node in _walk(LexborHTMLParser("<body>" + _without_swallowers(markup)).body):
        tag = node.tag or ""
        if event == "text":
            text = node.text_content or ""
            text = text if preformatted else re.sub(r"[ \t\r\n\f]+", " ", text)
            if text.strip() or not owed:
                words += ["\n" * owed, text.lstrip(" ") if blank and not preformatted else text]
                blank, owed = text.endswith(" "), 0
        elif tag == "br":
            owed += 1
        elif tag in _BLOCKS:
            owed = max(owed, 2 if tag in _PARAGRAPHS else 1)
            preformatted += 0 if tag != "pre" else 1 if event == "start" else -1
        elif tag in {"td", "th"} and event == "end":
            words.append("\t")
        elif tag == "a" and event == "start" and (address := (node.attributes.get("href") or "").strip()):
            links.append((" ".join((node.text() or "").split())[:500], address))
    return tidy("".join(words)), links[:_MOST_LINKS]


def _without_swallowers(markup: str) -> str:
    """Leave out the tags that would hide every word behind them, for nothing closes them: a browser hides these too."""
    if "<!" in markup:
        markup = re.sub(r"<!\[CDATA\[|\]\]>", "", markup)
        last = markup.rfind("-->") + 1
        markup = markup[:last] + markup[last:].replace("<!--", "")
    kept: list[str] = []
    closed: set[str] = set()  # names whose next tag, from here on, is a closing one
    end = len(markup)
    for tag in reversed(list(_SWALLOWS.finditer(markup))):
        name = tag[2].lower()
        if tag[1]:
            closed.add(name)
        elif name == "plaintext" or tag[3].endswith("/") or name not in closed:
            kept.append(markup[tag.end() : end])
            end = tag.start()
        elif name not in _CODE:
            closed.discard(name)
    return "".join((markup[:end], *reversed(kept)))


def _walk(body: Any) -> Iterator[tuple[Literal["text", "start", "end"], Any]]:
    """Visit text, starts and ends in document order, without recursion: markup can nest a hundred thousand deep."""
    ahead: list[tuple[bool, Any]] = [(True, body.first_child if body is not None else None)]
    while ahead:
        opening, node = ahead.pop()
        if node is None:
            continue
        if not opening:
            yield "end", node
            continue
        ahead.append((True, node.next))
        if node.is_text_node:
            yield "text", node
        elif node.is_element_node and node.tag not in _SILENT:
            yield "start", node
            if node.tag not in {"br", "hr"}:
                ahead += [(False, node), (True, node.first_child)]


def tidy(text: str) -> str:
    """No blanks at line ends, at most one empty line in a row, none at either end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    lines = [line.strip(" \t\f\v") for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
