"""Reads one post out of its block on a public Telegram page, in the markup of 2023 and of 2026."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from selectolax.lexbor import LexborNode

from storage.records import FetchedMedia, FetchedPost, Forward, Link, MediaKind, Poll, Preview, Raw

HIGHEST_ID = 2**31 - 1  # Telegram numbers the messages of a channel with 32 bits
NEEDS_ACCOUNT = "not downloadable without an account"

_IDENTITY = re.compile(r"([A-Za-z0-9_]{1,64})/([0-9]{1,10})")
_POST_LINK = re.compile(r"https?://(?:www\.)?[^/]+/(?:s/)?([A-Za-z0-9_]{1,64})/([0-9]{1,10})(?:[?#].*)?")
_LAST_NUMBER = re.compile(r"/([0-9]{1,10})(?:[?#].*)?$")
_SCHEME = re.compile(r"(?!javascript:|data:|vbscript:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_BACKGROUND = re.compile(r"""background-image\s*:\s*url\(\s*(['"]?)(.*?)\1\s*\)""")
_SOURCE_BREAK = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB)")
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EDGE = "\0"  # cannot come out of the parser: HTML has no NUL
_BLOCKS = frozenset({"blockquote", "pre", "div", "p"})


class UnreadableError(ValueError):
    """This block is no post that we can read; the text says why."""


@dataclass(slots=True)
class _Draft:
    """A post while its block is walked."""

    name: str
    number: int
    text: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    media: dict[str, FetchedMedia] = field(default_factory=dict)
    members: list[int] = field(default_factory=list)
    posted_raw: str = ""
    author: str | None = None
    edited: bool = False
    service: bool = False
    views: str | None = None
    forward: Forward | None = None
    reply_to: str | None = None
    poll: Poll | None = None
    preview: Preview | None = None

    def add(
        self,
        kind: MediaKind,
        node: LexborNode,
        *,
        key: str | None = None,
        url: str | None = None,
        reason: str | None = None,
        name: str | None = None,
        size: int | None = None,
        duration_s: float | None = None,
    ) -> None:
        """One more file. Its key is the platform's file id, else the id of the message that carries it."""
        href = _attribute(node, "href")
        found = _LAST_NUMBER.search(href)
        number = int(found[1]) if found else self.number
        if "?single" in href:
            self.members.append(number)
        key = unique = f"{kind}:{key or number}"
        while unique in self.media:
            unique = f"{key}#{len(self.media)}"
        if url is None and reason is None:
            reason = NEEDS_ACCOUNT
        self.media[unique] = FetchedMedia(
            kind, unique, url, name=name or None, bytes=size, duration_s=duration_s, reason=reason
        )


def read_post(message: LexborNode, raw: Raw, site: str) -> tuple[FetchedPost, int]:
    """The post in a `.tgme_widget_message`, and the highest message id in it (an album holds several).

    `site` is the address that the post's own link starts with. Raises UnreadableError.
    """
    found = _IDENTITY.fullmatch(_attribute(message, "data-post"))
    if not found or not 0 < int(found[2]) <= HIGHEST_ID:
        raise UnreadableError(f"no usable post id in {_attribute(message, 'data-post')[:80]!r}")
    draft = _Draft(found[1], int(found[2]), service="service_message" in _classes(message))
    _walk(message, draft)
    last = max([draft.number, *(number for number in draft.members if number <= HIGHEST_ID)])
    return _finished(draft, raw, site), last


def _finished(draft: _Draft, raw: Raw, site: str) -> FetchedPost:
    native_id = str(draft.number)
    return FetchedPost(
        native_id=native_id,
        raw=raw,
        text="\n".join(part for part in draft.text if part),
        number=draft.number,
        posted_at=microseconds(draft.posted_raw),
        posted_raw=draft.posted_raw,
        url=f"{site}/{draft.name}/{native_id}",
        author=draft.author or None,
        edited=draft.edited,
        forward=draft.forward,
        reply_to=draft.reply_to,
        group=native_id if draft.members else None,
        links=tuple(draft.links),
        media=tuple(draft.media.values()),
        poll=draft.poll,
        preview=draft.preview,
        views=draft.views,
        service=draft.service,
    )


def microseconds(value: str) -> int | None:
    """Microseconds UTC of an ISO time; t.me always writes the offset, a missing one is read as UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def plain(root: LexborNode, anchors: list[tuple[str, LexborNode]] | None = None) -> str:
    """The words of a piece of page: `<br>` is a line break, block elements are lines of their own.

    `anchors` collects its links, each with its words.
    """
    parts: list[str] = []
    above: list[tuple[LexborNode, str, int]] = []  # the elements around, what their edges add, where they began
    node = root.child
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


# The walk ---------------------------------------------------------------------------------------------------------


def _walk(root: LexborNode, draft: _Draft) -> None:
    """Visit the block from top to bottom; an element that has a reader is read whole and not entered."""
    stack = [root.child]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        stack.append(node.next)
        if not node.is_element_node:
            continue
        for name in _classes(node):
            if (reader := _READERS.get(name)) is not None:
                reader(draft, node)
                break
        else:
            if node.tag != "time":
                stack.append(node.child)
                continue
            _time(draft, node)


def _attribute(node: LexborNode | None, name: str) -> str:
    return (node.attributes.get(name) or "") if node is not None else ""


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _words(node: LexborNode, selector: str) -> str:
    found = node.css_first(selector)
    return plain(found) if found is not None else ""


def _address(value: str) -> str | None:
    value = value.strip()
    if value.startswith("//"):
        value = f"https:{value}"
    return value if value.startswith(("https://", "http://")) else None


def _background(node: LexborNode | None) -> str | None:
    found = _BACKGROUND.search(_attribute(node, "style"))
    return _address(found[2]) if found else None


def _seconds(clock: str) -> float | None:
    """Seconds of "0:44" or "1:02:03"."""
    if not re.fullmatch(r"(?:[0-9]{1,3}:)?[0-9]{1,3}:[0-9]{2}", clock):
        return None
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return float(total)


def _href(node: LexborNode) -> str:
    """The address of a link; those with `onclick` have been escaped twice since April 2024."""
    href = _attribute(node, "href").strip()
    return href.replace("&amp;", "&") if "onclick" in node.attributes else href


# Readers: what each class of element adds to the draft --------------------------------------------------------------


def _skip(_draft: _Draft, _node: LexborNode) -> None:
    """Not the post's own content."""


def _text(draft: _Draft, node: LexborNode) -> None:
    anchors: list[tuple[str, LexborNode]] = []
    draft.text.append(plain(node, anchors))
    for words, anchor in anchors:
        href = _href(anchor)
        if href.startswith("//"):
            href = f"https:{href}"
        mention = words.startswith("@") and href.lower().endswith(f"/{words[1:].lower()}")
        if not mention and _SCHEME.match(href):  # a hashtag's link is relative
            draft.links.append(Link(words, href))


def _meta(draft: _Draft, node: LexborNode) -> None:
    """`[author, ][edited ]<a><time>`; the author is in an element of its own or bare."""
    own = ""
    for child in _children(node):
        if child.is_text_node:
            own += child.text_content or ""
        elif "tgme_widget_message_from_author" in _classes(child):
            draft.author = plain(child)
        else:
            _time(draft, child if child.tag == "time" else child.css_first("time"))
    *before, last = own.split(",")
    draft.edited = draft.edited or last.strip() == "edited"
    draft.author = draft.author or ",".join(before).strip() or None


def _author(draft: _Draft, node: LexborNode) -> None:
    draft.author = draft.author or plain(node)


def _time(draft: _Draft, node: LexborNode | None) -> None:
    """The players' `<time>` elements are durations and have no datetime."""
    draft.posted_raw = draft.posted_raw or _attribute(node, "datetime")


def _views(draft: _Draft, node: LexborNode) -> None:
    draft.views = plain(node) or None


def _reply(draft: _Draft, node: LexborNode) -> None:
    found = _POST_LINK.fullmatch(_attribute(node, "href"))
    if found:
        same = found[1].lower() == draft.name.lower()
        draft.reply_to = found[2] if same else f"{found[1]}/{found[2]}"


def _forward(draft: _Draft, node: LexborNode) -> None:
    origin = node.css_first(".tgme_widget_message_forwarded_from_name")
    name = plain(origin) if origin is not None else plain(node).removeprefix("Forwarded from").strip()
    href = _attribute(origin, "href")
    found = _POST_LINK.fullmatch(href)
    draft.forward = Forward(name, _address(href), *(found.groups() if found else ()))


def _preview(draft: _Draft, node: LexborNode) -> None:
    draft.preview = Preview(
        _href(node),
        _words(node, ".link_preview_site_name"),
        _words(node, ".link_preview_title"),
        _words(node, ".link_preview_description"),
    )


def _poll(draft: _Draft, node: LexborNode) -> None:
    options = node.css(".tgme_widget_message_poll_option_text") or node.css(".tgme_widget_message_poll_option")
    draft.poll = Poll(_words(node, ".tgme_widget_message_poll_question"), tuple(plain(option) for option in options))


def _photo(draft: _Draft, node: LexborNode) -> None:
    photo_id = next((name for name in _classes(node) if name.isascii() and name.isdigit()), None)
    draft.add("photo", node, key=photo_id, url=_background(node))


def _service_photo(draft: _Draft, node: LexborNode) -> None:
    draft.add("photo", node, url=_address(_attribute(node.css_first("img"), "src")))


def _video(draft: _Draft, node: LexborNode) -> None:
    videos = [video for video in node.css("video") if "js-message_video_blured" not in _classes(video)]
    url = _address(_attribute(videos[0], "src")) if videos else None
    label = "" if url else _words(node, ".message_media_not_supported_label")
    reason = f"{label}: {NEEDS_ACCOUNT}" if "too big" in label else None
    draft.add("video", node, url=url, reason=reason, duration_s=_seconds(_words(node, ".message_video_duration")))


def _round(draft: _Draft, node: LexborNode) -> None:
    url = _address(_attribute(node.css_first("video"), "src"))
    draft.add("round", node, url=url, duration_s=_seconds(_words(node, ".tgme_widget_message_roundvideo_duration")))


def _voice(draft: _Draft, node: LexborNode) -> None:
    url = _address(_attribute(node.css_first("audio"), "src"))
    draft.add("voice", node, url=url, duration_s=_seconds(_words(node, ".tgme_widget_message_voice_duration")))


def _document(draft: _Draft, node: LexborNode) -> None:
    title = _words(node, ".tgme_widget_message_document_title")
    extra = _words(node, ".tgme_widget_message_document_extra")
    icon = node.css_first(".tgme_widget_message_document_icon")
    if icon is not None and "audio" in _classes(icon):  # the second line is the performer
        draft.add("audio", node, name=" - ".join(part for part in (extra, title) if part))
        return
    size = _SIZE.fullmatch(extra)
    draft.add("document", node, name=title, size=round(float(size[1]) * _UNITS[size[2]]) if size else None)


def _sticker(draft: _Draft, node: LexborNode) -> None:
    still = node.css_first("[data-webp]")
    moving = node.css_first('source[type="application/x-tgsticker"]')
    address = (
        _attribute(still, "data-webp") or _attribute(moving, "srcset") or _attribute(node.css_first("video"), "src")
    )
    draft.add("sticker", node, url=_address(address))


def _location(draft: _Draft, node: LexborNode) -> None:
    draft.add("location", node, name=_attribute(node, "href"), reason="a place, not a file", key=str(draft.number))


def _unsupported(draft: _Draft, node: LexborNode) -> None:
    """A notice in place of the content: embed pages show service messages like this."""
    label = _words(node, ".message_media_not_supported_label")
    if label == "Service message":
        draft.service = True
    elif "media_not_supported_cont" not in _classes(node):
        draft.add("document", node, reason=f"the web preview does not show it: {label}")


_READERS: Mapping[str, Callable[[_Draft, LexborNode], None]] = MappingProxyType(
    {
        "media_not_supported_cont": _skip,  # hidden by the style sheet; in 2026 every post has one
        "tgme_widget_message_user": _skip,
        "tgme_widget_message_bubble_tail": _skip,
        "tgme_widget_message_author": _skip,
        "tgme_widget_message_reactions": _skip,
        "tgme_widget_message_text": _text,
        "tgme_widget_message_meta": _meta,
        "tgme_widget_message_from_author": _author,
        "tgme_widget_message_views": _views,
        "tgme_widget_message_reply": _reply,
        "tgme_widget_message_forwarded_from": _forward,
        "tgme_widget_message_link_preview": _preview,
        "tgme_widget_message_poll": _poll,
        "tgme_widget_message_photo_wrap": _photo,
        "tgme_widget_message_service_photo": _service_photo,
        "tgme_widget_message_video_player": _video,
        "tgme_widget_message_roundvideo_player": _round,
        "tgme_widget_message_voice_player": _voice,
        "tgme_widget_message_document_wrap": _document,
        "tgme_widget_message_sticker_wrap": _sticker,
        "tgme_widget_message_location_wrap": _location,
        "message_media_not_supported_wrap": _unsupported,
    }
)
