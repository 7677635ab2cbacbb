"""Public accounts of Mastodon, and of the servers that speak its API: no login where the server demands none."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Self, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, model_validator

from bot.clock import MINUTE
from bot.contracts.cursors import read_cursor, write_cursor
from bot.contracts.living import LivingPosts, Seen
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.settings import Duration, SecretFile
from bot.contracts.source import RECHECK, Recognised, SourceSettings, SourceTools, Want, describe_new_owner
from bot.contracts.walking import choose_wanted, read_answer
from bot.contracts.walls import check_wall
from bot.errors import Later, Never
from bot.foreign.times import read_time
from bot.http import Reply, check_busy, check_limited
from bot.sources.mastodon.account import AccountAddress, AccountCursor
from bot.sources.mastodon.posts import (
    Owner,
    Status,
    StatusPage,
    place,
    read_history,
    read_object,
    read_page,
    read_status,
    reread,
)
from bot.sources.mastodon.streaming import Streaming
from storage.records import Batch, Checked, FetchedPost, Raw, StoredRaw
from storage.state_names import NOT_FOUND, REFUSED, RENAMED, SIGN_IN_REQUIRED, UNREADABLE

T = TypeVar("T")
READER = 1  # see bot.contracts.source.Rereader
_CAP = 8 << 20
_DEADLINE = 30.0
_A_PAGE = 40  # the most that docs.joinmastodon.org/methods/accounts/#statuses allows
_HISTORIES = 40  # that one fetch asks for
_NOTED = 200  # newest edited posts of which the cursor knows when they were edited
_BY_API = "status"


def _account(written: str) -> str:
    AccountAddress.read(written)
    return written.strip()


class Settings(SourceSettings):
    """A public account. `token_file` holds an access token, for servers that show posts to their users only.

    With `live`, the server announces posts to the owner of the token.
    """

    account: Annotated[str, AfterValidator(_account)]
    token_file: SecretFile | None = None
    live: bool = False
    recheck: tuple[Duration, ...] = RECHECK

    @model_validator(mode="after")
    def _may_listen(self) -> Self:
        if self.live and self.token_file is None:
            raise ValueError("live = true needs token_file: a server announces posts to those who are signed in")
        return self

    @property
    def address(self) -> AccountAddress:
        return AccountAddress.read(self.account)

    def handle(self) -> str | None:
        """The name that people call it by."""
        return self.address.handle

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of the account, or the address of its profile."""
        try:
            return AccountAddress.read(written).handle.casefold() == self.address.handle.casefold()
        except ValueError:
            return False

    def addresses(self) -> tuple[str, ...]:
        return (f"{self.address.server}/@{self.address.name}",)


