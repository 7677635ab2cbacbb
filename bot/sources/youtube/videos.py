"""PURE: what YouTube answers -> videos: a channel's feed, the page of a channel, the page of one video.

The feed is Atom (https://developers.google.com/youtube/v3/guides/push_notifications shows its entries). The pages carry
their data as JSON in a script, as `ytInitialData` and `ytInitialPlayerResponse`; nobody documents it, so that what is
not found there is simply not known.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape

from bot.foreign import json as foreign_json
from bot.foreign.charset import decode
from bot.foreign.times import read_usable_time
from bot.foreign.xml_tree import Element, UnfoldingEntities, read_tree
from storage.frozen import dataclass
from storage.records import FetchedMedia, FetchedPost, Quarantined, Raw

FEED, PAGE = "application/atom+xml", "text/html"
VIDEO_ID = re.compile(r"[\w-]{11}")
CHANNEL_ID = re.compile(r"UC[\w-]{22}")
_MOST_NODES = 200_000  # of the data of a page
_CHANNEL = re.compile(
    r'<(?:link rel="canonical" href|meta itemprop="(?:identifier|channelId)" content|meta property="og:url" content)='
    r'"(?:https://www\.youtube\.com/channel/)?(UC[\w-]{22})"'
)
_SHOWN = re.compile(r'<meta property="og:(title|image)" content="([^"]{1,2000})"')
_GONE = ("unavailable", "removed", "terminated", "private", "not available", "no longer")
_Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class VideoList:
    """What a channel shows: videos, oldest first. `full`: as many as are ever shown, so there may be older ones."""

    posts: tuple[FetchedPost, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    channel: str | None = None
    title: str | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """What a channel's page says of the channel: its lasting id, title, and the picture, by what its address names."""

    id: str | None = None
    title: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class WatchPage:
    """The page of one video: the video, or `gone` with the page's own words; neither: the page does not say."""

    post: FetchedPost | None = None
    gone: str | None = None
    channel: str | None = None


def read_feed(body: bytes, site: str, now: int) -> VideoList:
    """Read a channel's feed. Raises ValueError with a sentence where it is none."""
    try:
        text = decode(body, FEED).text
        root = read_tree(text, alone=frozenset({"entry"})).root
    except UnfoldingEntities:
        raise ValueError("it declares entities that unfold to much") from None
    feed = next((one for one in root.elements() if one.name == "feed"), None)
    if feed is None:
        raise ValueError("no Atom feed")
    posts: dict[str, FetchedPost] = {}
    broken = []
    entries = list(_find_entries(feed))
    for entry in entries:
        raw = Raw(text[entry.start : entry.end].encode("utf-8", "replace"), FEED)
        post = _read_entry(entry, raw, site, now)
        if post is None:
            broken.append(Quarantined(raw, "an entry without the id of a video"))
        else:
            posts.setdefault(post.native_id, post)
    upwards = list(posts.values())[::-1]  # where times say nothing, the order of the feed counts
    ordered = sorted(upwards, key=lambda post: post.posted_at or now)
    channel = _found(CHANNEL_ID, _words(feed, "channelid"), _words(feed, "id"), *(one.url or "" for one in ordered))
    return VideoList(tuple(ordered), tuple(broken), channel, _words(feed, "title") or None, len(entries) >= 15)


def _find_entries(feed: Element) -> Iterator[Element]:
    """Every entry, also where a spoilt one has swallowed those behind it."""
    ahead = [feed]
    while ahead:
        element = ahead.pop()
        if element.name == "entry":
            yield element
        else:
            ahead += reversed(list(element.elements()))


def reread(native_id: str, raw: Raw, site: str, now: int) -> FetchedPost | None:
    """What a stored entry or page says; None for what cannot be read or is another video."""
    if raw.mime != FEED:
        post = read_watch_page(raw.data, site, now).post
    else:
        root = read_tree(decode(raw.data, FEED).text, alone=frozenset({"entry"})).root
        entry = next((one for one in root.elements() if one.name == "entry"), None)
        post = _read_entry(entry, raw, site, now) if entry is not None else None
    return post if post is not None and post.native_id == native_id else None


def _read_entry(entry: Element, raw: Raw, site: str, now: int) -> FetchedPost | None:
    video = _found(VIDEO_ID, _words(entry, "videoid")) or _found(VIDEO_ID, _words(entry, "id").rpartition(":")[2])
    if video is None:
        return None
    group = next((one for one in entry.elements() if one.name == "group"), entry)
    author = next((one for one in entry.elements() if one.name == "author"), entry)
    links = (one.attributes.get("href", "") for one in entry.elements() if one.name == "link")
    written = _words(entry, "published")
    post = make_post(
        video,
        raw,
        site,
        title=_words(entry, "title") or _words(group, "title"),
        description=_words(group, "description"),
        short=any("/shorts/" in link for link in links),
    )
    return replace(
        post, author=_words(author, "name") or None, posted_at=read_usable_time(written, now), posted_raw=written
    )


