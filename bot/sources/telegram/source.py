"""Telegram channels through an account: every post, live; the public pages are the fallback."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.clock import DAY, MINUTE, Clock
from bot.contracts.source import Rereader, Source, SourceTools, Want
from bot.errors import Later, Never
from bot.sources.telegram.settings import FALLBACK, SITE, Settings
from storage.frozen import dataclass
from storage.records import Batch, Checked, FetchedPost, StoredRaw
from storage.state_names import NOT_SIGNED_IN, RENAMED

if TYPE_CHECKING:
    from bot.telegram.accounts import Accounts
    from bot.telegram.channels import ChannelReader
    from bot.telegram.gateway import TelegramGateway

READER = 1  # of the account's messages: see bot.contracts.source.Rereader


@dataclass(frozen=True, slots=True)
class _Withheld:
    """The channel is withheld from the account: the refusal, and until when the account is not asked again."""

    why: Later | Never
    until: int


class TelegramSource:
    """One channel, by two ways: the same ids and numbers on both, so that it stays one source.

    `pages` makes the public pages of a name, None where they are not allowed.
    """

    pages = True
    checks = True

    def __init__(
        self,
        settings: Settings,
        accounts: "Accounts | None",
        pages: Callable[[str], Source] | None,
        clock: Clock,
        stored_pages: Rereader | None = None,
    ) -> None:
        self.settings = settings
        self._stored_pages = stored_pages  # reads those that were fetched, whether more may be fetched or not
        self.reader_number = READER + (0 if stored_pages is None else stored_pages.reader_number)
        self._accounts = accounts
        self._public = settings.wanted.handle is not None
        self._home = accounts.place(settings.name, settings.account, public=self._public) if accounts else ""
        self._readers: dict[int, ChannelReader] = {}
        self._read_by: TelegramGateway | None = self.gateway
        self._clock = clock
        self._pages_of = pages
        self._fallback: tuple[str, Source] | None = None  # the pages, and the name they are of
        self._handle = settings.wanted.handle  # the public name, as far as it is known
        self._withheld: _Withheld | None = None
        self._channel: str | None = None  # its number, once a round has shown it

    @property
    def gateway(self) -> "TelegramGateway | None":
        """The account that reads the channel now; another one than its own while that is dead."""
        return self._accounts.reads(self._home, public=self._public) if self._accounts is not None else None

    @property
    def reader(self) -> "ChannelReader | None":
        """The channel as this account reads it."""
        gateway = self.gateway
        if gateway is None:
            return None
        if id(gateway) not in self._readers:
            self._readers[id(gateway)] = gateway.reader(self.settings.wanted)
        return self._readers[id(gateway)]

    @property
    def has_fallback(self) -> bool:
        """Whether the public pages can be used."""
        return self._pages_of is not None and self._handle is not None

    @property
    def is_withheld(self) -> bool:
        """Whether the channel is withheld from the account, so that only the public pages show it."""
        now = self._clock.now()  # a wait that ends far ahead began before the clock was set back
        return self._withheld is not None and now < self._withheld.until <= now + DAY + MINUTE

    def ask_account_again(self) -> None:
        """Use the account again in the next round: something about the channel or the account has changed."""
        self._withheld = None

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        """What is new, ascending, or the page below a number. The cursor is the same for both ways."""
        self._channel = _read_cursor(cursor).get("channel") or self._channel
        moved = self._note_move()
        batch = await self._fetch(want, cursor)
        return replace(batch, notices=(*moved, *batch.notices)) if moved else batch

    def _note_move(self) -> tuple[str, ...]:
        """The notice that another account reads the channel now; empty if it is the same as before."""
        before, now = self._read_by, self.gateway
        if now is None or before is None or before is now:
            return ()
        self._read_by = now
        self.ask_account_again()
        why = f" ({before.account.status.state})" if before.account.status.dead else ""
        return (f"read with the account {now.account.name} instead of {before.account.name}{why}",)

    async def _fetch(self, want: Want, cursor: str | None) -> Batch:
        if self._withheld is not None and self.is_withheld and self._pages_of is not None:
            return await self._by_pages(want, cursor, self._withheld.why)
        try:
            return await self._by_account(want, cursor)
        except (Later, Never) as problem:
            moved = self._note_move()  # the account has just died, and another one reads the channel
            if moved:
                batch = await self._fetch(want, cursor)
                return replace(batch, notices=(*moved, *batch.notices))
            if self._is_withheld(problem):
                self._withheld = _Withheld(problem, getattr(problem, "retry_at", None) or self._clock.now() + DAY)
            if not self._needs_fallback(problem):
                raise
            return await self._by_pages(want, cursor, problem)

    async def look(self, channel: str | None) -> Batch:
        """The newest posts, whatever is stored; `channel` is the number that the archive knows."""
        self.ask_account_again()
        return await self.fetch(Want(), json.dumps({"channel": channel}) if channel else None)

    async def check(self, native_id: str) -> Checked:
        """Look at one post by its id, beside one that must be there."""
        [found] = await self.check_many([native_id])
        return found

    async def check_many(self, native_ids: Sequence[str]) -> list[Checked]:
        """Look at posts by their ids; at least one, in this order; not all if a failure comes in between.

        Raises Later before the first round: another channel under the same name must not vouch for anything.
        """
        if self._channel is None:
            raise Later("the channel has not been polled yet; its posts cannot be verified")
        try:
            if self._withheld is not None and self.is_withheld:
                raise _repeat(self._withheld.why)
            if self.reader is None:
                raise _no_account()
            return await self.reader.check(self._channel, native_ids)
        except (Later, Never) as problem:
            pages = await self._find_fallback() if self._needs_fallback(problem) else None
            if pages is None:
                raise
            return await _check_by_pages(pages, native_ids)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What is in the bytes of messages now, and in those of public pages."""
        return [await self._reread(one) for one in stored]

    async def _reread(self, stored: StoredRaw) -> FetchedPost | None:
        if stored.raw.mime.startswith("application/vnd.telegram.tl;"):
            from bot.telegram.messages import reread  # here, because only an account needs Telethon

            return await asyncio.to_thread(reread, stored)
        pages = self._stored_pages
        return None if pages is None else (await pages.reread([stored]))[0]

    def carries(self, url: str) -> bool:
        """Whether only the account can bring this file."""
        return url.startswith("telegram:")

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Hand the bytes to `sink`, whole; Later with state TOO_BIG beyond `cap`. Raises Later and Never."""
        gateway, reader = self.gateway, self.reader
        if gateway is None or reader is None:
            raise _no_account()
        await gateway.carry(reader, url, sink, cap)

    # Two ways ---------------------------------------------------------------------------------------------------------

    async def _by_account(self, want: Want, cursor: str | None) -> Batch:
        if self.reader is None:
            raise _no_account()
        note = _read_cursor(cursor)
        channel, newest, before = note.get("channel"), note.get("newest", 0), note.get("shut")
        if want.kind == "older" and want.below is not None:
            return replace(await self.reader.older(channel, want.below), cursor=cursor)
        batch, high = await self.reader.newest(channel, newest or None)
        self._withheld = None
        self._channel, self._handle = channel or batch.channel_id, batch.handle
        open_again = (f"the account reads the channel again (was: {before})",) if before else ()
        return replace(
            batch,
            cursor=json.dumps({"channel": self._channel, "newest": max(newest, high)}),
            notices=(*batch.notices, *open_again),
        )

    async def _by_pages(self, want: Want, cursor: str | None, why: Later | Never) -> Batch:
        """What the public pages show, because of `why`. Raises what became of both ways."""
        pages = await self._find_fallback()
        if pages is None:
            raise _repeat(why, "; no fallback: the channel's public name is unknown")
        try:
            batch = await pages.fetch(want, cursor)
        except (Later, Never) as problem:
            raise _join_failures(why, problem) from problem
        detail = f"read from the public pages ({why})"
        if want.kind == "older":
            return replace(batch, method=FALLBACK, detail=detail)
        before = _read_cursor(cursor).get("shut")
        state = why.state if self._is_withheld(why) else before
        notice = f"the account cannot read the channel: {state} ({why}); the public pages are used instead"
        return replace(
            batch,
            cursor=json.dumps({**_read_cursor(batch.cursor), **({"shut": state} if state else {})}),
            notices=(*batch.notices, *([notice] if state != before else [])),
            method=FALLBACK,
            detail=detail,
        )

    async def _find_fallback(self) -> Source | None:
        """The public pages of the channel under the name that it was last seen by; None where it has none."""
        if self._pages_of is None:
            return None
        gateway = self.gateway
        peer = await gateway.peers.known(self.settings.wanted) if gateway is not None else None
        self._handle = self.settings.wanted.handle if peer is None else peer.handle
        if self._handle is None:
            return None
        if self._fallback is None or self._fallback[0] != self._handle:
            self._fallback = (self._handle, self._pages_of(self._handle))
        return self._fallback[1]

    def _is_withheld(self, problem: Later | Never) -> bool:
        gateway = self.gateway
        return gateway is not None and gateway.is_withheld(problem)

    def _needs_fallback(self, problem: Later | Never) -> bool:
        gateway = self.gateway
        return self._pages_of is not None and (gateway is None or gateway.needs_fallback(problem))


async def _check_by_pages(pages: Source, native_ids: Sequence[str]) -> list[Checked]:
    found: list[Checked] = []
    for native_id in native_ids:
        try:
            found.append(await pages.check(native_id))
        except (Later, Never):
            if not found:
                raise
            break
    return found


def _no_account() -> Later:
    return Later("no Telegram account: sign in with `communique login`", state=NOT_SIGNED_IN)


def _repeat(why: Later | Never, more: str = "") -> Later | Never:
    """The same refusal once more, with something added."""
    if isinstance(why, Later):
        return Later(f"{why}{more}", retry_at=why.retry_at, state=why.state, obey=why.obey, unsure=why.unsure)
    return Never(why.reason + more, remedy=why.remedy, state=why.state)


def _join_failures(why: Later | Never, problem: Later | Never) -> Later | Never:
    """Account and pages failed: report the account's failure and keep a wait that it set; anything else may heal.

    Pages that belong to another channel now are of no use: then only the account can come back.
    """
    if isinstance(why, Later) and why.obey:
        return why
    moved = problem.state == RENAMED
    if moved and isinstance(why, Never):
        return problem
    at = why.retry_at if moved and isinstance(why, Later) else getattr(problem, "retry_at", None)
    return Later(f"{why}; the public pages failed too: {problem}", state=why.state, retry_at=at)


def _read_cursor(cursor: str | None) -> dict[str, Any]:
    """A cursor: the channel's number, the highest number seen, and the state that shuts the account out."""
    try:
        fields = json.loads(cursor or "{}")
    except ValueError:  # the source was of another kind before
        return {}
    return fields if isinstance(fields, dict) else {}


def build(settings: Settings, tools: SourceTools) -> TelegramSource:
    """The working source. Its fallback is another kind, and comes from the registry by name."""
    from bot import sources  # here, because the registry imports kinds only when they are used

    def pages(handle: str) -> Source:
        entry = {"name": settings.name, "kind": FALLBACK, "channel": handle, "base_url": settings.base_url}
        return sources.build(sources.settings_of(FALLBACK).model_validate(entry), tools)

    accounts = tools.telegram
    others = () if accounts is None else accounts.gateways.values()
    own = any(one.account.access.server is not None for one in others)  # t.me shows nothing of another server
    shown = tools.pages_allowed and not (own and settings.base_url == SITE)
    stored_pages = pages(settings.wanted.handle or "any_channel")
    return TelegramSource(
        settings,
        accounts,
        pages if settings.fallback == FALLBACK and shown else None,
        tools.clock,
        stored_pages if isinstance(stored_pages, Rereader) else None,
    )
