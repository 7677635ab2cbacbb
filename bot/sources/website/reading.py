"""The child process that reads web pages: no network, no files, little memory and little time.

It is asked and answers as bot.forks says: an order (`PageRequest`) and a page, then one JSON document (`PageAnswer`).
"""

import json
import re
import resource
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TypedDict
from urllib.parse import urljoin, urlsplit

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[3]))

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.foreign import json as foreign_json
from bot.foreign.addresses import name_page
from bot.foreign.charset import decode
from bot.foreign.embedded import part_embedded, plain_apart
from bot.foreign.walls import find_wall
from bot.forks import serve
from bot.landlock import confine
from bot.limits import limit_memory, limit_process

MEMORY = 1 << 30
_MOST_ITEMS = 300
_LITTLE = 200  # characters: a text that short may be that of a wall
_MOST_PICTURES = 20
_ICON = 64  # pixels; a smaller picture shows no statement
_LEAST_LINKS = 3  # that make a list
_SHORTEST_TITLE = 12  # characters; of scripts without spaces, six
_APART = frozenset(("nav", "header", "footer", "aside"))  # links there are ways through the site


class PageRequest(TypedDict):
    """What the parent asks. `want`: the items of a "list", the body of an "item", the text of a "page", or a "wall".

    The rest are CSS selectors, "" where the reader is to find it by itself, and patterns to leave out.
    """

    want: str
    url: str
    type: str
    item: str
    link: str
    title: str
    time: str
    body: str
    keep: str


class PageItem(TypedDict):
    """One link of a list."""

    url: str
    title: str
    time: str


class PageAnswer(TypedDict, total=False):
    """What a page says. `unreadable`: why it says nothing; `wall`: what is in the way, also beside links."""

    unreadable: str
    missing: str  # a package that is needed
    wall: str
    items: list[PageItem]
    title: str
    text: str
    quoted: str  # words of posts that it embeds
    time: str
    links: list[tuple[str, str]]
    images: list[str]
    canonical: str


def read_page(data: bytes, order: PageRequest) -> PageAnswer:
    """Read the page as the order says."""
    try:
        html = decode(data, order["type"]).text
    except ValueError as error:
        return {"unreadable": f"the page is {error}"}
    if order["want"] == "wall":
        wall = find_wall(html)
        return {"wall": wall} if wall else {}
    tree = LexborHTMLParser(html)
    if order["want"] == "list":
        answer, wall = PageAnswer(items=_items(tree, order)), find_wall(html)
        return answer | PageAnswer(wall=wall) if wall else answer
    answer = _item(html, tree, order) if order["want"] == "item" else _page(tree, order)
    chosen = order["keep"] or order["body"]
    if len(answer.get("text", "")) < (1 if chosen else _LITTLE):
        wall = find_wall(html)
        if wall:
            return {"wall": wall}
    return answer


# A list ---------------------------------------------------------------------------------------------------------------


def _items(tree: LexborHTMLParser, order: PageRequest) -> list[PageItem]:
    base = _base(tree, order["url"])
    found: dict[str, PageItem] = {}
    for node in tree.css(order["item"]) if order["item"] else _repeated(tree, base):
        link = _first(node, order["link"]) if order["link"] else _speaking(node)
        address = _address(base, link)
        if link is None or address is None:
            continue
        title = _words(_first(node, order["title"]) if order["title"] else None) or _full(link) or _words(node)
        shown = _first(node, order["time"] or "time")
        time = (shown.attributes.get("datetime") or _words(shown)) if shown is not None else ""
        found.setdefault(name_page(address), PageItem(url=address, title=title[:1000], time=time[:100]))
    return list(found.values())[:_MOST_ITEMS]


