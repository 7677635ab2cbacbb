"""The Telegram accounts in the daemon: made from the config, started, listened to, stopped."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.config import Config
from bot.config.model import TelegramConfig
from bot.contracts.source import Source
from bot.daemon.supervision import Keep
from bot.intake.live import Live
from bot.telegram.account import Account
from bot.telegram.accounts import Accounts
from bot.telegram.archive_memory import ArchiveMemory
from bot.telegram.budget import BY_THE_HOUR
from bot.telegram.client import Access
from bot.telegram.gateway import TelegramGateway
from bot.telegram.session import session_in
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.sources.telegram import TelegramSource


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom the account wakes: rounds of sources, re-checks; the targets that hear of its end; the journal."""

    start_rounds: Callable[[Iterable[str]], None]
    recheck: Callable[[], None]
    health: Callable[[], Sequence[str]]
    say: Callable[[str], None]


class TelegramLine:
    """Every account with everything that belongs to it."""

    def __init__(self, config: TelegramConfig, accounts: Accounts, lives: Sequence[Live]) -> None:
        self.config = config
        self.accounts = accounts
        self._lives = lives
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(
        cls, config: Config, archive: AsyncArchive, clock: Clock, listeners: Listeners, homes: Mapping[str, str]
    ) -> Self:
        """Wire what the config says. `homes`: which account read each source until now.

        Raises UserError for a secret or a key that cannot be read.
        """
        gateways: dict[str, TelegramGateway] = {}
        lives: list[Live] = []
        for name, keys in config.telegram.each().items():
            memory = ArchiveMemory(archive, clock, listeners.health, name)
            most = {**BY_THE_HOUR, "contacts.resolveUsername": keys.resolves_per_hour}
            path = session_in(config.data_dir, name)
            account = Account(access_of(keys), path, memory, clock, listeners.say, by_the_hour=most, name=name)
            gateway = gateways[name] = TelegramGateway(account, clock)
            live = Live(archive, clock, gateway, listeners.start_rounds, listeners.recheck, listeners.say)
            live.first = not lives
            account.on_hint, account.on_connected = live.hear, live.connected
            lives.append(live)
        return cls(config.telegram, Accounts(gateways, dict(homes)), lives)

    def take_up(self, sources: Mapping[str, Source]) -> None:
        """Listen for these sources from now on."""
        found = {name: source for name, source in sources.items() if source.settings.reads_with_account}
        for live in self._lives:
            live.sources = cast("Mapping[str, TelegramSource]", found)  # the kind says the class

    def start(self, keep: Keep, *, live: bool) -> None:
        """Connect and stay connected; `live`: also take pushes and the requests of people."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(keep, live=live))

    async def _run(self, keep: Keep, *, live: bool) -> None:
        accounts = [gateway.account for gateway in self.accounts.gateways.values()]
        works = [keep(f"the Telegram account {one.name}".rstrip(), one.run) for one in accounts]
        if live:
            works += [keep(f"Telegram push {one.gateway.account.name}".rstrip(), one.run) for one in self._lives]
        await asyncio.gather(*works)

    async def aclose(self) -> None:
        """Disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


def access_of(config: TelegramConfig) -> Access:
    """With what to sign in, and where. Raises UserError where the secret cannot be read."""
    assert config.api_id is not None
    assert config.api_hash_file is not None
    server = None
    if config.server is not None:
        host, _, port = config.server.rpartition(":")
        server = (host.strip("[]"), int(port))
    key = Path(config.public_key_file) if config.public_key_file is not None else None
    return Access(config.api_id, config.api_hash_file.read().strip(), server, config.dc or 2, key, config.proxy)
