"""The account's memory in the archive, reached through the daemon's one writer."""

import re
from collections.abc import Callable, Sequence

from bot.archive import AsyncArchive
from bot.clock import MINUTE, Clock
from storage.alerts import notices, outbox
from storage.archive.database import Writer
from storage.sources import telegram
from storage.sources.telegram import AccountRow, PeerRow, WatchMode
from storage.state_names import CONNECTED, CONNECTING, UNREPORTED

LONG_WAIT = 5 * MINUTE  # shorter ones are no news


class ArchiveMemory:
    """Keeps what `bot.telegram.budget.Memory` promises. `health` names the targets that hear when the account dies.

    `account` is its name in the config; empty where [telegram] describes the only one.
    """

    def __init__(
        self, store: AsyncArchive, clock: Clock, health: Callable[[], Sequence[str]], account: str = ""
    ) -> None:
        self._account = account
        self._store = store
        self._clock = clock
        self._health = health
        self._reported_until = 0  # the wait that people have heard of

    async def read_waits(self) -> dict[str, int]:
        return await self._store.read(telegram.read_waits, self._account)

    async def keep_wait(self, method: str, until: int) -> None:
        """Keep it; a long one makes one notice for the account, however many sources wait."""
        now = self._clock.now()
        report = until - now > LONG_WAIT and now >= self._reported_until
        if report:
            self._reported_until = until
        health = tuple(self._health()) if report else None
        await self._store.run(_keep_wait, method, until, now, health, self._account)

    async def spend(self, method: str, most: int) -> int | None:
        return await self._store.run(telegram.spend, method, self._clock.now(), most, self._account)

    async def read_peers(self, account: str) -> dict[str, PeerRow]:
        return await self._store.read(telegram.read_peers, account)

    async def keep_peer(self, account: str, peer: PeerRow) -> None:
        await self._store.run(telegram.keep_peer, account, peer, self._clock.now())

    async def save_watch(self, source: str, mode: WatchMode, *, joined: bool) -> None:
        await self._store.run(telegram.save_watch, source, mode, joined=joined, account=self._account)

    async def find_peer(self, asked: str) -> PeerRow | None:
        return await self._store.read(telegram.find_peer, asked)

    async def read_account(self) -> AccountRow | None:
        return await self._store.read(telegram.read_account, self._account)

    async def add_notice(self, about: str, sentence: str, *, once: bool) -> None:
        """Add a notice and send it to the health targets; with `once`, not if the last notice about it was the same."""
        about, sentence = (_named(words, self._account) for words in (about, sentence))
        await self._store.run(_add_notice, about, sentence, self._clock.now(), tuple(self._health()), once=once)

    async def save_status(self, state: str, reason: str | None, remedy: str | None, user: str | None) -> None:
        """Save the account's state; its end and its return become one notice each, also sent to the health targets."""
        await self._store.run(
            _save_status, state, reason, remedy, user, self._clock.now(), tuple(self._health()), self._account
        )


def _keep_wait(writer: Writer, method: str, until: int, now: int, health: tuple[str, ...] | None, account: str) -> None:
    telegram.keep_wait(writer, method, until, account)
    if health is not None:
        minutes = -(-(until - now) // MINUTE)
        name = f" {account}" if account else ""
        sentence = f"Telegram asks the account{name} to wait for {minutes} minutes ({method}); its sources wait as well"
        _add_notice(writer, f"telegram account{name}", sentence, now, health)


def _save_status(
    writer: Writer,
    state: str,
    reason: str | None,
    remedy: str | None,
    user: str | None,
    now: int,
    health: tuple[str, ...],
    account: str,
) -> None:
    before = telegram.read_account(writer, account)
    was = before.state if before is not None else CONNECTING
    if state == CONNECTING and was not in UNREPORTED:
        return  # it is not over before the account is connected
    telegram.set_account_state(writer, state, reason, remedy, user, now, account)
    if state in (was, CONNECTING):
        return
    if state == CONNECTED and was not in UNREPORTED:
        sentence = f"the Telegram account is connected again (was: {was})"
    elif state not in UNREPORTED:
        sentence = f"the Telegram account is not working ({state}): {reason}{f'; {remedy}' if remedy else ''}"
    else:
        return
    _add_notice(writer, _named("telegram account", account), _named(sentence, account), now, health)


def _named(words: str, account: str) -> str:
    """The same words about the account that is meant, where there are several."""
    return re.sub(r"([Tt]elegram account)\b", rf"\1 {account}", words, count=1) if account else words


def _add_notice(
    writer: Writer, about: str, sentence: str, now: int, health: tuple[str, ...], *, once: bool = False
) -> None:
    if once and notices.read_last(writer, about) == sentence:
        return
    notices.add(writer, now, about, sentence)
    outbox.announce(writer, health, about, sentence, now)
