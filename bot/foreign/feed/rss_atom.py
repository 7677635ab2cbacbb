"""PURE: reads RSS and Atom: an entry is made of its own direct children, never of what is nested deeper."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import urljoin

from bot.foreign.embedded import plain_apart
from bot.foreign.feed.parsed import (
    File,
    ParsedEntry,
    ParsedFeed,
    Unreadable,
    absolute,
    count_of,
    has_words,
    is_said,
    join_bodies,
    keep_newest,
    one_line_of,
    picture_of,
    read_duration,
)
from bot.foreign.json import storable
from bot.foreign.markup import looks_like_markup, tidy
from bot.foreign.xml_tree import Element, UnfoldingEntities, read_tree

_ENTRIES = frozenset(("item", "entry"))
_SPACES = {  # without scheme and final slash -> what they are called here
    "www.w3.org/2005/atom": "atom",
    "purl.org/atom/ns": "atom",
    "purl.org/rss/1.0": "",
    "purl.org/net/rss1.1": "",
    "my.netscape.com/rdf/simple/0.9": "",
    "channel.netscape.com/rdf/simple/0.9": "",
    "blogs.law.harvard.edu/tech/rss": "",
    "cyber.law.harvard.edu/rss/rss.html": "",
    "www.rssboard.org/rss-specification": "",
    "backend.userland.com/rss": "",
    "backend.userland.com/rss2": "",
    "purl.org/rss/1.0/modules/content": "content",
    "purl.org/dc/elements/1.0": "dc",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/dc/terms": "dcterms",
    "search.yahoo.com/mrss": "media",
    "tools.search.yahoo.com/mrss": "media",
    "www.rssboard.org/media-rss": "media",
    "video.search.yahoo.com/mrss": "media",
    "www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "www.itunes.com/dtds/podcast": "itunes",
    "www.google.com/schemas/play-podcasts/1.0": "googleplay",
    "www.w3.org/1999/xhtml": "xhtml",
    "news.yandex.ru": "yandex",
    "turbo.yandex.ru": "turbo",
}
_BODIES = {  # name -> rank: the whole text before what is said of it, a subtitle last
    **dict.fromkeys(("encoded", "fullitem", "full-text", "fulltext", "content", "body", "div"), 0),
    **dict.fromkeys(("description", "summary", "abstract", "excerpt"), 1),
    "subtitle": 2,
}
_MOST = 50  # bodies and captions of one entry that are read
_OF_BODIES = frozenset(("", "atom", "content", "dc", "dcterms", "itunes", "googleplay", "yandex", "turbo", "xhtml"))
_ONLY_IN = {  # names that are bodies in these namespaces only
    "content": frozenset(("", "atom", "turbo")),
    "body": frozenset(("", "xhtml")),
    "div": frozenset(("xhtml",)),
}
_PUBLISHED = (
    *(("", name) for name in ("pubdate", "published", "issued")),
    *(("dcterms", "issued"), ("dc", "date"), ("", "date"), ("", "created"), ("dcterms", "created")),
)
_UPDATED = (("", "updated"), ("", "modified"), ("dcterms", "modified"), ("", "lastbuilddate"))
_TAGS = re.compile(rb"<!\[CDATA\[|<!--|<(/?)(?:[\w.-]+:)?(?:item|entry)(?=[\s/>])[^<>]*>")
_MAIL_AND_NAME = re.compile(r"[^\s@()]+@[^\s()]+ ?\((.+)\)")
_NAME_AND_MAIL = re.compile(r"(.+?) ?[<(][^\s@<>()]+@[^\s@<>()]+[>)]")

ReadTime = Callable[[str], int | None]
Said = tuple[str, list[tuple[str, str]], str]  # words, links, and the words of posts that are embedded


def read_xml_feed(text: str, address: str, cap: int, places: Sequence[tuple[int, int]], time: ReadTime) -> ParsedFeed:
    """The document. `places` are those of its entries in its bytes, used where there are as many as entries.

    Raises Unreadable.
    """
    try:
        tree = read_tree(text, alone=_ENTRIES)
    except UnfoldingEntities:
        raise Unreadable(
            "the feed declares its own entities, which unfold or lead elsewhere (an internal DTD): this is refused"
        ) from None
    found = list(_find_entries(tree.root))
    feed = next(tree.root.elements(), None)
    if found and found[-1].end < 0:
        found.pop()  # the document was cut off within it
    if not found and (feed is None or feed.name not in {"rss", "rdf", "feed", "channel"}):
        raise Unreadable("the address answers with something that is neither RSS, Atom nor JSON Feed")
    if not found and tree.problem:
        raise Unreadable(f"the feed is truncated or not XML ({tree.problem}), and no entry can be read from it")
    entries = [read_entry(element, address, time) for element in found]
    for number, entry in enumerate(entries):
        if len(places) == len(entries):
            entry["raw"] = places[number]
        else:
            entry["source"] = storable(text[found[number].start : found[number].end])
    head = _find_head(tree.root)
    return ParsedFeed(
        kind="atom" if feed is not None and feed.name == "feed" else "rss",
        title=_first_line(*_own(head, "title"), *_in(head, "dc", "title")),
        picture=picture_of(address, _find_picture(head)),
        generator=_first_line(*_own(head, "generator"))[:100],
        built=time(_first_line(*_own(head, "lastbuilddate"))[:100]),
        ttl=count_of(_first_line(*_own(head, "ttl"))),
        total=len(entries),
        entries=keep_newest(entries, cap),
        broken=tree.problem[:200],
        refused=[],
        note="",
    )


def _find_picture(head: Element) -> str:
    """The address of the picture of a feed: RSS 2.0, else Atom, else iTunes."""
    urls = [each for image in _own(head, "image") for each in _own(image, "url")]
    named = _first_line(*urls, *_own(head, "logo", "icon"))
    return named or next((each.attributes.get("href", "") for each in _in(head, "itunes", "image")), "")


def find_entry_spans(data: bytes) -> list[tuple[int, int]]:
    """Where each `<item>` or `<entry>` begins and ends; comments and CDATA are passed over. Linear in the size."""
    found: list[tuple[int, int]] = []
    at = depth = start = 0
    while tag := _TAGS.search(data, at):
        at = tag.end()
        if tag[1] is None:
            close = b"]]>" if tag[0] == b"<![CDATA[" else b"-->"
            at = data.find(close, at) + len(close)
            if at < len(close):
                break
        elif tag[1]:
            depth = max(depth - 1, 0)
            if depth == 0 and start >= 0:
                found.append((start, at))
                start = -1
        else:
            start = tag.start() if depth == 0 else start
            if not tag[0].endswith(b"/>"):
                depth += 1
            elif depth == 0:
                found.append((start, at))
                start = -1
    return found


# One entry --------------------------------------------------------------------------------------------------------


def read_entry(entry: Element, address: str, time: ReadTime) -> ParsedEntry:
    """One entry; addresses are relative to `address`, that of the document."""
    titles = [
        *_own(entry, "title"),
        *(each for space in ("dc", "media", "itunes") for each in _in(entry, space, "title")),
    ]
    media = list(_media(entry))
    titles += [each for each in media if each.name == "title"]
    said = [each for each in media if each.name in {"description", "text"}]
    bodies = _bodies(entry)
    if not any(has_words(words) for _, (words, _, _) in bodies):
        bodies += [(each, _words(each)) for each in said[:_MOST] if each.name == "description"]
    text = join_bodies([words for _, (words, _, _) in bodies])
    published, published_raw = _first_time(entry, _PUBLISHED, time)
    updated, updated_raw = _first_time(entry, _UPDATED, time)
    guid, is_link = _guid(entry)
    return ParsedEntry(
        guid=storable(guid),
        link=absolute(address, _link(entry) or (guid if is_link else "")),
        title=next(filter(None, (one_line_of(_words(each)[0]) for each in titles)), ""),
        author=one_line_of(_author(entry)),
        text=storable(text),
        body=storable(next((words for _, (words, _, _) in bodies if words), "")),
        captions=_captions(said, text),
        quoted=storable(join_bodies([quoted for _, (_, _, quoted) in bodies])),
        links=list(
            dict.fromkeys(
                (storable(words), absolute(_base(body, address), href))
                for body, (_, links, _) in bodies
                for words, href in links
            )
        ),
        files=_files(entry, address),
        published=published,
        published_raw=storable(published_raw)[:100],
        updated=updated,
        updated_raw=storable(updated_raw)[:100],
        raw=None,
        source="",
    )


def _find_entries(root: Element) -> Iterator[Element]:
    """Every entry of the document in its order; one inside another is none."""
    ahead: list[tuple[Element, Element | None]] = [(root, None)]
    while ahead:
        element, above = ahead.pop()
        if element.name in _ENTRIES and (_space(element) in {"", "atom"} or _alike(element, above)):
            yield element
        else:
            ahead += [(child, element) for child in element.elements()][::-1]


def _space(element: Element) -> str:
    return _space_called(element.space)


@lru_cache
def _space_called(space: str) -> str:
    address = re.sub(r"^https?://|[/#]+$", "", space)
    return _SPACES.get(address, "" if address.startswith("backend.userland.com/rss") else space)


def _alike(element: Element, other: Element | None) -> bool:
    return other is not None and element.space == other.space


def _in(entry: Element, space: str, *names: str) -> list[Element]:
    return [child for child in entry.elements() if child.name in names and _space(child) == space]


def _own(entry: Element, *names: str) -> list[Element]:
    """Direct children in the entry's own words: those of RSS and Atom, or of the entry's own namespace."""
    return [child for child in entry.elements() if child.name in names and _is_own(child, entry)]


def _is_own(child: Element, entry: Element) -> bool:
    return _space(child) in {"", "atom"} or _alike(child, entry)


def _base(element: Element, address: str) -> str:
    for base in element.base.split():
        address = absolute(address, base) or address
    return address


def _words(element: Element) -> Said:
    """What an element says, whether it holds text, escaped HTML or elements."""
    kind = element.attributes.get("type", "").lower().split(";")[0].strip()
    if any(element.elements()):
        return plain_apart(element.markup())
    words = _repaired(element.words())
    if element.attributes.get("mode") == "base64" or kind.startswith(("application/", "image/", "audio/", "video/")):
        if kind.endswith(("xml", "html")) and element.attributes.get("mode") != "base64":
            return plain_apart(words)
        words = _from_base64(words) if not kind.startswith(("image/", "audio/", "video/")) else ""
        return plain_apart(words) if looks_like_markup(words) else (tidy(words), [], "")
    if kind in {"text", "plain", "text/plain"}:
        return tidy(words), [], ""
    may_be_plain = element.name in {"title", "summary", "abstract", "subtitle"} or _space(element) == "atom"
    if kind == "" and may_be_plain and not looks_like_markup(words):
        return tidy(words), [], ""
    return plain_apart(words)


def _from_base64(words: str) -> str:
    try:
        return base64.b64decode(words, validate=False).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _repaired(words: str) -> str:
    """UTF-8 that somebody took for Latin-1 and encoded again is decoded once more."""
    if words.isascii():
        return words
    try:
        return words.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return words


def _bodies(entry: Element) -> list[tuple[Element, Said]]:
    """Every body of the entry with what it says, the whole text first."""
    found = []
    for child in entry.elements():
        space = _space(child)
        own = "" if _is_own(child, entry) and space not in {"atom", "xhtml"} else space
        if child.name in _BODIES and own in _ONLY_IN.get(child.name, _OF_BODIES):
            found.append(child)
    found.sort(key=lambda child: _BODIES[child.name])
    return [(child, _words(child)) for child in found[:_MOST]]


def _media(entry: Element) -> Iterator[Element]:
    """What Media RSS says of the entry and its files, however its groups are nested."""
    ahead = [entry]
    while ahead:
        element = ahead.pop()
        if element is not entry:
            yield element
        if element is entry or element.name in {"group", "content"}:
            ahead += reversed([child for child in element.elements() if _space(child) == "media"])


def _captions(said: Sequence[Element], text: str) -> list[str]:
    found: list[str] = []
    for each in said[:_MOST]:
        words = storable(_words(each)[0])
        if has_words(words) and not is_said(words, "\n".join((text, *found))):
            found.append(words)
    return found


def _guid(entry: Element) -> tuple[str, bool]:
    """What the entry is called, and whether that is its address."""
    named = [each for each in _own(entry, "guid", "id") if each.words().strip()]
    if not named:
        about = (value for name, value in entry.attributes.items() if name.rpartition(":")[2] == "about")
        return next(about, "").strip(), False
    is_link = named[-1].attributes.get("ispermalink", "true") == "true"
    guid = named[-1].words().strip()
    try:
        return (_base_only(named[-1], guid) if is_link else guid), is_link and guid.startswith(("http://", "https://"))
    except ValueError:
        return guid, False


def _base_only(element: Element, guid: str) -> str:
    base = ""
    for each in element.base.split():
        base = urljoin(base, each)
    return urljoin(base, guid)


def _link(entry: Element) -> str:
    """The address of the entry as a page."""
    link = ""
    for each in _own(entry, "link"):
        href = each.attributes.get("href", "")
        kind = each.attributes.get("type", "").lower()
        if not href:
            link = each.words().strip().replace("&amp;", "&") or link
            href = link
        elif each.attributes.get("rel", "alternate") == "alternate" and (not kind or "html" in kind):
            link = href
        else:
            continue
        link = absolute(_base(each, ""), link) or link
    return link


def _author(entry: Element) -> str:
    """The names of those who wrote it; an address only of those who give no name."""
    written = _own(entry, "author") or _in(entry, "dc", "creator", "author") or _in(entry, "itunes", "author")
    return ", ".join(dict.fromkeys(filter(None, map(_name_of, written))))


def _name_of(author: Element) -> str:
    inside = {child.name: child.words().strip() for child in reversed(list(author.elements()))}
    if inside:
        return inside.get("name") or inside.get("email", "")
    written = " ".join(author.words().split())
    named = _MAIL_AND_NAME.fullmatch(written) or _NAME_AND_MAIL.fullmatch(written)
    return named[1].strip() if named else written


def _first_time(entry: Element, names: Sequence[tuple[str, str]], time: ReadTime) -> tuple[int | None, str]:
    """The first of these times that is understood, with its words; else the first words."""
    found = []
    for space, name in names:
        for each in _own(entry, name) if not space else _in(entry, space, name):
            if words := " ".join(each.words().split()):
                if (at := time(words)) is not None:
                    return at, words
                found.append(words)
    return None, next(iter(found), "")


def _files(entry: Element, address: str) -> list[File]:
    """Enclosures and media:content, each address once."""
    lasts = next((each.words() for each in _in(entry, "itunes", "duration")), "")
    links = [each for each in _own(entry, "link") if each.attributes.get("rel") == "enclosure"]
    contents = [each for each in _media(entry) if each.name == "content"]
    files: dict[str, File] = {}
    for each in [*_own(entry, "enclosure"), *links, *contents]:
        says = each.attributes
        url = absolute(_base(each, address), says.get("url") or says.get("href") or "")
        if url and url not in files:
            mime = says.get("type", "").split(";")[0].strip().lower()
            of_medium = {"image": "image/*", "audio": "audio/*", "video": "video/*"}
            files[url] = File(
                url=url,
                mime=storable(mime or of_medium.get(says.get("medium", ""), "")),
                bytes=count_of(says.get("length") or says.get("filesize")),
                duration_s=read_duration(says.get("duration") or lasts),
                name=one_line_of(says.get("title", "")),
            )
    return list(files.values())


def _find_head(root: Element) -> Element:
    """What holds the words about the feed itself; the root where nothing does."""
    ahead = list(root.elements())
    while ahead:
        element = ahead.pop(0)
        if element.name in {"channel", "feed"}:
            return element
        if element.name in {"rss", "rdf"}:
            ahead += element.elements()
    return root


def _first_line(*elements: Element) -> str:
    return next(filter(None, (one_line_of(_words(each)[0]) for each in elements)), "")