class Mastodon:
    """One account, read page by page from the newest post down to what is known.

    Down and not up: `max_id` is what every server knows, while `since_id` leaves holes and some servers ignore it. A
    way down that is cut off is continued where it was, by what the cursor says.
    """

    pages = False
    checks = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self._http = tools.http
        self._clock = tools.clock
        self._cursor = AccountCursor(account=settings.account)
        self._living = LivingPosts(tools.clock)
        self._tools = tools

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The newest page, or the next one below it while there is a gap; `more` until what is known is reached."""
        self._cursor = read_cursor(AccountCursor, cursor, account=self.settings.account)
        before = await self._find_place()
        page, reply = await self._page(before)
        if not before.below:
            self._living.note_page([status.post.native_id for status in page.statuses])
            if not page.statuses:
                await self._must_be_empty(before)
        kept, note, more = self._settle(page, before)
        shown = next((one.owner for one in page.statuses if one.owner and one.owner.id == note.id), None)
        return Batch(
            posts=tuple(await self._with_histories([status for status in kept if status.public], before)),
            quarantined=page.quarantined,
            cursor=write_cursor(note),
            more=more,
            channel_id=note.actor or note.id,
            handle=self._name_of(shown),
            title=shown.title if shown is not None else None,
            picture=(shown.picture or None) if shown is not None else None,
            moved_to=(shown.moved_to or None) if shown is not None else None,
            fetch=reply.recorded(self.settings.kind),
        )

    async def check(self, native_id: str) -> Checked:
        """Look at one post again. An absence has its control: another post, seen alive just before in the same way.

        An edited one comes with its earlier versions: it may have left the newest page long before it was edited.
        """
        checked = await self._living.check(native_id, self._one, _BY_API, apart=MINUTE)
        if checked.post is None:
            return checked
        status = await asyncio.to_thread(_status_of, checked.post, self._clock.now())
        noted = self._cursor.edited.get(native_id)
        if not status.edited or status.edited == noted or checked.post.forward is not None:
            return checked
        since = noted or checked.post.posted_raw
        return replace(checked, earlier=tuple(await self._history(status, since, self._cursor)))

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored statuses."""
        now = self._clock.now()
        return await asyncio.to_thread(lambda: [reread(one.native_id, one.raw, now) for one in stored])

    # News: what bot.contracts.source.Announcing promises --------------------------------------------------------------

    @property
    def announces(self) -> bool:
        return self.settings.live

    async def listen(self, ring: Callable[[], None]) -> None:
        """Ring whenever the server announces a post of the account. Raises Later and Never."""
        note = await self._find_place()
        assert self.settings.token_file is not None
        await Streaming.audience(note.server, self.settings.token_file, self._tools).listen(note.id, ring)

    # Pages ------------------------------------------------------------------------------------------------------------

    def _settle(self, page: StatusPage, before: AccountCursor) -> tuple[Sequence[Status], AccountCursor, bool]:
        """What of a page is kept, the cursor after it, and whether another page is to be fetched at once."""
        statuses = page.statuses
        newest = statuses[-1].post.native_id if statuses and not before.below else ""
        top = max(before.newest, before.top, newest, key=place)
        edited = {**before.edited, **{one.post.native_id: one.edited for one in statuses if one.edited}}
        note = replace(before, top=top, edited=dict(sorted(edited.items(), key=lambda one: place(one[0]))[-_NOTED:]))
        if before.contacted:
            kept: Sequence[Status] = [one for one in statuses if place(one.post.native_id) > place(before.left_out)]
            done = not statuses or before.is_known(statuses[0].post.native_id)
        else:
            kept, done, left = choose_wanted(statuses, self.settings.backfill, before.left, end=not statuses)
            dropped = statuses[len(statuses) - len(kept) - 1].post.native_id if len(kept) < len(statuses) else ""
            note = replace(note, left=left, left_out=dropped)
        if done:
            return kept, replace(note, contacted=True, newest=top, below="", top="", left=None), False
        return kept, replace(note, below=statuses[0].post.native_id), True

    async def _page(self, note: AccountCursor) -> tuple[StatusPage, Reply]:
        below = f"&max_id={quote(note.below, safe='')}" if note.below else ""
        reply = await self._get(
            f"{note.server}/api/v1/accounts/{quote(note.id, safe='')}/statuses?limit={_A_PAGE}{below}"
        )
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            await self._must_exist(note)
            raise Later(f"{self._where} shows the account and no posts ({reply.status})", state=UNREADABLE)
        self._expect_ok(reply)
        page = await self._read(lambda: read_page(reply.body, self._clock.now()))
        if page.quarantined and not page.statuses:
            raise Later(f"no post that {self._where} answered can be read", state=UNREADABLE)
        if note.below:
            lower = tuple(one for one in page.statuses if place(one.post.native_id) < place(note.below))
            if page.statuses and not lower:
                raise Later(f"{self._where} did not answer with posts below {note.below}", state=UNREADABLE)
            page = replace(page, statuses=lower)
        return page, reply

    async def _with_histories(self, statuses: Sequence[Status], before: AccountCursor) -> list[FetchedPost]:
        """The posts, each edited one behind its earlier versions that are not stored yet, as the server keeps them."""
        posts: list[FetchedPost] = []
        asked = 0
        for status in statuses:
            native_id, post = status.post.native_id, status.post
            stored = before.edited.get(native_id)
            if status.edited and status.edited != stored and post.forward is None and asked < _HISTORIES:
                asked += 1
                since = stored or (post.posted_raw if before.is_known(native_id) else "")
                posts += await self._history(status, since, before)
            posts.append(post)
        return posts

    async def _history(self, status: Status, since: str, note: AccountCursor) -> list[FetchedPost]:
        """Earlier versions; none where the server gives none: the present version is stored all the same."""
        native_id = quote(status.post.native_id, safe="")
        reply = await self._get(f"{note.server}/api/v1/statuses/{native_id}/history", only_waits=True)
        if reply.status != HTTPStatus.OK:
            return []
        try:
            return await asyncio.to_thread(read_history, reply.body, status, since, self._clock.now())
        except ValueError:
            return []

    async def _one(self, native_id: str) -> Seen:
        """One post, or None where the server says that there is none. Raises Later for every other answer."""
        note = await self._find_place()
        reply = await self._get(f"{note.server}/api/v1/statuses/{quote(native_id, safe='')}")
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and _is_json(reply):
            return None, reply
        self._expect_ok(reply)
        raw = Raw(reply.body, "application/json")
        status = await self._read(lambda: read_status(read_object(reply.body), raw, self._clock.now()))
        if status.post.native_id != native_id:
            raise Later(f"{self._where} answered with another post than {native_id}", state=UNREADABLE)
        self._living.note_alive()
        return status.post, reply

    # The account ------------------------------------------------------------------------------------------------------

    async def _find_place(self) -> AccountCursor:
        """The cursor with the account and its server: as known, or as its name is looked up."""
        if not self._cursor.id:
            owner, server = await self._find_account()
            self._cursor = replace(self._cursor, id=owner.id, actor=owner.actor, server=server)
        return self._cursor

    async def _find_account(self) -> tuple[Owner, str]:
        """The account and the server that answers for it: that of its name, or the one which that names (WebFinger)."""
        wanted = self.settings.address
        owner = await self._look_up(wanted.server)
        if owner is not None:
            return owner, wanted.server
        resource = quote(f"acct:{wanted.handle[1:]}", safe="")
        finger = await self._get(f"{wanted.server}/.well-known/webfinger?resource={resource}")
        server = await asyncio.to_thread(_server_of, finger.body) if finger.ok else None
        if server is not None and server != wanted.server:
            owner = await self._look_up(server, foreign=True)
            if owner is not None:
                return owner, server
        raise self._gone()

    async def _look_up(self, server: str, *, foreign: bool = False) -> Owner | None:
        """The account by its name; None where the server knows no such account, or speaks another language."""
        name = quote(self.settings.address.name, safe="")
        reply = await self._get(f"{server}/api/v1/accounts/lookup?acct={name}", foreign=foreign)
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return None
        self._expect_ok(reply)
        owner = await self._read(lambda: Owner.of(read_object(reply.body)))
        if owner is None:
            raise Later(f"{self._where} answered with something that is not an account", state=UNREADABLE)
        return owner

    def _name_of(self, shown: Owner | None) -> str:
        """What the account is called now. Its server shows it without the domain, which may be another than its own."""
        address = self.settings.address
        if shown is None or "@" in shown.handle or shown.handle.casefold() == address.name.casefold():
            return address.handle
        return f"@{shown.handle}@{address.server.partition('//')[2]}"

    async def _must_exist(self, note: AccountCursor) -> None:
        """Say why the account under its id is not there any more."""
        owner = await self._look_up(note.server, foreign=note.server != self.settings.address.server)
        if owner is None:
            raise self._gone()
        if owner.id != note.id:
            raise Never(
                f"the name {self._where} now belongs to another account (id {owner.id}, was {note.id})",
                remedy=describe_new_owner(self.settings.name),
                state=RENAMED,
            )

    async def _must_be_empty(self, note: AccountCursor) -> None:
        """An empty page counts only if the server counts no posts either, or this account never showed any."""
        reply = await self._get(f"{note.server}/api/v1/accounts/{quote(note.id, safe='')}")
        self._expect_ok(reply)
        fields = await self._read(lambda: read_object(reply.body))
        count = fields.get("statuses_count") if isinstance(fields, dict) else None
        if note.newest and count != 0:
            raise Later(f"{self._where} shows no posts any more, though it had some", state=UNREADABLE)

    def _gone(self) -> Never:
        return Never(
            f"{self._where} knows no account of this name: deleted, suspended, renamed or misspelt",
            remedy="look at its profile in a browser and write its name of today",
            state=NOT_FOUND,
        )

    # What an answer must be -------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return self.settings.address.handle

    async def _get(self, url: str, *, foreign: bool = False, only_waits: bool = False) -> Reply:
        """The reply, unless the server is busy; with `only_waits`, unless it asks to wait."""
        headers, token = {"accept": "application/json"}, ""
        if self.settings.token_file is not None and not foreign:
            token = read_secret(self.settings.token_file)
            headers["authorization"] = f"Bearer {token}"
        try:
            reply = await self._http.get(url, cap=_CAP, deadline=_DEADLINE, headers=headers, foreign=foreign)
        except (Later, Never) as problem:
            raise (mask_secrets(problem, token) if token else problem) from None
        if reply.status != HTTPStatus.UNAUTHORIZED:  # of which the server's own answer says what to do
            await check_wall(reply, self._where)
        now = self._clock.now()
        # X-RateLimit-Reset is a time: docs.joinmastodon.org/api/rate-limits
        reset_at = read_time(reply.headers.get("x-ratelimit-reset", ""))
        busy = check_limited(reply, reset_at, now) or check_busy(reply, now)
        if busy is not None and (busy.obey or not only_waits):
            raise busy
        return reply

    async def _read(self, read: Callable[[], T]) -> T:
        return await read_answer(read, self._where)

    def _expect_ok(self, reply: Reply) -> None:
        if reply.status == HTTPStatus.UNAUTHORIZED or (
            reply.status == HTTPStatus.FORBIDDEN and _is_json(reply) and self.settings.token_file is None
        ):
            why = "refuses the token" if self.settings.token_file else "shows posts only to those who are signed in"
            raise Never(
                f"{self._where}: the server {why} ({reply.status})",
                remedy='create an access token there (settings, Development, "read"), write it into a file of mode '
                '0600 and add token_file = "that file" to the source',
                state=SIGN_IN_REQUIRED,
            )
        if reply.status == HTTPStatus.FORBIDDEN:
            raise Later(f"{self._where} refuses to answer (403): it may block this network or program", state=REFUSED)
        if reply.status != HTTPStatus.OK:
            raise Later(f"the server of {self._where} answered {reply.status}")


def recognise(address: str) -> Recognised | None:
    """A name with its server, or an address that looks like that of a profile."""
    try:
        found = AccountAddress.read(address)
    except ValueError:
        return None
    return Recognised({"account": address.strip()}, 0 if "://" not in address and found.handle else 1)


def build(settings: SourceSettings, tools: SourceTools) -> Mastodon:
    """The working source."""
    assert isinstance(settings, Settings)
    return Mastodon(settings, tools)


def _status_of(post: FetchedPost, now: int) -> Status:
    return read_status(read_object(post.raw.data), post.raw, now)


def _is_json(reply: Reply) -> bool:
    return "json" in reply.headers.get("content-type", "")


def _server_of(body: bytes) -> str | None:
    """The server of the actor that a WebFinger answer (RFC 7033) names."""
    try:
        found = read_object(body)
    except ValueError:
        return None
    links = found.get("links") if isinstance(found, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "self" and isinstance(link.get("href"), str):
            parts = urlsplit(link["href"])
            if parts.scheme in {"http", "https"} and parts.netloc and "@" not in parts.netloc:
                return f"{parts.scheme}://{parts.netloc.lower()}"
    return None
