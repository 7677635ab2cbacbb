"""Reads one post out of its block on a public Telegram page, in the markup of 2023 and of 2026."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from selectolax.lexbor import LexborNode

from bot.sources.telegram_web import boxes
from bot.sources.telegram_web.draft import NEEDS_ACCOUNT, Draft
from bot.sources.telegram_web.markup import (
    attribute,
    background,
    children,
    classes,
    href,
    link,
    plain,
    seconds,
    web_address,
    words_in,
)
from storage.records import FetchedPost, Forward, Poll, Preview, Raw

HIGHEST_ID = 2**31 - 1  # Telegram numbers the messages of a channel with 32 bits

_IDENTITY = re.compile(r"([A-Za-z0-9_]{1,64})/([0-9]{1,10})")
_POST_LINK = re.compile(r"https?://(?:www\.)?[^/]+/(?:s/)?([A-Za-z0-9_]{1,64})/([0-9]{1,10})(?:[?#].*)?")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB)")
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_NO_WORDS = frozenset(("script", "style", "template", "svg", "audio", "video"))
_FRAMES = frozenset(  # elements around several others
    (
        *("tgme_widget_message_bubble", "media_supported_cont", "tgme_widget_message_inline_keyboard"),
        *("tgme_widget_message_inline_row", "tgme_widget_message_grouped_wrap", "tgme_widget_message_grouped"),
        "tgme_widget_message_grouped_layer",
    )
)
_LABELS = frozenset(  # Telegram's own words on what can be pressed
    (
        *("instant view", "view in telegram", "view post", "view channel", "view group", "view message", "view bot"),
        *("open", "join", "join channel", "join group", "read more", "show all", "translate", "leave a comment", "pay"),
    )
)
_FOOT = frozenset(("tgme_widget_message_footer", "tgme_widget_message_info"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableError(ValueError):
    """This block is no post that we can read; the text says why."""


def read_post(message: LexborNode, raw: Raw, site: str) -> tuple[FetchedPost, int]:
    """The post in a `.tgme_widget_message`, and the highest message id in it (an album holds several).

    `site` is the address that the post's own link starts with. Raises UnreadableError.
    """
    found = _IDENTITY.fullmatch(attribute(message, "data-post"))
    if not found or not 0 < int(found[2]) <= HIGHEST_ID:
        raise UnreadableError(f"no usable post id in {attribute(message, 'data-post')[:80]!r}")
    draft = Draft(found[1], int(found[2]), service="service_message" in classes(message))
    _walk(message, draft)
    last = max([draft.number, *(number for number in draft.members if number <= HIGHEST_ID)])
    return _finished(draft, raw, site), last


def _finished(draft: Draft, raw: Raw, site: str) -> FetchedPost:
    native_id = str(draft.number)
    text = "\n".join(part for part in draft.text if part)
    if boxes.is_notice(text):
        draft.notice, draft.text, text = text, [], ""
    post = FetchedPost(
        native_id=native_id,
        raw=raw,
        text=text,
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
        attached=boxes.attached_words(draft),
        buttons=boxes.opened_by_buttons(draft),
        cards=boxes.bounded(draft.cards),
    )
    notice = boxes.find_notice(draft, blank=post.is_blank)
    return post if notice is None else replace(post, not_shown=notice)


def microseconds(value: str) -> int | None:
    """Microseconds UTC of an ISO time; t.me always writes the offset, a missing one is read as UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


# The walk ---------------------------------------------------------------------------------------------------------


def _walk(root: LexborNode, draft: Draft) -> None:
    """Visit the block from top to bottom; an element that has a reader is read whole and not entered.

    Words that no reader takes are kept too, those of one element as one card: what Telegram draws tomorrow has to be
    found. Only the foot of a post and what draws its frame is left out.
    """
    stack: list[tuple[LexborNode | None, list[str] | None]] = [(root.child, None)]
    cards: list[list[str]] = []
    while stack:
        node, card = stack.pop()
        while node is not None:
            if node.is_text_node:
                words = " ".join((node.text_content or "").split())
                if words and words.casefold() not in _LABELS:
                    (card if card is not None else _begin(cards)).append(words)
            elif node.is_element_node and (tag := node.tag) not in _NO_WORDS:
                own, reader = classes(node), None
                for name in own:
                    if (reader := _READERS.get(name)) is not None:
                        break
                if reader is not None:
                    reader(draft, node)
                elif tag == "time":
                    _time(draft, node)
                else:
                    stack.append((node.next, card))
                    node, card = node.child, _card_inside(own, card, cards)
                    continue
            node = node.next
    draft.cards += ["\n".join(lines) for lines in cards if lines]


def _card_inside(own: list[str], card: list[str] | None, cards: list[list[str]]) -> list[str] | None:
    """Where the words in an element go that has these classes, and is itself in `card`."""
    if not _FOOT.isdisjoint(own):
        return []  # which is thrown away
    return card if card is not None or not _FRAMES.isdisjoint(own) else _begin(cards)


def _begin(cards: list[list[str]]) -> list[str]:
    cards.append([])
    return cards[-1]


# Readers: what each class of element adds to the draft --------------------------------------------------------------


def _skip(_draft: Draft, _node: LexborNode) -> None:
    """Not the post's own content."""


def _text(draft: Draft, node: LexborNode) -> None:
    anchors: list[tuple[str, LexborNode]] = []
    draft.text.append(plain(node, anchors))
    for words, anchor in anchors:
        found = link(words, anchor)  # a hashtag's link is relative
        mention = found and words.startswith("@") and found.url.lower().endswith(f"/{words[1:].lower()}")
        if found and not mention:
            draft.links.append(found)


