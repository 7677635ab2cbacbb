"""Public accounts of Bluesky: the feed of an AppView; for deletions, and where that fails, the account's own server."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import AfterValidator, Field

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.contracts.cursors import read_cursor, write_cursor
from bot.contracts.living import LivingPosts, Seen
from bot.contracts.settings import Duration
from bot.contracts.source import Recognised, SourceSettings, SourceTools, Want
from bot.contracts.walking import choose_wanted, read_answer
from bot.errors import Later, Never
from bot.foreign.text import one_line
from bot.http import Reply, check_busy, check_limited
from bot.http.masking import mask_address
from bot.sources.bluesky.account import FeedProgress, read_actor
from bot.sources.bluesky.jetstream import HOSTS, Jetstream
from bot.sources.bluesky.posts import (
    MIME,
    POST,
    SITE,
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
from storage.records import Batch, Checked, FetchedPost, Raw, StoredRaw
from storage.state_names import NOT_FOUND, UNREADABLE

T = TypeVar("T")
READER = 1  # see bot.contracts.source.Rereader
_CAP = 8 << 20
_DEADLINE = 30.0
_A_PAGE = 100  # the most that both servers give
_BY_RECORD = "record"
_BY_RECORDS = "records at the account's server"
_WHERE_LASTS = HOUR  # that an account's server is remembered: accounts move
_LOOK_AGAIN = 5 * MINUTE  # for it, where the directory did not answer


def _server(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'expected an address such as "https://public.api.bsky.app", got {mask_address(value)!r}')
    return value.rstrip("/")


def _stream(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("ws", "wss"):
        raise ValueError(f'expected an address such as "{HOSTS[0]}", got {mask_address(value)!r}')
    _server(f"https://{rest}")
    return value.rstrip("/")


def _actor(written: str) -> str:
    read_actor(written)
    return written.strip()


class Settings(SourceSettings):
    """A public account. `base_url` is an AppView, `plc_url` the directory of accounts.

    `pds_url` is the account's own server; without it, the one that its DID document names, if that is a public address.
    With `live`, one of `jetstream_urls` announces posts.
    """

    actor: Annotated[str, AfterValidator(_actor)]
    base_url: Annotated[str, AfterValidator(_server)] = "https://public.api.bsky.app"
    plc_url: Annotated[str, AfterValidator(_server)] = "https://plc.directory"
    pds_url: Annotated[str, AfterValidator(_server)] | None = None
    live: bool = False
    jetstream_urls: Annotated[tuple[Annotated[str, AfterValidator(_stream)], ...], Field(min_length=1)] = HOSTS
    recheck: tuple[Duration, ...] = (10 * MINUTE, HOUR, DAY, 7 * DAY)

    def handle(self) -> str | None:
        """Its handle or DID."""
        return read_actor(self.actor)

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of the account, or the address of its profile."""
        try:
            return read_actor(written) == read_actor(self.actor)
        except ValueError:
            return False

    def reads(self) -> str:
        """The account."""
        return f"{self.base_url} {read_actor(self.actor)}"

    def addresses(self) -> tuple[str, ...]:
        streams = [url.replace("ws", "http", 1) for url in self.jetstream_urls if self.live]
        return (self.base_url, self.plc_url, *((self.pds_url,) if self.pds_url else ()), *streams)


