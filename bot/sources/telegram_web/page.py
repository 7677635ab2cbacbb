"""Reads whole public Telegram pages: the list at /s/NAME and the page of one post."""

import base64
import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.sources.telegram_web.block import UnreadableError, read_post
from bot.sources.telegram_web.markup import classes, is_monstrous, plain, repaired
from storage.frozen import dataclass
from storage.records import Fetch, FetchedPost, Quarantined, Raw, Seen, StoredRaw

_SITE = "https://t.me"
_MIME = "text/html"
_MESSAGE = "div.tgme_widget_message"
_BLOCK = "div.tgme_widget_message_wrap"
_AROUND = frozenset(("tgme_widget_message", "tgme_widget_message_wrap"))
_WRAP = re.compile(rb'<div class="tgme_widget_message_wrap')
_VIEW = re.compile(  # only in the tag of a block: the words of a post cannot look like that
    rb'(<div class="tgme_widget_message [^"<>]{0,200}" data-post="[^"<>]{1,80}" data-view=")'
    rb'([A-Za-z0-9_=-]{1,2000})(?=")'
)
_VIEWERS = re.compile(rb'<span class="tgme_widget_message_views">[0-9.KMB]{1,12}</span>')
_HISTORY_END = b"</section>"
_BEFORE = re.compile(r"[?&]before=([0-9]{1,10})(?:&|$)")
_NOTHING = ".tgme_no_messages_found, .tme_no_messages_found"
_BLOCKS_READ = 100  # t.me sends at most 20


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What one /s/ page holds; posts ascend.

    `span` runs from the lowest block's id to the highest message id that any block holds, unreadable ones included.
    `older` is the id that the page's own link to older posts names. `nothing_found` is the notice "No posts found",
    which a throttled page shows too. `is_preview` is False for anything that is not such a page (a block page, a
    captcha). `has_counters` means that the header counts photos, videos, files or links.
    """

    posts: tuple[FetchedPost, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    span: Seen | None = None
    channel_id: str | None = None
    handle: str | None = None
    title: str | None = None
    older: int | None = None
    nothing_found: bool = False
    is_preview: bool = False
    has_counters: bool = False
    fetch: Fetch | None = None
    mark: str | None = None
    repeats: bool = False

    @property
    def without_words(self) -> bool:
        """Many posts and not a word or file in any of them: the markup has changed and must not count as edits."""
        return len(self.posts) > 4 and not any(
            post.text or post.media or post.poll or post.attached or post.service for post in self.posts
        )


@dataclass(frozen=True, slots=True)
class Embed:
    """The page of one post: it, or the notice that it is not there; neither on any other kind of page."""

    post: FetchedPost | None = None
    not_found: bool = False
    channel_id: str | None = None
    fetch: Fetch | None = None


def read_page(html: bytes, site: str = _SITE) -> PreviewPage:
    """Read a /s/ page. Never raises: what is no post is quarantined, and what is no page has `is_preview` False."""
    try:
        return _read_page(html, html, site)
    except UnicodeDecodeError:
        return _read_page(repaired(html), html, site)


def _read_page(html: bytes, received: bytes, site: str) -> PreviewPage:
    if is_monstrous(html):
        return PreviewPage()
    tree = LexborHTMLParser(html)
    wraps = tree.css(_BLOCK)
    swallowed = html.count(_WRAP.pattern) > len(wraps)
    if swallowed or _is_nested(wraps[:_BLOCKS_READ]):  # a block was cut short
        tree = LexborHTMLParser(_close_blocks(html))
        wraps = tree.css(_BLOCK)
    info = tree.css_first("div.tgme_channel_info")
    handle = _first_words(info, ".tgme_channel_info_header_username").removeprefix("@")
    posts, quarantined, numbers = _read_blocks(tree, wraps, _slices(received, wraps), site)
    nothing = not posts and tree.css_first(_NOTHING) is not None
    return PreviewPage(
        posts=tuple(sorted(posts, key=lambda post: post.number or 0)),
        quarantined=tuple(quarantined),
        span=Seen(min(low for low, _ in numbers), max(high for _, high in numbers)) if numbers else None,
        channel_id=next(filter(None, map(_channel_id, wraps[:_BLOCKS_READ])), None),
        handle=handle or (_name_in(posts[-1]) if posts else None),
        title=_first_words(info, ".tgme_channel_info_header_title") or None,
        older=_older(tree),
        nothing_found=nothing,
        is_preview=bool(posts or info is not None or tree.css_first(".tgme_channel_history") is not None),
        has_counters=any(
            plain(kind).split(" ")[0].rstrip("s") in ("photo", "video", "file", "link")
            for kind in (info.css(".counter_type") if info is not None else ())
        ),
    )


def mark_page(html: bytes) -> str:
    """The same for two pages that say the same, whoever visits them when, and however many did before."""
    parts = _VIEW.split(html)  # what is between two views, the tag before a view, the view, and so on
    channel = _channel_in(parts[2].decode()) if len(parts) > 1 else None
    del parts[2::3]
    lasting = _VIEWERS.sub(b"", b"".join(parts))
    return f"{blake2b(lasting, digest_size=16).hexdigest()} {channel}"


def read_embed(html: bytes, site: str = _SITE) -> Embed:
    """Read the page of one post. Never raises: a page that is something else has neither a post nor `not_found`."""
    try:
        return _read_embed(html, html, site)
    except UnicodeDecodeError:
        return _read_embed(repaired(html), html, site)


def _read_embed(html: bytes, received: bytes, site: str) -> Embed:
    if is_monstrous(html):
        return Embed()
    tree = LexborHTMLParser(html)
    error = tree.css_first(".tgme_widget_message_error")
    message = tree.css_first("div.tgme_widget_message[data-post]")
    if message is None:
        return Embed(not_found=error is not None and plain(error) == "Post not found")
    try:
        post, _ = read_post(message, Raw(received, _MIME), site)
    except UnreadableError:
        return Embed()
    return Embed(post=post, channel_id=_view_channel(message))


def reread(stored: StoredRaw, site: str = _SITE) -> FetchedPost | None:
    """The post in bytes that were a block of a list, or a page of their own; None if it is not found there."""
    if stored.raw.mime != _MIME:
        return None
    found = (*read_page(stored.raw.data, site).posts, read_embed(stored.raw.data, site).post)
    return next((post for post in found if post is not None and post.native_id == stored.native_id), None)


def _slices(html: bytes, wraps: list[LexborNode]) -> list[bytes]:
    """The bytes of each block exactly as received; if they cannot be matched, what the parser made of them."""
    starts = [found.start() for found in _WRAP.finditer(html)]
    if len(starts) != len(wraps):
        return [(wrap.html or "").encode() for wrap in wraps[:_BLOCKS_READ]]
    end = html.find(_HISTORY_END, starts[-1]) if starts else -1
    starts.append(end if end >= 0 else len(html))
    return [html[start:stop] for start, stop in pairwise(starts)]


def _read_blocks(
    tree: LexborHTMLParser, wraps: list[LexborNode], slices: list[bytes], site: str
) -> tuple[list[FetchedPost], list[Quarantined], list[tuple[int, int]]]:
    """Posts, unreadable blocks, and the lowest and highest message id of each block that has one."""
    posts: dict[str, FetchedPost] = {}
    quarantined: list[Quarantined] = []
    numbers: list[tuple[int, int]] = []
    for message, data in _messages(tree, wraps[:_BLOCKS_READ], slices):
        raw = Raw(data, _MIME)
        if message is None:
            quarantined.append(Quarantined(raw, "a block without a post"))
            continue
        try:
            post, last = read_post(message, raw, site)
        except UnreadableError as error:
            quarantined.append(Quarantined(raw, str(error)))
            continue
        if post.native_id in posts:
            quarantined.append(Quarantined(raw, f"post {post.native_id} appears twice on the page", post.native_id))
            continue
        posts[post.native_id] = post
        numbers.append((int(post.native_id), last))
    if len(wraps) > _BLOCKS_READ:
        rest = b"".join(slices[_BLOCKS_READ:])
        quarantined.append(Quarantined(Raw(rest, _MIME), f"more than {_BLOCKS_READ} blocks on one page"))
    return list(posts.values()), quarantined, numbers


def _messages(
    tree: LexborHTMLParser, wraps: list[LexborNode], slices: list[bytes]
) -> Iterator[tuple[LexborNode | None, bytes]]:
    """Each message with the bytes of its block, which usually holds one; None for a block without a message."""
    blocks = {wrap.mem_id: data for wrap, data in zip(wraps, slices, strict=False)}
    empty = dict(blocks)
    for message in tree.css(_MESSAGE)[: 2 * _BLOCKS_READ]:
        around = _find_around(message)
        if around is None:  # in no block at all
            yield message, (message.html or "").encode()
        elif around.mem_id in blocks:
            empty.pop(around.mem_id, None)
            yield message, blocks[around.mem_id]
    for wrap in wraps:
        if wrap.mem_id in empty and wrap.css_first(f"{_MESSAGE}, {_NOTHING}") is None:
            yield None, empty[wrap.mem_id]


def _close_blocks(html: bytes) -> bytes:
    """The page with everything closed that a block opens."""
    starts = [found.start() for found in _WRAP.finditer(html)]
    end = html.find(_HISTORY_END, starts[-1]) if starts else -1
    if end < 0:
        return html
    blocks = [html[start:stop] for start, stop in pairwise([*starts, end])]
    closed = [body.inner_html or "" for block in blocks if (body := LexborHTMLParser(block).body) is not None]
    return html[: starts[0]] + "".join(closed).encode() + html[end:]


def _is_nested(wraps: list[LexborNode]) -> bool:
    """Whether one of them is in another block; those with one parent are in the same."""
    siblings = {wrap.parent.mem_id if wrap.parent is not None else 0: wrap for wrap in wraps}
    return any(_find_around(wrap) is not None for wrap in siblings.values())


def _find_around(message: LexborNode) -> LexborNode | None:
    """The block that a message is in; a message inside another message is in that."""
    node = message.parent
    while node is not None and _AROUND.isdisjoint(classes(node)):
        node = node.parent
    return node


def _first_words(root: LexborNode | None, selector: str) -> str:
    found = root.css_first(selector) if root is not None else None
    return plain(found) if found is not None else ""


def _name_in(post: FetchedPost) -> str:
    return (post.url or "").rsplit("/", 2)[-2]


def _older(tree: LexborHTMLParser) -> int | None:
    """The id in the page's link to older posts, in the head or above the first post."""
    link = tree.css_first('link[rel="prev"]')
    found = _BEFORE.search((link.attributes.get("href") or "") if link is not None else "")
    more = None if found else tree.css_first("a.tme_messages_more[data-before]")
    value = found[1] if found else ((more.attributes.get("data-before") or "") if more is not None else "")
    return int(value) if value.isascii() and value.isdigit() and 0 < len(value) <= 10 else None


def _channel_id(wrap: LexborNode) -> str | None:
    message = wrap.css_first(_MESSAGE)
    return _view_channel(message) if message is not None else None


def _view_channel(message: LexborNode) -> str | None:
    """The channel's numeric id: `data-view` is base64url JSON whose `c` is its negative."""
    return _channel_in(message.attributes.get("data-view") or "")


def _channel_in(view: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_=-]{1,2000}", view):
        return None
    try:
        number = json.loads(base64.urlsafe_b64decode(view.rstrip("=") + "=" * (-len(view.rstrip("=")) % 4)))["c"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return str(-number) if type(number) is int and -(2**63) < number < 0 else None
