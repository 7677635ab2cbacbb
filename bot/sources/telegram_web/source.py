"""Public Telegram channels by their web preview at t.me/s/NAME: no account, recent edits, deletions by re-check."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from bot.clock import HOUR
from bot.contracts.living import LivingPosts
from bot.contracts.source import Recognised, SourceTools, Want, describe_new_owner
from bot.contracts.walls import check_wall
from bot.errors import Later, Never
from bot.foreign.moments import is_usable
from bot.http import Reply, check_busy
from bot.sources.telegram_web.closed import find_why
from bot.sources.telegram_web.page import Embed, PreviewPage, mark_page, read_embed, read_page, reread
from bot.sources.telegram_web.settings import Settings, channel_name
from storage.frozen import dataclass
from storage.records import Batch, Checked, FetchedPost, Seen, StoredRaw
from storage.state_names import BLOCKED_BY_LAW, PREVIEW_DISABLED, RENAMED, THROTTLED, UNREADABLE

_CAP = 4 << 20
_BY_EMBED = "embed page"
_DEADLINE = 30.0
_ENGLISH = {"Accept-Language": "en"}  # "edited" and "Post not found" are words on the page
_CLOSED_RETRY = 6 * HOUR
_LINK = re.compile(r"(?:https?://)?(?:[\w-]+\.)?(?:t\.me|telegram\.(?:me|dog))(?:/|$)|tg:", re.IGNORECASE)
READER = 1  # see bot.contracts.source.Rereader


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What is remembered between fetches: the channel's numeric id and the highest message id seen."""

    channel: str | None = None
    newest: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "_Cursor":
        """A cursor of our own; anything else (the source was of another kind before) is a first visit."""
        try:
            fields = json.loads(cursor or "{}")
            return cls(fields.get("channel"), int(fields.get("newest", 0)))
        except (ValueError, TypeError, AttributeError):
            return cls()

    def write(self) -> str:
        return json.dumps({"channel": self.channel, "newest": self.newest})