def make_post(
    video: str, raw: Raw, site: str, *, title: str, description: str, short: bool = False, state: str = ""
) -> FetchedPost:
    """The post of a video. The video itself stays a link; what it is (`state`) is said in the reason for that."""
    what = state or ("a short" if short else "a video")
    page = f"{site}/watch?v={video}"
    return FetchedPost(
        native_id=video,
        raw=raw,
        title=_tidy(title) or None,
        text=_tidy(description),
        url=page,
        media=(FetchedMedia("video", video, url=page, reason=f"{what}: it stays a link"),),
    )


# Pages ----------------------------------------------------------------------------------------------------------------


def read_channel(body: bytes) -> ChannelPage:
    """What the page of a channel says of it, in its head."""
    head = body.decode("utf-8", "replace")
    found, shown = _CHANNEL.search(head), dict(_SHOWN.findall(head))
    picture = unescape(shown.get("image", "")).partition("=")[0].rpartition("/")[2]  # what follows names its size
    return ChannelPage(found[1] if found else None, _tidy(unescape(shown.get("title", ""))) or None, picture or None)


def find_videos(body: bytes) -> list[str]:
    """The ids of the videos that a channel's page lists, newest first. Raises ValueError where it lists nothing.

    They have had several shapes: `videoRenderer`, `gridVideoRenderer` and `reelItemRenderer` with a `videoId`,
    `lockupViewModel` with a `contentId`.
    """
    data = _data(body, "ytInitialData")
    if data is None:
        raise ValueError("no data in the page")
    found: dict[str, None] = {}
    for fields in _objects(data):
        for name, key in _LISTED.items():
            inside = fields.get(name)
            video = inside.get(key) if isinstance(inside, dict) else None
            if isinstance(video, str) and VIDEO_ID.fullmatch(video):
                found.setdefault(video)
    return list(found)


_LISTED = {
    "videoRenderer": "videoId",
    "gridVideoRenderer": "videoId",
    "reelItemRenderer": "videoId",
    "lockupViewModel": "contentId",
}


def read_watch_page(body: bytes, site: str, now: int) -> WatchPage:
    """Read the page of one video."""
    data = _data(body, "ytInitialPlayerResponse")
    if data is None:
        return WatchPage()
    playable = _fields(data.get("playabilityStatus"))
    details, microformat = _fields(data.get("videoDetails")), _fields(data.get("microformat"))
    about = _fields(microformat.get("playerMicroformatRenderer"))
    video, title = details.get("videoId"), details.get("title")
    if not isinstance(video, str) or not VIDEO_ID.fullmatch(video) or not isinstance(title, str):
        said = _text(playable.get("reason"))
        words = f"{said} {_text(_fields(playable.get('errorScreen')).get('text'))}".casefold()
        gone = playable.get("status") in ("ERROR", "LOGIN_REQUIRED") and any(word in words for word in _GONE)
        return WatchPage(gone=said if gone else None)
    written = _text(about.get("publishDate")) or _text(about.get("uploadDate"))
    state = ""
    if details.get("isUpcoming") is True:
        state = "a premiere or a stream that has not begun"
    elif details.get("isLive") is True:
        state = "a live stream"
    elif details.get("isLiveContent") is True:
        state = "the recording of a live stream"
    post = make_post(
        video, Raw(body, PAGE), site, title=title, description=_text(details.get("shortDescription")), state=state
    )
    post = replace(
        post, author=_text(details.get("author")) or None, posted_at=read_usable_time(written, now), posted_raw=written
    )
    return WatchPage(post, channel=_found(CHANNEL_ID, _text(details.get("channelId"))))


def _data(body: bytes, name: str) -> _Fields | None:
    """The object that a script of the page assigns to this name."""
    text = body.decode("utf-8", "replace")
    place = re.search(rf"\b{name}\s*=\s*(?={{)", text)
    found = foreign_json.read_beginning(text, place.end()) if place else None
    return found if isinstance(found, dict) else None


def _objects(data: object) -> Iterator[_Fields]:
    """Every object inside, in the order of the document; of a huge one, the first part."""
    ahead = [data]
    for _ in range(_MOST_NODES):
        if not ahead:
            return
        value = ahead.pop()
        if isinstance(value, dict):
            yield value
            ahead.extend(reversed(value.values()))
        elif isinstance(value, list):
            ahead.extend(reversed(value))


def _words(element: Element, name: str) -> str:
    """The text of the first direct child of this name."""
    return next((one.words().strip() for one in element.elements() if one.name == name), "")


def _found(pattern: re.Pattern[str], *texts: str) -> str | None:
    return next((found[0] for text in texts if (found := pattern.search(text))), None)


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()


def _fields(value: object) -> _Fields:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return foreign_json.storable(value) if isinstance(value, str) else ""