def _repeated(tree: LexborHTMLParser, base: str) -> list[LexborNode]:
    """The links that repeat in one pattern: of those that lie alike in the page, the ones with the most words."""
    host = _bare_host(base)
    alike: dict[tuple[str, ...], dict[str, LexborNode]] = defaultdict(dict)
    for link in tree.css("a[href]"):
        address, words = _address(base, link), _words(link)
        if address is None or _bare_host(address) != host or name_page(address) == name_page(base):
            continue
        if len(words) >= (_SHORTEST_TITLE if words.isascii() else _SHORTEST_TITLE // 2):
            way = _way(link)
            if way is not None:
                alike[way].setdefault(name_page(address), link)
    groups = [list(group.values()) for group in alike.values() if len(group) >= _LEAST_LINKS]
    groups = [group for group in groups if _is_in_main(group[0])] or groups
    best = max(groups, key=lambda group: sum(min(len(_words(link)), 80) for link in group), default=[])
    return [_around(link) for link in best]


def _bare_host(address: str) -> str:
    """The host of an address; with www. and without, it is the same site."""
    return (urlsplit(address).hostname or "").removeprefix("www.")


def _is_in_main(link: LexborNode) -> bool:
    """Whether a link is in what the page itself calls its main part."""
    node = link.parent
    while node is not None:
        if node.tag == "main" or node.attributes.get("role") == "main":
            return True
        node = node.parent
    return False


def _speaking(node: LexborNode) -> LexborNode | None:
    """The link of a heading, else the first with words: pictures and categories often have links above it."""
    if node.tag == "a":
        return node
    links = [*node.css("h1 a[href], h2 a[href], h3 a[href], h4 a[href]"), *node.css("a[href]")]
    return next((link for link in links if _words(link)), links[0] if links else None)


def _full(link: LexborNode) -> str:
    """The words of a link; whole where the page cut them off and gives them as a hint."""
    words, hint = _words(link), " ".join((link.attributes.get("title") or "").split())
    shown = words.rstrip("….").rstrip()
    return hint if shown != words and shown and hint.startswith(shown) else words


def _way(link: LexborNode) -> tuple[str, ...] | None:
    """How a link lies in the page: the tags and classes around it; None where it is a way through the site."""
    steps = []
    node: LexborNode | None = link
    while node is not None and node.tag not in {"body", "html"}:
        if node.tag in _APART:
            return None
        classes = (node.attributes.get("class") or "").split()
        steps.append(f"{node.tag}.{re.sub(r'[0-9]+', '', classes[0]) if classes else ''}")
        node = node.parent
    return tuple(steps[:6])


def _around(link: LexborNode) -> LexborNode:
    """The smallest element around a link that holds more than it, and no other link with words: where its time is."""
    node = link
    while node.parent is not None and node.parent.tag not in {"body", "html", "main", "ul", "ol", "tbody"}:
        others = [
            one for one in node.parent.css("a[href]") if one.attributes.get("href") != link.attributes.get("href")
        ]
        if any(len(_words(one)) >= _SHORTEST_TITLE for one in others):
            break
        node = node.parent
    return node


# An item, a page ------------------------------------------------------------------------------------------------------


def _item(html: str, tree: LexborHTMLParser, order: PageRequest) -> PageAnswer:
    answer = PageAnswer(
        title=_meta(tree, "og:title") or _words(tree.css_first("h1")) or _words(tree.css_first("title")),
        time=_time(tree, order["url"]),
        canonical=_canonical(tree, order["url"]),
    )
    if order["body"]:
        nodes = tree.css(order["body"])
        return answer | _text("".join(node.html or "" for node in nodes), order["url"])
    try:
        import trafilatura
    except ImportError:
        return {"missing": "website"}
    own, quoted, places = part_embedded(html)
    found = trafilatura.extract(
        own, output_format="html", include_comments=False, include_links=True, include_tables=True
    )
    said = _text(found or "", order["url"])
    return answer | said | PageAnswer(quoted=quoted, links=[*said["links"], *places])


def _page(tree: LexborHTMLParser, order: PageRequest) -> PageAnswer:
    """The text of one document: what is kept, else its main part, else all of it."""
    for selector in (order["keep"],) if order["keep"] else ("main", "article", "[role=main]", "body"):
        nodes = tree.css(selector)
        if nodes:
            break
    title = _words(tree.css_first("title")) or _meta(tree, "og:title")
    return PageAnswer(title=title) | _text("".join(node.html or "" for node in nodes), order["url"])


def _text(markup: str, url: str) -> PageAnswer:
    text, links, quoted = plain_apart(markup)
    pictures = {
        address: None
        for node in LexborHTMLParser(markup).css("img[src], graphic[src]")
        if (address := _absolute(url, node.attributes.get("src") or "")) and not _is_small(node)
    }
    return PageAnswer(
        text=text,
        quoted=quoted,
        links=[(words, found) for words, address in links if (found := _absolute(url, address))],
        images=list(pictures)[:_MOST_PICTURES],
    )


def _is_small(node: LexborNode) -> bool:
    """Whether it is an icon by its own word."""
    sizes = (node.attributes.get(name) or "" for name in ("width", "height"))
    return any(size.isascii() and size.isdigit() and int(size[:6]) < _ICON for size in sizes)


def _time(tree: LexborHTMLParser, url: str) -> str:
    """When an item was published, by what pages say of themselves (ogp.me, schema.org, HTML)."""
    for name in ("article:published_time", "datePublished", "date", "DC.date.issued", "publish-date"):
        if found := _meta(tree, name):
            return found[:100]
    for script in tree.css('script[type="application/ld+json"]'):
        if found := _published_by_schema(script.text() or ""):
            return found[:100]
    node = _own_time(tree, url)
    return (node.attributes.get("datetime") or "")[:100] if node is not None else ""


def _published_by_schema(script: str) -> str:
    """When the page itself was published, not what it mentions: of what is described at the top, an article first."""
    try:
        found = foreign_json.read(script)
    except ValueError:
        return ""
    described = found if isinstance(found, list) else [found]
    graphs = [one.get("@graph") for one in described if isinstance(one, dict)]
    described += [one for graph in graphs if isinstance(graph, list) for one in graph]
    dated = [one for one in described if isinstance(one, dict) and isinstance(one.get("datePublished"), str)]
    dated.sort(key=lambda one: not re.search("Article|Posting|Report", str(one.get("@type"))))
    return str(dated[0]["datePublished"]).strip() if dated else ""


def _own_time(tree: LexborHTMLParser, url: str) -> LexborNode | None:
    """The first time in what holds the headline; elsewhere there are the times of other posts, and of today."""
    headline = tree.css_first("h1")
    around = headline
    while around is not None and around.tag not in {"article", "main", "body"}:
        around = around.parent
    place = around if around is not None else tree.body
    if place is None:
        return None
    return next((node for node in place.css("time[datetime]") if not _is_of_another(node, place, url)), None)


def _is_of_another(time: LexborNode, place: LexborNode, url: str) -> bool:
    """Whether a time within `place` is that of a link elsewhere, a quotation, what is aside, or another article."""
    node = time.parent
    while node is not None and node.mem_id != place.mem_id:
        if node.tag in {"aside", "nav", "article", "blockquote"} or (place.tag == "body" and node.tag in _APART):
            return True
        links = [node] if node.tag == "a" else node.css("a[href]") if node.tag == "li" else []
        for link in links:
            address = _address(url, link)
            headline = node.tag == "a" or len(_words(link)) >= _SHORTEST_TITLE
            if address is not None and headline and name_page(address) != name_page(url):
                return True
        node = node.parent
    return False


def _meta(tree: LexborHTMLParser, name: str) -> str:
    for key in ("property", "name", "itemprop"):
        node = tree.css_first(f'meta[{key}="{name}"]')
        if node is not None and (content := (node.attributes.get("content") or "").strip()):
            return content
    return ""


def _canonical(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first('link[rel="canonical"]')
    return _absolute(url, node.attributes.get("href") or "") or "" if node is not None else ""


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (_absolute(url, node.attributes.get("href") or "") if node is not None else None) or url


def _first(node: LexborNode, selector: str) -> LexborNode | None:
    if node.tag == "a" and selector == "a[href]":
        return node
    return node.css_first(selector)


def _address(base: str, link: LexborNode | None) -> str | None:
    return None if link is None else _absolute(base, link.attributes.get("href") or "")


def _absolute(base: str, address: str) -> str | None:
    """The whole web address without its fragment; None for what is none."""
    try:
        found = urljoin(base, address.strip()).partition("#")[0]
        parts = urlsplit(found)
        _ = parts.port
    except ValueError:
        return None
    return found if parts.scheme in {"http", "https"} and parts.hostname and found.isprintable() else None


def _words(node: LexborNode | None) -> str:
    return " ".join((node.text(separator=" ") or "").split()) if node is not None else ""


# The process ----------------------------------------------------------------------------------------------------------


def forbid_opening() -> None:
    """Forbid files, programs and sockets from here on."""
    confine()
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def answer_one(order: PageRequest, data: bytes, cpu_s: int) -> bytes:
    """Answer one request, in a fork."""
    limit_process(cpu_s, MEMORY)
    answer: PageAnswer
    try:
        forbid_opening()
        answer = read_page(data, order)
    except MemoryError:
        answer = {"unreadable": f"the page needs more than {MEMORY >> 20} MB to be read"}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def prepare(order: PageRequest) -> None:
    """Load the extractor for the forks that need it."""
    if order["want"] == "item" and not order["body"]:
        _load()


@cache
def _load() -> None:
    """Load the extractor and its files while files can be opened, by one use of it."""
    try:
        import trafilatura
    except ImportError:
        return
    for words in ("word ", "word " * 100):  # a short text takes the ways of last resort, which have word lists
        trafilatura.extract(f"<html><body><article><p>{words}</p></article></body></html>", output_format="html")


if __name__ == "__main__":
    limit_memory(MEMORY)
    serve(answer_one, prepare)