class TelegramWeb:
    """One channel, read from the pages that t.me shows to everyone."""

    pages = True
    checks = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self._http = tools.http
        self._clock = tools.clock
        self._cursor = _Cursor()
        self._living = LivingPosts(tools.clock)
        self._last = PreviewPage()  # the newest page without its posts

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        """The newest page, or the one below `want.below`; a page that says "No posts found" is never an end by itself.

        `end` is set when message 1 is on the page, or when two pages agree that there is nothing below. An older page
        must be of the channel that the cursor or the last newest page named.
        """
        present = want.kind == "newest" or want.below is None
        if present or self._cursor.channel is None:
            self._cursor = _Cursor.read(cursor)
        if want.below is None or present:
            return await self._newest(want.known)
        return await self._older(want.below, cursor)

    async def check(self, native_id: str) -> Checked:
        """Look at one post on its own page. An absence has its control: another post, seen alive just before.

        The controls are posts of the last newest page that this process has fetched.
        """
        embed = await self._living.look(native_id, self._embed, lambda found: found.post is None)
        if embed.post is None:
            return Checked(native_id, "absent", _BY_EMBED, control=self._living.vouch, fetch=embed.fetch)
        post = None if embed.post.service else embed.post  # such a page does not give the words of a service message
        return Checked(native_id, "present", _BY_EMBED, post=post, control=True, fetch=embed.fetch)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored pages of one post, and of blocks of the list."""
        found = await asyncio.to_thread(lambda: [reread(one, self.settings.base_url) for one in stored])
        now = self._clock.now()
        return [post and _timed(post, now) for post in found]

    # Pages

    async def _newest(self, known: str | None) -> Batch:
        page = await self._page("", known)
        if page.span is None:
            await self._must_be_new(page)
        newest = max(self._cursor.newest, page.span.high if page.span else 0)
        self._cursor = _Cursor(self._cursor.channel or page.channel_id, newest)
        if not page.repeats:
            self._living.note_page([post.native_id for post in page.posts if not post.service])
            self._last = replace(page, posts=(), quarantined=(), repeats=True)
        return self._batch(page, page.span, self._cursor.write())

    async def _older(self, below: int, cursor: str | None) -> Batch:
        if below <= 1:
            return Batch(cursor=cursor, end=True)
        page = await self._page(f"?before={below}")
        if page.span is None:
            first = await self._page("?after=1")
            if first.span is None or first.span.low < below:
                raise self._throttled()
            return Batch(seen=Seen(1, below - 1), cursor=cursor, end=True, channel_id=page.channel_id)
        if int(page.posts[-1].native_id) >= below:
            raise Later(f"{self._where} did not answer with posts below {below}", state=UNREADABLE)
        return self._batch(page, Seen(page.span.low, below - 1), cursor)

    def _batch(self, page: PreviewPage, seen: Seen | None, cursor: str | None) -> Batch:
        return Batch(
            posts=page.posts,
            quarantined=page.quarantined,
            seen=seen,
            cursor=cursor,
            end=page.older is None and (seen is None or seen.low == 1),
            channel_id=page.channel_id,
            handle=page.handle,
            title=page.title,
            fetch=page.fetch,
            mark=page.mark,
            repeats=page.repeats,
        )

    async def _must_be_new(self, page: PreviewPage) -> None:
        """An empty newest page counts only for a channel that never showed anything, and only if two pages agree."""
        if self._cursor.newest or page.has_counters or not page.handle:
            raise self._throttled()
        again = await self._page("?after=1")
        if again.span is not None or again.has_counters:
            raise self._throttled()

    async def _page(self, query: str, known: str | None = None) -> PreviewPage:
        reply = await self._get(f"{self.settings.base_url}/s/{self.settings.channel}{query}")
        if "/s/" not in urlsplit(reply.url).path:
            raise await self._closed(reply.body) or self._later(
                PREVIEW_DISABLED, "has no public preview: switched off, a private channel, or a wrong name"
            )
        self._expect_ok(reply)
        fetch = reply.recorded(self.settings.kind)
        if known is not None and known == self._last.mark == mark_page(reply.body):
            self._expect_owner(self._last.channel_id)
            return replace(self._last, fetch=fetch)
        page = await asyncio.to_thread(read_page, reply.body, self.settings.base_url)
        if not page.posts and (closed := await self._closed(reply.body)) is not None:
            raise closed
        if not page.is_preview:
            await check_wall(reply, self._where)
            raise Later(f"{self._where} answered with a page that is not a channel preview", state=UNREADABLE)
        if page.without_words or (page.quarantined and not page.posts):
            raise Later(f"no post on the page of {self._where} can be read", state=UNREADABLE)
        self._expect_owner(page.channel_id)
        now = self._clock.now()
        posts = tuple(_timed(post, now) for post in page.posts)
        is_settled = bool(posts) and not page.quarantined and all((post.posted_at or now) < now for post in posts)
        mark = mark_page(reply.body) if is_settled and not query else None
        return replace(page, posts=posts, fetch=fetch, mark=mark)

    async def _embed(self, native_id: str) -> Embed:
        """The page of one post: it or its absence. Raises Later for any other page."""
        reply = await self._get(f"{self.settings.base_url}/{self.settings.channel}/{native_id}?embed=1&mode=tme")
        self._expect_ok(reply)
        embed = await asyncio.to_thread(read_embed, reply.body, self.settings.base_url)
        self._expect_owner(embed.channel_id)
        if embed.post is None and not embed.not_found:
            await check_wall(reply, self._where)
            raise await self._closed(reply.body) or Later(
                f"{self._where}/{native_id} answered with a page that is not a post", state=UNREADABLE
            )
        if embed.post is not None:
            if embed.post.native_id != native_id:
                raise Later(f"{self._where}/{native_id} answered with post {embed.post.native_id}", state=UNREADABLE)
            self._living.note_alive()
        post = embed.post and _timed(embed.post, self._clock.now())
        return replace(embed, post=post, fetch=reply.recorded(_BY_EMBED))

    async def _get(self, url: str) -> Reply:
        reply = await self._http.get(url, cap=_CAP, deadline=_DEADLINE, headers=_ENGLISH)
        if not reply.ok:
            await check_wall(reply, self._where)
        busy = check_busy(reply, self._clock.now())
        if busy is not None:
            raise busy
        return reply

    # What a reply must be

    @property
    def _where(self) -> str:
        return f"{urlsplit(self.settings.base_url).netloc}/{self.settings.channel}"

    async def _closed(self, html: bytes) -> Later | None:
        """Why the channel shows no posts, where the page says it."""
        why = await asyncio.to_thread(find_why, html)
        return None if why is None else self._later(why.state, why.reason)

    def _later(self, state: str, reason: str) -> Later:
        """What lasts for hours or for ever: looked at again after minutes first, for the page may be an odd one."""
        return Later(f"{self._where} {reason}", retry_at=self._clock.now() + _CLOSED_RETRY, state=state)

    def _throttled(self) -> Later:
        self._http.slow_down(urlsplit(self.settings.base_url).hostname or "")
        return Later(f"{self._where} shows no posts, as it does when it is asked too often", state=THROTTLED)

    def _expect_ok(self, reply: Reply) -> None:
        if reply.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            raise self._later(BLOCKED_BY_LAW, "is blocked by law, perhaps only here (HTTP 451)")
        if not reply.ok:  # t.me redirects from names that it does not know: a 404 says nothing about the channel
            raise Later(f"{self._where} answered {reply.status}")

    def _expect_owner(self, channel_id: str | None) -> None:
        known = self._cursor.channel
        if known and channel_id and channel_id != known:
            raise Never(
                f"the name {self.settings.channel} now belongs to channel {channel_id} (was {known})",
                remedy=describe_new_owner(self.settings.name),
                state=RENAMED,
            )


def _timed(post: FetchedPost, now: int) -> FetchedPost:
    return post if is_usable(post.posted_at, now) else replace(post, posted_at=None)


def recognise(address: str) -> Recognised | None:
    """A link to a public channel, in any form; a bare name could be anything."""
    if _LINK.match(address.strip()) is None:
        return None
    try:
        return Recognised({"channel": channel_name(address)})
    except ValueError:
        return None


def build(settings: Settings, tools: SourceTools) -> TelegramWeb:
    """The working source."""
    return TelegramWeb(settings, tools)
