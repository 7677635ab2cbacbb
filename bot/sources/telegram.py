"""Telegram channels through an account: every post, live; the public pages stand in where the account cannot serve."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from bot.clock import DAY, HOUR, MINUTE
from bot.config.values import Duration
from bot.errors import Later, Never
from bot.sources._contract import Source, SourceSettings, Surroundings, Want
from bot.telegram.names import Wanted, wanted
from storage.records import Batch, Checked

if TYPE_CHECKING:
    from bot.telegram.door import Door

FALLBACK = "telegram_web"
SITE = "https://t.me"


def _channel(value: object) -> str:
    """Keep what was written, if it names a channel."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected a name or a number")  # noqa: TRY004 - pydantic tells ValueErrors
    wanted(value)
    return str(value).strip()


def _site(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f'expected an address such as "https://t.me", got {value!r}')
    return value.rstrip("/")


class Settings(SourceSettings):
    """A channel as the account sees it.

    `mode`: "push" hears at once what a joined channel posts; "short" asks a channel that is not joined every second or
    so (at most ten sources); "history" asks every `every`; "auto" is push where the account has joined, else history.
    `live` False: only the interval counts. `fallback` "none": without the account nothing is collected.
    """

    channel: Annotated[str, BeforeValidator(_channel)]
    live: bool = True
    mode: Literal["auto", "push", "short", "history"] = "auto"
    fallback: Literal["telegram_web", "none"] = "telegram_web"
    base_url: Annotated[str, AfterValidator(_site)] = SITE  # where the public pages stand
    recheck: tuple[Duration, ...] = (10 * MINUTE, HOUR, DAY, 7 * DAY)

    @property
    def wanted(self) -> Wanted:
        """The channel that is meant."""
        return wanted(self.channel)

    def addresses(self) -> tuple[str, ...]:
        """The pages that stand in."""
        handle = self.wanted.handle
        return (f"{self.base_url}/s/{handle}",) if handle and self.fallback == FALLBACK else ()


class Telegram:
    """One channel, by two ways: the same ids and numbers on both, so that it stays one source."""

    pages = True
    checks = True

    def __init__(self, settings: Settings, door: "Door | None", fallback: Source | None) -> None:
        self.settings = settings
        self.reader = door.reader(settings.wanted) if door is not None else None
        self._door = door
        self._fallback = fallback

    @property
    def second_way(self) -> bool:
        """Whether the public pages can stand in."""
        return self._fallback is not None

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        """What is new, ascending, or the page below a number. The cursor is the same for both ways."""
        try:
            return await self._by_account(want, cursor)
        except (Later, Never) as problem:
            if not self._gives_way(problem):
                raise
            return await self._by_pages(want, cursor, problem)

    async def check(self, native_id: str) -> Checked:
        """Look at one post by its id, beside one that must be there."""
        assert self.reader is not None or self._fallback is not None
        try:
            if self.reader is None:
                raise _no_account()
            return await self.reader.check(None, native_id)
        except (Later, Never) as problem:
            if not self._gives_way(problem) or self._fallback is None:
                raise
            return await self._fallback.check(native_id)

    def carries(self, url: str) -> bool:
        """Whether only the account can bring this file."""
        return url.startswith("telegram:")

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Hand the bytes to `sink`, whole; Later with state TOO_BIG beyond `cap`. Raises Later and Never."""
        if self._door is None or self.reader is None:
            raise _no_account()
        await self._door.carry(self.reader, url, sink, cap)

    # Two ways ---------------------------------------------------------------------------------------------------------

    async def _by_account(self, want: Want, cursor: str | None) -> Batch:
        if self.reader is None:
            raise _no_account()
        channel, newest = _read(cursor)
        if want.kind == "older" and want.below is not None:
            return replace(await self.reader.older(channel, want.below), cursor=cursor)
        batch, high = await self.reader.newest(channel, newest or None)
        return replace(batch, cursor=_write(channel or batch.channel_id, max(newest, high)))

    async def _by_pages(self, want: Want, cursor: str | None, why: Later | Never) -> Batch:
        assert self._fallback is not None
        try:
            batch = await self._fallback.fetch(want, cursor)
        except (Later, Never) as problem:
            raise _both(why, problem) from problem
        return replace(batch, method=FALLBACK, detail=f"by the public pages, because of the account: {why}")

    def _gives_way(self, problem: Later | Never) -> bool:
        return self._fallback is not None and (self._door is None or self._door.unable(problem))


def _no_account() -> Later:
    return Later("there is no account to read it with: sign in with `communique login`", state="not signed in")


def _both(why: Later | Never, problem: Later | Never) -> Later | Never:
    """Both ways failed: the account's failure is told; a wait that it set is kept, anything else may heal."""
    if isinstance(why, Later) and why.obey:
        return why
    if problem.state == "handle moved":
        return problem
    at = problem.retry_at if isinstance(problem, Later) else None
    return Later(f"{why}; the public pages do not help: {problem}", state=why.state, retry_at=at)


def _read(cursor: str | None) -> tuple[str | None, int]:
    fields = json.loads(cursor) if cursor else {}
    return fields.get("channel"), fields.get("newest", 0)


def _write(channel: str | None, newest: int) -> str:
    return json.dumps({"channel": channel, "newest": newest})


def build(settings: Settings, surroundings: Surroundings) -> Telegram:
    """The working source, with its second way."""
    from bot import sources

    fallback: Source | None = None
    handle = settings.wanted.handle
    door = surroundings.telegram
    own = door is not None and door.account.access.server is not None  # t.me shows nothing of another server
    shown = surroundings.pages_allowed and not (own and settings.base_url == SITE)
    if settings.fallback == FALLBACK and handle is not None and shown:
        pages = sources.settings_of(FALLBACK).model_validate(
            {"name": settings.name, "kind": FALLBACK, "channel": handle, "base_url": settings.base_url}
        )
        fallback = sources.build(pages, surroundings)
    return Telegram(settings, surroundings.telegram, fallback)