def _meta(draft: Draft, node: LexborNode) -> None:
    """`[author, ][edited ]<a><time>`; the author is in an element of its own or bare."""
    own = ""
    for child in children(node):
        if child.is_text_node:
            own += child.text_content or ""
        elif "tgme_widget_message_from_author" in classes(child):
            draft.author = plain(child)
        else:
            _time(draft, child if child.tag == "time" else child.css_first("time"))
    *before, last = own.split(",")
    draft.edited = draft.edited or last.strip() == "edited"
    draft.author = draft.author or ",".join(before).strip() or None


def _author(draft: Draft, node: LexborNode) -> None:
    draft.author = draft.author or plain(node)


def _time(draft: Draft, node: LexborNode | None) -> None:
    """The players' `<time>` elements are durations and have no datetime."""
    draft.posted_raw = draft.posted_raw or attribute(node, "datetime")


def _views(draft: Draft, node: LexborNode) -> None:
    draft.views = plain(node) or None


def _reply(draft: Draft, node: LexborNode) -> None:
    found = _POST_LINK.fullmatch(attribute(node, "href"))
    if found:
        same = found[1].lower() == draft.name.lower()
        draft.reply_to = found[2] if same else f"{found[1]}/{found[2]}"


def _forward(draft: Draft, node: LexborNode) -> None:
    boxes.read_signature(draft, node)
    origin = node.css_first(".tgme_widget_message_forwarded_from_name")
    name = plain(origin) if origin is not None else boxes.unlinked_origin(node)
    address = attribute(origin, "href")
    found = _POST_LINK.fullmatch(address)
    draft.forward = Forward(name, web_address(address), *(found.groups() if found else ()))


def _preview(draft: Draft, node: LexborNode) -> None:
    """The card of a link; of several, the first is the post's."""
    if draft.preview is not None:
        draft.cards.append(plain(node))
        return
    draft.preview = Preview(
        href(node),
        words_in(node, ".link_preview_site_name"),
        words_in(node, ".link_preview_title"),
        words_in(node, ".link_preview_description"),
    )


def _poll(draft: Draft, node: LexborNode) -> None:
    options = node.css(".tgme_widget_message_poll_option_text") or node.css(".tgme_widget_message_poll_option")
    draft.poll = Poll(words_in(node, ".tgme_widget_message_poll_question"), tuple(plain(option) for option in options))


def _photo(draft: Draft, node: LexborNode) -> None:
    photo_id = next((name for name in classes(node) if name.isascii() and name.isdigit()), None)
    draft.add("photo", node, key=photo_id, url=background(node))


def _service_photo(draft: Draft, node: LexborNode) -> None:
    draft.add("photo", node, url=web_address(attribute(node.css_first("img"), "src")))


def _video(draft: Draft, node: LexborNode) -> None:
    videos = [video for video in node.css("video") if "js-message_video_blured" not in classes(video)]
    url = web_address(attribute(videos[0], "src")) if videos else None
    label = "" if url else words_in(node, ".message_media_not_supported_label")
    reason = f"{label}: {NEEDS_ACCOUNT}" if "too big" in label else None
    draft.add("video", node, url=url, reason=reason, duration_s=seconds(words_in(node, ".message_video_duration")))


def _round(draft: Draft, node: LexborNode) -> None:
    url = web_address(attribute(node.css_first("video"), "src"))
    draft.add("round", node, url=url, duration_s=seconds(words_in(node, ".tgme_widget_message_roundvideo_duration")))


def _voice(draft: Draft, node: LexborNode) -> None:
    url = web_address(attribute(node.css_first("audio"), "src"))
    draft.add("voice", node, url=url, duration_s=seconds(words_in(node, ".tgme_widget_message_voice_duration")))


def _document(draft: Draft, node: LexborNode) -> None:
    title = words_in(node, ".tgme_widget_message_document_title")
    extra = words_in(node, ".tgme_widget_message_document_extra")
    icon = node.css_first(".tgme_widget_message_document_icon")
    if icon is not None and "audio" in classes(icon):  # the second line is the performer
        draft.add("audio", node, name=" - ".join(part for part in (extra, title) if part))
        return
    size = _SIZE.fullmatch(extra)
    draft.add("document", node, name=title, size=round(float(size[1]) * _UNITS[size[2]]) if size else None)


def _sticker(draft: Draft, node: LexborNode) -> None:
    still = node.css_first("[data-webp]")
    moving = node.css_first('source[type="application/x-tgsticker"]')
    address = attribute(still, "data-webp") or attribute(moving, "srcset") or attribute(node.css_first("video"), "src")
    draft.add("sticker", node, url=web_address(address))


_READERS: Mapping[str, Callable[[Draft, LexborNode], None]] = MappingProxyType(
    {
        "media_not_supported_cont": boxes.read_hidden_notice,
        "message_media_not_supported_wrap": boxes.read_notice,
        "message_media_view_in_telegram": _skip,
        "tgme_widget_message_user": _skip,
        "tgme_widget_message_bubble_tail": _skip,
        "bubble_icon": _skip,
        "copyonly": _skip,  # " views", for who copies the page
        "tgme_widget_message_author": boxes.read_author,
        "tgme_widget_message_via_bot": boxes.read_via,
        "tgme_widget_message_reactions": _skip,
        "tgme_widget_message_service_date_wrap": _skip,
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
        "tgme_widget_message_location_wrap": boxes.read_place,
        "tgme_widget_message_venue_wrap": boxes.read_place,
        "tgme_widget_message_contact_wrap": boxes.read_box,
        "tgme_widget_message_invoice": boxes.read_box,
        "tgme_widget_message_game": boxes.read_box,
        "tgme_widget_message_inline_button": boxes.read_button,
    }
)