class Bluesky:
    """One account, read page by page from the newest entry down to what is known.

    A way down that is cut off is continued where it was, by what the cursor says. While the AppView fails, posts are
    read at the account's own server; that moves nothing in the cursor, so that the next answer of the AppView covers
    that time too.
    """

    pages = False
    checks = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self._http = tools.http
        self._clock = tools.clock
        self._living = LivingPosts(tools.clock)
        self._announcements = Jetstream.audience(settings.jetstream_urls, tools)
        self._did = ""
        self._pds: str | None = None  # the account's own server
        self._looked_at = 0  # when that was looked for, microseconds UTC

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        """The newest page, or the next one below it while there is a gap; `more` until what is known is reached."""
        if want.kind == "older":
            return Batch(cursor=cursor, end=True)
        note = read_cursor(FeedProgress, cursor, actor=self.settings.actor)
        self._did = note.did
        note = replace(note, did=await self._find_did())
        try:
            page, reply = await self._feed(note)
        except Later as problem:
            if problem.obey or not note.contacted:
                raise
            return await self._second_way(note, problem, cursor)
        if not note.below:
            self._living.note_page([one.post.native_id for one in page.entries if one.post.forward is None])
        kept, after = self._settle(page, note)
        if page.handle:
            after = replace(after, handle=page.handle)
        return Batch(
            posts=tuple(entry.post for entry in kept),
            quarantined=page.quarantined,
            cursor=write_cursor(after),
            more=bool(after.below),
            channel_id=note.did,
            handle=f"@{after.handle}" if after.handle else note.did,
            title=page.title,
            picture=page.picture,
            fetch=reply.recorded(self.settings.kind),
        )

    async def check(self, native_id: str) -> Checked:
        """Look at one record at the account's own server, for an AppView learns of deletions late.

        An absence has its control: another post, seen there alive just before.
        """
        place = place_of(native_id)
        if place is None:  # a repost that no server named: nothing can be said of it
            return Checked(native_id, "absent", _BY_RECORD)
        return await self._living.check(native_id, self._one, _BY_RECORD, apart=MINUTE)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored entries and records."""

        def read(one: StoredRaw) -> FetchedPost | None:
            return reread(one.native_id, one.raw, Reading(self._did, self._known_pds, self._clock.now()))

        return await asyncio.to_thread(lambda: [read(one) for one in stored])

    # News: what bot.contracts.source.Announcing promises --------------------------------------------------------------

    @property
    def announces(self) -> bool:
        return self.settings.live

    async def listen(self, ring: Callable[[], None]) -> None:
        """Ring whenever Jetstream announces something of the account. Raises Later and Never."""
        did = self._where if self._where.startswith("did:") else await self._find_did()
        await self._announcements.listen(did, ring)

    # Pages ------------------------------------------------------------------------------------------------------------

    async def _feed(self, note: FeedProgress) -> tuple[FeedPage, Reply]:
        await self._find_pds(note.did)
        below = f"&cursor={quote(note.below, safe='')}" if note.below else ""
        reply = await self._call(
            f"{self.settings.base_url}/xrpc/app.bsky.feed.getAuthorFeed"
            f"?actor={quote(note.did, safe=':')}&filter=posts_with_replies&limit={_A_PAGE}{below}"
        )
        reading = Reading(note.did, self._known_pds, self._clock.now())
        page = await self._read(lambda: read_feed(reply.body, reading))
        if page.quarantined and not page.entries:
            raise Later(f"no post that {self._where} answered can be read", state=UNREADABLE)
        if page.below is not None and page.below == note.below:
            raise Later(f"{self._where} did not answer with an older page", state=UNREADABLE)
        if not page.entries and note.known and not note.below:
            profile = await self._profile(note.did)
            if profile.get("postsCount") != 0:
                raise Later(f"{self._where} shows no posts any more, though it had some", state=UNREADABLE)
        return page, reply

    def _settle(self, page: FeedPage, note: FeedProgress) -> tuple[Sequence[FeedEntry], FeedProgress]:
        """What of a page is kept, and the cursor after it."""
        if note.contacted:
            known = set(note.known)
            wanted = [
                one
                for one in page.entries
                if not note.left_out or one.seen_at > note.left_out or one.post.native_id in known
            ]
            return wanted, note.after(page, done=note.reaches(page))
        kept, done, left = choose_wanted(page.entries, self.settings.backfill, note.left, end=page.below is None)
        dropped = [entry.seen_at for entry in page.entries if entry not in kept]
        note = replace(note, left=left, left_out=max(dropped, default=0))
        return kept, note.after(replace(page, entries=tuple(kept)), done=done)

    async def _second_way(self, note: FeedProgress, failed: Later, cursor: str | None) -> Batch:
        """The newest page of the account's own records, while the AppView fails. Raises Later if this fails too."""
        try:
            pds = await self._find_pds(note.did)
            if pds is None:
                raise failed
            account = quote(note.did, safe=":")
            reply = await self._call(
                f"{pds}/xrpc/com.atproto.repo.listRecords?repo={account}&collection={POST}&limit={_A_PAGE}",
                foreign=self.settings.pds_url is None,
            )
            reading = Reading(note.did, pds, self._clock.now())
            page = await self._read(lambda: read_records(reply.body, reading))
        except (Later, Never) as second:
            if second is not failed:
                raise Later(f"{failed.reason}; the account's own server: {one_line(str(second))[:200]}") from None
            raise
        known = set(note.known)
        kept = [
            one.post
            for one in page.entries
            if one.post.native_id in known
            or (one.post.posted_at or self._clock.now()) > max(note.known_to, note.left_out)
        ]
        return Batch(
            posts=tuple(kept),
            quarantined=page.quarantined,
            cursor=cursor,
            channel_id=note.did,
            method=_BY_RECORDS,
            detail=f"read at the account's own server, without reposts: {failed.reason}",
            fetch=reply.recorded(_BY_RECORDS),
        )

    async def _one(self, native_id: str) -> Seen:
        """A post; True for a repost that is there; None where the account's server has no such record."""
        place = place_of(native_id)
        pds = await self._find_pds(await self._find_did())
        if place is None or pds is None:
            raise Later(f"the server of the account {self._where} is not known")
        collection, key = place
        account, record = quote(self._did, safe=":"), quote(key, safe="")
        reply = await self._call(
            f"{pds}/xrpc/com.atproto.repo.getRecord?repo={account}&collection={collection}&rkey={record}",
            foreign=self.settings.pds_url is None,
            absent="RecordNotFound",
        )
        if not reply.ok:
            return None, reply
        raw, reading = Raw(reply.body, MIME), Reading(self._did, pds, self._clock.now())
        if collection != POST:
            fields = await self._read(lambda: read_object(reply.body))
            found: FetchedPost | bool = await self._read(lambda: split_uri(str(fields.get("uri")))[2] == key)
        else:
            found = (await self._read(lambda: read_record(read_object(reply.body), raw, reading))).post
        if found is False or (isinstance(found, FetchedPost) and found.native_id != native_id):
            raise Later(f"{self._where} answered with another record than {native_id}", state=UNREADABLE)
        self._living.note_alive()
        return found, reply

    # Who and where ----------------------------------------------------------------------------------------------------

    async def _find_did(self) -> str:
        """The account by its DID: as known, or as the AppView knows it by its name."""
        if not self._did:
            found = str((await self._profile(self._where)).get("did") or "")
            if not found.startswith("did:"):
                raise Later(f"{self._where} answered with something that is not an account", state=UNREADABLE)
            self._did = found
        return self._did

    async def _profile(self, actor: str) -> "dict[str, object]":
        reply = await self._call(
            f"{self.settings.base_url}/xrpc/app.bsky.actor.getProfile?actor={quote(actor, safe=':')}"
        )
        return dict(await self._read(lambda: read_object(reply.body)))

    async def _find_pds(self, did: str) -> str | None:
        """The account's own server; None where nothing names it now."""
        if self.settings.pds_url is not None:
            return self.settings.pds_url
        now = self._clock.now()
        if not 0 <= now - self._looked_at < (_WHERE_LASTS if self._pds else _LOOK_AGAIN):
            self._looked_at = now
            # files and deletions wait for the directory; posts do not
            with suppress(Later, Never):
                self._pds = await self._document(did)
        return self._pds

    @property
    def _known_pds(self) -> str | None:
        return self.settings.pds_url or self._pds

    async def _document(self, did: str) -> str:
        """The server that the DID document names (https://atproto.com/specs/did)."""
        if did.startswith("did:web:"):
            url = f"https://{unquote(did.removeprefix('did:web:'))}/.well-known/did.json"
        else:
            url = f"{self.settings.plc_url}/{quote(did, safe=':')}"
        reply = await self._call(url, foreign=did.startswith("did:web:"))
        document = await self._read(lambda: read_object(reply.body))
        services = document.get("service")
        for service in services if isinstance(services, list) else ():
            if isinstance(service, dict) and str(service.get("id")).endswith("#atproto_pds"):
                return _server(str(service.get("serviceEndpoint")))
        raise Later(f"the document of {did} names no server")

    # What an answer must be -------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return read_actor(self.settings.actor)

    async def _call(self, url: str, *, foreign: bool = False, absent: str = "") -> Reply:
        """A good reply, or the one whose error is called `absent`. Raises Later and Never for every other."""
        headers = {"accept": "application/json"}
        reply = await self._http.get(url, cap=_CAP, deadline=_DEADLINE, headers=headers, foreign=foreign)
        now = self._clock.now()
        busy = check_limited(reply, _reset_at(reply), now) or check_busy(reply, now)
        if busy is not None:
            raise busy
        if reply.ok:
            return reply
        try:
            fields = read_object(reply.body)
        except ValueError:
            fields = {}
        error, said = (one_line(str(fields.get(key) or ""))[:200] for key in ("error", "message"))
        if absent and error == absent:
            return reply
        host = urlsplit(url).hostname
        if error in {"AccountTakedown", "AccountDeactivated", "RepoTakendown", "RepoDeactivated", "RepoNotFound"} or (
            error == "InvalidRequest" and ("not found" in said.lower() or "unable to resolve" in said.lower())
        ):
            raise Never(
                f"{host} does not show {self._where}: {said or error}",
                remedy=f"look at {SITE}/profile/{self._where}: it may be deleted, suspended or misspelt",
                state=NOT_FOUND,
            )
        raise Later(f"{host} answered {reply.status} {error} {said}".rstrip())

    async def _read(self, read: Callable[[], T]) -> T:
        return await read_answer(read, self._where)


def recognise(address: str) -> Recognised | None:
    """A profile's address, or a DID; a bare handle could be a site."""
    words = address.strip()
    host = urlsplit(words).hostname or ""
    if not (host == "bsky.app" or host.endswith(".bsky.app") or words.startswith(("did:", "at://"))):
        return None
    try:
        return Recognised({"actor": read_actor(words)})
    except ValueError:
        return None


def build(settings: SourceSettings, tools: SourceTools) -> Bluesky:
    """The working source."""
    assert isinstance(settings, Settings)
    return Bluesky(settings, tools)


def _reset_at(reply: Reply) -> int | None:
    """When a limit is reset: seconds since 1970 (docs.bsky.app/docs/advanced-guides/rate-limits)."""
    named = reply.headers.get("ratelimit-reset", "")
    return int(named[:15]) * SECOND if named.isascii() and named.isdigit() else None
