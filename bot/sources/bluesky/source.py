"""Public accounts of Bluesky: the feed of an AppView; for deletions, and where that fails, the account's own server."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import quote

from bot.clock import HOUR, MINUTE
from bot.contracts.cursors import read_cursor, write_cursor
from bot.contracts.living import LivingPosts, Seen
from bot.contracts.source import SourceSettings, SourceTools, Want
from bot.contracts.walking import choose_wanted
from bot.errors import Later, Never
from bot.foreign.text import one_line
from bot.http import Reply
from bot.sources.bluesky.account import FeedProgress
from bot.sources.bluesky.jetstream import Jetstream
from bot.sources.bluesky.posts import (
    MIME,
    POST,
    FeedEntry,
    FeedPage,
    Reading,
    place_of,
    read_feed,
    read_object,
    read_record,
    read_records,
    reread,
    split_uri,
)
from bot.sources.bluesky.servers import AWAY, Servers
from bot.sources.bluesky.settings import Settings
from storage.records import Batch, Checked, FetchedPost, Raw, StoredRaw
from storage.state_names import DEACTIVATED, UNREADABLE

READER = 2  # see bot.contracts.source.Rereader
_A_PAGE = 100  # the most that both servers give
_BY_RECORD = "record"
_BY_RECORDS = "records at the account's server"
_STATUS_LASTS = HOUR


class Bluesky:
    """One account, read page by page from the newest entry down to what is known.

    A way down that is cut off is continued where it was, by what the cursor says. While the AppView fails, posts are
    read at the account's own server, page by page, too; of the cursor that moves only its own place, so that the next
    answer of the AppView covers that time, too.
    """

    pages = False
    checks = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self._clock = tools.clock
        self._servers = Servers(settings, tools.http, tools.clock)
        self._living = LivingPosts(tools.clock)
        self._announcements = Jetstream.audience(settings.jetstream_urls, tools)
        self._looks: dict[
            str, int | None
        ] = {}  # since the last fetch: when its own server had no such post, None: it has
        self._failed: Later | None = None  # how the AppView failed when this round began its second way

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The newest page, or the next one below it while there is a gap; `more` until what is known is reached."""
        note = read_cursor(FeedProgress, cursor, actor=self.settings.actor)
        self._servers.did = note.did
        note = replace(note, did=await self._servers.find_did())
        if note.records and self._failed is not None:
            return await self._second_way(note, self._failed)
        try:
            page, reply = await self._feed(note)
        except Later as problem:
            if problem.obey or not note.contacted or problem.state == DEACTIVATED:
                raise
            return await self._second_way(replace(note, records=""), problem)
        self._failed, note = None, replace(note, records="")
        if not note.below:
            self._living.note_page([one.post.native_id for one in page.entries if one.post.forward is None])
        return await self._batch(page, reply, note)

    async def check(self, native_id: str) -> Checked:
        """Look at one record at the account's own server, for an AppView learns of deletions late.

        An absence has its control: another post, seen there alive just before.
        """
        if place_of(native_id) is None:  # a repost that no server named: nothing can be said of it
            return Checked(native_id, "absent", _BY_RECORD)
        asked_at = self._clock.now()
        found = await self._living.check(native_id, self._one, _BY_RECORD, apart=MINUTE)
        if found.control:
            self._looks[native_id] = None if found.presence == "present" else asked_at
        return found

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored entries and records."""

        def read(one: StoredRaw) -> FetchedPost | None:
            return reread(one.native_id, one.raw, self._reading(self._servers.did))

        return await asyncio.to_thread(lambda: [read(one) for one in stored])

    # News: what bot.contracts.source.Announcing promises --------------------------------------------------------------

    @property
    def announces(self) -> bool:
        return self.settings.live

    async def listen(self, ring: Callable[[], None]) -> None:
        """Ring whenever Jetstream announces something of the account. Raises Later and Never."""
        account = self._servers.account
        did = account if account.startswith("did:") else await self._servers.find_did()
        await self._announcements.listen(did, ring)

    # The feed ---------------------------------------------------------------------------------------------------------

    async def _feed(self, note: FeedProgress) -> tuple[FeedPage, Reply]:
        servers = self._servers
        await servers.find_pds(note.did)
        below = f"&cursor={quote(note.below, safe='')}" if note.below else ""
        reply = await servers.ask_view(
            f"app.bsky.feed.getAuthorFeed?actor={quote(note.did, safe=':')}"
            f"&filter=posts_with_replies&limit={_A_PAGE}{below}"
        )
        page = await servers.read(lambda: read_feed(reply.body, self._reading(note.did), note.below))
        if page.quarantined and not page.entries:
            raise Later(f"no post that {servers.account} answered can be read", state=UNREADABLE)
        if not page.entries and not note.below and (note.known or not note.contacted):
            profile = await servers.read_profile(note.did)  # which is refused where there is no such account
            if note.known and await self._has_records(note.did, believed=profile.get("postsCount") == 0):
                raise Later(f"{servers.account} shows no posts any more, though it had some", state=UNREADABLE)
        return page, reply

    async def _has_records(self, did: str, *, believed: bool) -> bool:
        """Whether its own server has posts of the account. Raises Later and Never where it does not show the account.

        `believed`: where it says neither, the AppView is right that there are none.
        """
        try:
            page, _ = await self._records(did, "")
        except (Later, Never) as problem:
            if problem.state in AWAY:
                raise
            return not believed
        return bool(page.entries)

    async def _batch(self, page: FeedPage, reply: Reply, note: FeedProgress) -> Batch:
        """What a page of the feed means, and the cursor after it."""
        known = frozenset(note.known)
        kept, after = self._settle(page, note)
        if note.below and not after.below and not note.again:
            top, _ = await self._feed(note.begin_again())
            after = note.begin_again() if note.has_moved_up(top) else after
        if not note.below:
            after = replace(after, gone=self._still_shown(page, note))
        if page.handle:
            after = replace(after, handle=page.handle)
        pinned = [one for one in page.pinned if note.contacted and note.wants(one)]
        entries = [one for one in (*pinned, *kept) if not after.is_gone(one)]
        notices: tuple[str, ...] = ()
        if note.contacted and not (after.below or after.again) and all(one.post.native_id in known for one in kept):
            after = await self._with_status(after)
            notices = _describe(note.status, after.status)
        return Batch(
            posts=tuple(entry.post for entry in entries),
            history=frozenset(one.post.native_id for one in entries if note.is_history(one)),
            quarantined=page.quarantined,
            cursor=write_cursor(after),
            more=bool(after.below) or (after.again and not note.again),
            channel_id=note.did,
            handle=f"@{after.handle}" if after.handle else note.did,
            title=page.title,
            picture=page.picture,
            notices=notices,
            detail=f"the account's own server says: {after.status}" if after.status else None,
            fetch=reply.recorded(self.settings.kind),
        )

    def _settle(self, page: FeedPage, note: FeedProgress) -> tuple[Sequence[FeedEntry], FeedProgress]:
        """What of a page is kept, and how far posts are known after it."""
        now = self._clock.now()
        if note.contacted:
            return [one for one in page.entries if note.wants(one)], note.after(page, done=note.reaches(page), now=now)
        kept, done, left = choose_wanted(page.entries, self.settings.backfill, note.left, end=page.below is None)
        dropped = [entry.seen_at for entry in page.entries if entry not in kept]
        note = replace(note, left=left, left_out=max(dropped, default=0))
        return kept, note.after(replace(page, entries=tuple(kept)), done=done, now=now)

    def _still_shown(self, page: FeedPage, note: FeedProgress) -> dict[str, int]:
        """What the newest page shows though the account's own server has it no longer."""
        looks, self._looks = {**note.gone, **self._looks}, {}
        shown = {one.post.native_id for one in (*page.entries, *page.pinned)}
        return {native_id: at for native_id, at in looks.items() if at is not None and native_id in shown}

    async def _with_status(self, note: FeedProgress) -> FeedProgress:
        """With what the account's own server says of it, asked once an hour; as before where it does not say."""
        now = self._clock.now()
        if 0 <= now - (note.status_at or note.since) < _STATUS_LASTS:
            return note
        found = await self._servers.read_status(note.did)
        return replace(note, status=note.status if found is None else found, status_at=now)

    # The account's own server -----------------------------------------------------------------------------------------

    async def _second_way(self, note: FeedProgress, failed: Later) -> Batch:
        """The next page of the account's own records, while the AppView fails. Raises Later and Never."""
        self._failed = failed
        try:
            page, reply = await self._records(note.did, note.records)
        except (Later, Never) as second:
            self._failed = None
            raise _join(failed, second) from None
        done = page.below is None or (note.reaches(page) and not page.upwards)
        after = replace(note, records="" if done else page.below or "")
        if done:
            self._failed = None
        kept = [one for one in page.entries if note.wants(one)]
        return Batch(
            posts=tuple(one.post for one in kept),
            history=frozenset(one.post.native_id for one in kept if note.is_history(one)),
            quarantined=page.quarantined,
            cursor=write_cursor(after),
            more=not done,
            channel_id=note.did,
            method=_BY_RECORDS,
            detail=f"read at the account's own server, without reposts: {failed.reason}",
            fetch=reply.recorded(_BY_RECORDS),
        )

    async def _records(self, did: str, below: str) -> tuple[FeedPage, Reply]:
        """The page of the account's own records behind a cursor. Raises Later and Never."""
        servers = self._servers
        where = f"&cursor={quote(below, safe='')}" if below else ""
        asked = f"repo={quote(did, safe=':')}&collection={POST}&limit={_A_PAGE}{where}"
        reply = await servers.ask_own(did, f"com.atproto.repo.listRecords?{asked}")
        return await servers.read(lambda: read_records(reply.body, self._reading(did), below)), reply

    async def _one(self, native_id: str) -> Seen:
        """A post; True for a repost that is there; None where the account's server has no such record."""
        servers, place = self._servers, place_of(native_id)
        did = await servers.find_did()
        if place is None:
            raise Later(f"no server names the record of {native_id}")
        collection, key = place
        named = f"repo={quote(did, safe=':')}&collection={collection}&rkey={quote(key, safe='')}"
        reply = await servers.ask_own(did, f"com.atproto.repo.getRecord?{named}", absent=True)
        if not reply.ok:
            return None, reply
        raw = Raw(reply.body, MIME)
        if collection != POST:
            fields = await servers.read(lambda: read_object(reply.body))
            found: FetchedPost | bool = await servers.read(lambda: split_uri(str(fields.get("uri")))[2] == key)
        else:
            found = (await servers.read(lambda: read_record(read_object(reply.body), raw, self._reading(did)))).post
        if found is False or (isinstance(found, FetchedPost) and found.native_id != native_id):
            raise Later(f"{servers.account} answered with another record than {native_id}", state=UNREADABLE)
        self._living.note_alive()
        return found, reply

    def _reading(self, did: str) -> Reading:
        return Reading(did, self._servers.pds, self._clock.now())


def _describe(before: str, status: str) -> tuple[str, ...]:
    """What people hear when the account's own server says something else of it."""
    if status == before:
        return ()
    if not status:
        return (f"the account is shown again by its own server (before: {before})",)
    return (f"the account's own server does not show it any more: {status}",)


def _join(failed: Later, second: Later | Never) -> Later | Never:
    """How both ways failed; what the own server says of the account itself counts most."""
    reason = f"{failed.reason}; the account's own server: {one_line(second.reason)[:200]}"
    if isinstance(second, Never):
        return Never(reason, remedy=second.remedy, state=second.state)
    return Later(reason, retry_at=second.retry_at if second.obey else None, state=second.state, obey=second.obey)


def build(settings: SourceSettings, tools: SourceTools) -> Bluesky:
    """The working source."""
    assert isinstance(settings, Settings)
    return Bluesky(settings, tools)
