"""The videos of a YouTube channel: its Atom feed, and its pages as the second way while the feed fails."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from http import HTTPStatus
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pydantic import AfterValidator

from bot.clock import HOUR
from bot.contracts.cursors import read_cursor, write_cursor
from bot.contracts.living import LivingPosts, Seen
from bot.contracts.settings import Duration
from bot.contracts.source import RECHECK, FileKind, Recognised, SourceSettings, SourceTools, Want
from bot.contracts.walking import read_answer
from bot.contracts.walls import behind_wall, check_wall
from bot.errors import Later, Never
from bot.http import Reply, check_busy
from bot.sources.youtube.program import INSTALL, find_program
from bot.sources.youtube.sound import fetch_sound
from bot.sources.youtube.videos import (
    CHANNEL_ID,
    ChannelPage,
    VideoList,
    WatchPage,
    find_videos,
    read_channel,
    read_feed,
    read_watch_page,
    reread,
)
from storage.frozen import dataclass
from storage.records import Batch, Checked, FetchedPost, StoredRaw
from storage.state_names import CONSENT_PAGE, NOT_FOUND, SIGN_IN_REQUIRED, UNREADABLE

T = TypeVar("T")
READER = 1  # see bot.contracts.source.Rereader
_SITE = "https://www.youtube.com"
_CAP = 8 << 20
_FEED_CAP = 1 << 20  # fifteen videos with their descriptions
_DEADLINE = 30.0
_KNOWN = 120
_PAGES = 10  # of single videos that one fetch asks for
_IN_FEED, _LISTED = 15, 30  # videos that a feed, and the page of a channel, show at most
_BY_PAGE = "watch page"
_BY_PAGES = "pages of the channel"
# "no consent was given": without it, some countries are shown a wall instead of the page
_HEADERS = {"Accept-Language": "en", "Cookie": "SOCS=CAI"}
_HANDLE = re.compile(r"@[\w.\-·]{3,100}")
_FORM = 'expected a channel such as "@handle", "UC…" (24 characters) or "https://www.youtube.com/@handle"'


@dataclass(frozen=True, slots=True)
class VideoChannel:
    """Where a channel is: the server, and the path of its page or the id in it."""

    site: str
    path: str
    id: str | None = None

    @classmethod
    def read(cls, written: str) -> "VideoChannel":
        """From a handle, an id, or an address of the channel or of its feed. Raises ValueError with the right form."""
        words = written.strip()
        if CHANNEL_ID.fullmatch(words):
            return cls(_SITE, f"/channel/{words}", words)
        if _HANDLE.fullmatch(words):
            return cls(_SITE, f"/{words}")
        try:
            parts = urlsplit(words if "://" in words else f"https://{words}")
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_FORM) from None
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
            raise ValueError(_FORM)
        site = (
            _SITE
            if host in {"youtube.com", "m.youtube.com", "youtu.be"}
            else f"{parts.scheme}://{parts.netloc.lower()}"
        )
        steps = [unquote(step) for step in parts.path.split("/") if step]
        named = parse_qs(parts.query).get("channel_id", [""])[0]
        if steps[:1] == ["channel"] and len(steps) > 1:
            named = steps[1]
        if CHANNEL_ID.fullmatch(named):
            return cls(site, f"/channel/{named}", named)
        if steps and _HANDLE.fullmatch(steps[0]):
            return cls(site, f"/{steps[0]}")
        if len(steps) > 1 and steps[0] in {"c", "user"} and re.fullmatch(r"[\w.-]{1,100}", steps[1]):
            return cls(site, f"/{steps[0]}/{steps[1]}")
        raise ValueError(_FORM)


def _channel(written: str) -> str:
    VideoChannel.read(written)
    return written.strip()


class Settings(SourceSettings):
    """A channel. Titles and descriptions are what is read; with "audio" in `media`, also what is said in the videos."""

    patience: ClassVar[int] = HOUR  # its feeds answer 404 and 500 on living channels

    channel: Annotated[str, AfterValidator(_channel)]
    recheck: tuple[Duration, ...] = RECHECK[1:]
    media: tuple[FileKind, ...] = ()

    @property
    def address(self) -> VideoChannel:
        return VideoChannel.read(self.channel)

    def handle(self) -> str | None:
        """Its handle or id."""
        return self.address.path.rpartition("/")[2]

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of the channel, or an address of it."""
        try:
            found = VideoChannel.read(written)
        except ValueError:
            return False
        return found.path.casefold() == self.address.path.casefold()

    def name_in_media(self, kind: str) -> str:
        """A video is never fetched as one: its sound is."""
        return "audio" if kind == "video" else super().name_in_media(kind)

    def find_missing(self) -> str | None:
        """The program that brings the sound of videos, where it is wanted and missing."""
        if "audio" not in self.media or find_program() is not None:
            return None
        return f"the sound of its videos is not fetched, because yt-dlp is not installed; run: {INSTALL}"

    def addresses(self) -> tuple[str, ...]:
        return (f"{self.address.site}{self.address.path}",)


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the next fetch must know: the configured channel, its lasting id, and the newest videos that were shown.

    `marks` holds, by id, the words of those that are more than a video (in short), a space, and what their pages said.
    """

    asked: str = ""
    channel: str = ""
    known: tuple[str, ...] = ()
    marks: dict[str, str] = field(default_factory=dict)

    def after(self, videos: Sequence[FetchedPost]) -> "_Noted":
        shown = {post.native_id: post for post in videos}
        known = (*(one for one in self.known if one not in shown), *shown)[-_KNOWN:]
        marks = {one: mark for one, mark in self.marks.items() if one in known and one not in shown}
        marks |= {one: f"{_words_of(post)} {mark}" for one, post in shown.items() if (mark := _mark_of(post))}
        return replace(self, known=known, marks=marks)


class YouTube:
    """One channel. Its feed has its fifteen newest videos; an absence of more of them is filled from its page."""

    pages = False
    checks = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self._site = settings.address.site
        self._http = tools.http
        self._clock = tools.clock
        self._living = LivingPosts(tools.clock)
        self._shown = ChannelPage()  # what the channel's page said last

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The newest videos. A feed that fails, as they do for days, is replaced by the pages of the channel."""
        note = read_cursor(_Noted, cursor, asked=self.settings.channel)
        first = not note.channel
        if not note.channel:
            note = replace(note, channel=self.settings.address.id or await self._find_id())
        try:
            found, reply = await self._feed(note)
        except Later as problem:
            if problem.obey:
                raise
            return await self._second_way(note, problem, first=first)
        overlap = first or not found.full or any(post.native_id in note.known for post in found.posts)
        if not overlap:
            more, overlap = await self._from_pages(note, {post.native_id for post in found.posts})
            found = replace(found, posts=(*more, *found.posts))
        marked = await self._marked(found.posts, note)
        posts = self._with_sound(marked)
        self._living.note_page([post.native_id for post in posts])
        return Batch(
            posts=posts,
            quarantined=found.quarantined,
            overlap=overlap,
            cursor=write_cursor(note.after(marked)),
            channel_id=note.channel,
            handle=self.settings.handle(),
            title=found.title,
            picture=self._shown.picture,
            fetch=reply.recorded(self.settings.kind),
        )

    async def check(self, native_id: str) -> Checked:
        """Look at one video's page. An absence has its control: another video of the channel, seen just before."""

        async def look(video: str) -> Seen:
            page, reply = await self._one(video)
            return page.post and self._with_sound([page.post])[0], reply

        return await self._living.check(native_id, look, _BY_PAGE)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored entries and pages."""
        site, now = self._site, self._clock.now()
        return await asyncio.to_thread(lambda: [reread(one.native_id, one.raw, site, now) for one in stored])

    # Sound: what bot.intake.media.Carrier promises --------------------------------------------------------------------

    def carries(self, url: str) -> bool:
        """Whether this is the page of a video, whose sound is to be fetched."""
        return url.startswith(f"{self._site}/watch?v=")

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Hand over the sound of a video. Raises Later (state TOO_BIG beyond `cap`) and Never."""
        await fetch_sound(url, sink, cap, self._http, self._clock)

    def _with_sound(self, posts: Sequence[FetchedPost]) -> tuple[FetchedPost, ...]:
        """The videos, whose sound is fetched where `media` asks for it and yt-dlp is there; else they say why not."""
        if "audio" not in self.settings.media:
            return tuple(posts)
        missing = self.settings.find_missing()
        return tuple(
            replace(
                post,
                media=tuple(
                    replace(file, reason=None) if missing is None else replace(file, reason=f"{file.reason}; {missing}")
                    for file in post.media
                ),
            )
            for post in posts
        )

    # Ways -------------------------------------------------------------------------------------------------------------

    async def _feed(self, note: _Noted) -> tuple[VideoList, Reply]:
        reply = await self._get(f"/feeds/videos.xml?channel_id={note.channel}", cap=_FEED_CAP)
        if not reply.ok:  # also 404, which it says of living channels
            raise Later(f"the feed of {self._where} answered {reply.status}")
        found = await self._read(lambda: read_feed(reply.body, self._site, self._clock.now()))
        if found.channel is not None and found.channel != note.channel:
            raise Later(f"the feed of {self._where} is of another channel: {found.channel}", state=UNREADABLE)
        if note.known and not found.posts:
            raise Later(f"the feed of {self._where} is empty, though it had videos", state=UNREADABLE)
        return found, reply

    async def _second_way(self, note: _Noted, failed: Later, *, first: bool) -> Batch:
        try:
            posts, overlap = await self._from_pages(note, set(), first=first)
        except (Later, Never) as second:
            raise Later(f"{failed.reason}; the page of the channel: {second}", state=failed.state) from None
        return Batch(
            posts=self._with_sound(posts),
            overlap=overlap,
            cursor=write_cursor(note.after(posts)),
            channel_id=note.channel,
            title=self._shown.title,
            picture=self._shown.picture,
            method=_BY_PAGES,
            detail=f"read from the pages of the channel: {failed.reason}",
        )

    async def _from_pages(self, note: _Noted, had: set[str], *, first: bool = False) -> tuple[list[FetchedPost], bool]:
        """The videos of the channel's page that are not known, oldest first; whether it reaches back to known ones.

        Videos that have just been made private again, or that are of another channel, are left out. At first contact it
        takes as many as the feed shows, so that none of these is news when the feed answers again.
        """
        reply = await self._get(f"/channel/{note.channel}/videos")
        if not reply.ok:
            raise Later(f"the page of {self._where} answered {reply.status}")
        listed = await self._read(lambda: find_videos(reply.body))
        self._shown = await self._read(lambda: read_channel(reply.body))
        if not listed:
            raise Later(f"the page of {self._where} lists no videos", state=UNREADABLE)
        fresh = listed
        most = _IN_FEED if first else _PAGES
        overlap = first or (not note.known and len(listed) < _LISTED)
        for place, video in enumerate(listed):
            if video in note.known:
                fresh, overlap = listed[:place], True
                break
        posts = []
        for video in reversed([video for video in fresh if video not in had][:most]):
            page, _ = await self._one(video)
            if page.post is not None and page.channel in (None, note.channel):
                posts.append(page.post)
        return posts, first or (overlap and len(fresh) <= most + len(had))

    async def _marked(self, posts: Sequence[FetchedPost], note: _Noted) -> tuple[FetchedPost, ...]:
        """The videos, marked as live or premiere where their pages say so, which are asked for new and edited ones."""
        marked = []
        asked = 0
        for post in posts:
            words, _, mark = note.marks.get(post.native_id, "").partition(" ")
            if mark:
                post = _with_mark(post, mark)
            is_new = bool(note.known) and post.native_id not in note.known and post.raw.mime != "text/html"
            if (is_new or (mark and words != _words_of(post))) and asked < _PAGES:
                asked += 1
                with suppress(Later, Never):  # the mark is not worth the post
                    page, _ = await self._one(post.native_id)
                    if page.post is not None and (mark or _mark_of(page.post)):
                        post = _with_mark(post, page.post.media[0].reason or "")
            marked.append(post)
        return tuple(marked)

    async def _one(self, video: str) -> tuple[WatchPage, Reply]:
        """The page of one video: it, or the page's own word that it is gone. Raises Later for any other answer."""
        reply = await self._get(f"/watch?v={quote(video, safe='')}")
        if not reply.ok:
            raise Later(f"the page of video {video} answered {reply.status}")
        page = await self._read(lambda: read_watch_page(reply.body, self._site, self._clock.now()))
        if page.post is None and page.gone is None:
            raise Later(f"the page of video {video} shows neither the video nor why not", state=UNREADABLE)
        if page.post is not None and page.post.native_id != video:
            raise Later(f"the page of video {video} shows another one", state=UNREADABLE)
        if page.post is not None:
            self._living.note_alive()
        return page, reply

    async def _find_id(self) -> str:
        reply = await self._get(self.settings.address.path)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise Never(
                f"{self._where} is no channel (404)",
                remedy="look at it in a browser: a handle may have changed",
                state=NOT_FOUND,
            )
        self._shown = await self._read(lambda: read_channel(reply.body)) if reply.ok else ChannelPage()
        if self._shown.id is None:
            raise Later(
                f"the page of {self._where} ({reply.status}) does not say which channel it is", state=UNREADABLE
            )
        return self._shown.id

    # What an answer must be -------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return self.settings.channel

    async def _get(self, path: str, cap: int = _CAP) -> Reply:
        reply = await self._http.get(f"{self._site}{path}", cap=cap, deadline=_DEADLINE, headers=_HEADERS)
        if (urlsplit(reply.url).hostname or "").startswith(("consent.", "accounts.")):
            wall = CONSENT_PAGE if "//consent." in reply.url else SIGN_IN_REQUIRED
            raise behind_wall(self._where, wall)
        if b"ytInitial" not in reply.body:  # what its pages begin with
            await check_wall(reply, self._where)
        busy = check_busy(reply, self._clock.now())
        if busy is not None and (busy.obey or reply.status == HTTPStatus.TOO_MANY_REQUESTS):
            raise busy
        return reply

    async def _read(self, read: Callable[[], T]) -> T:
        return await read_answer(read, self._where)


def recognise(address: str) -> Recognised | None:
    """An address of a channel at YouTube."""
    try:
        found = VideoChannel.read(address)
    except ValueError:
        return None
    return Recognised({"channel": address.strip()}) if found.site == _SITE and "." in address else None


def _words_of(post: FetchedPost) -> str:
    return hashlib.sha256(f"{post.title}\n{post.text}".encode("utf-8", "replace")).hexdigest()[:12]


def _mark_of(post: FetchedPost) -> str:
    """What the page of a video says that the feed does not; "" for a plain one."""
    said = post.media[0].reason or ""
    return "" if said.startswith(("a video:", "a short:")) else said


def _with_mark(post: FetchedPost, mark: str) -> FetchedPost:
    return replace(post, media=(replace(post.media[0], reason=mark),))


def build(settings: SourceSettings, tools: SourceTools) -> YouTube:
    """The working source."""
    assert isinstance(settings, Settings)
    return YouTube(settings, tools)
