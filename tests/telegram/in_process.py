"""The line from account to archive in one process, with short patience: what the daemon wires, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.config.model import MediaConfig
from bot.contracts.source import Source, SourceTools
from bot.daemon.rounds import Rounds
from bot.http import Http, HttpRules
from bot.incidents import Incidents
from bot.intake.live import Live
from bot.intake.media import MediaLane
from bot.intake.poll import Intake
from bot.intake.recheck import Rechecks
from bot.telegram.account import Account
from bot.telegram.accounts import Accounts
from bot.telegram.archive_memory import ArchiveMemory
from bot.telegram.client import Access
from bot.telegram.gateway import TelegramGateway
from bot.telegram.session import SessionKey, session_in, write
from bot.telegram.waiting import Patience
from storage.archive.database import Archive
from storage.media.shelf import Kept, Shelf
from storage.migrations import migrate
from storage.sources import gaps
from storage.sources import states as source_rows
from tests.telegram_world import Served, World

PHONE = "+95 9 000 000 001"
QUICK = Patience(
    connect=1.5,
    call=0.6,
    probe=0.4,
    probe_every=0.5,
    misses=2,
    readiness=1.0,
    loss=0.5,
    back_off=(0.02, 0.2),
    look=0.05,
)


def access_to(served: Served) -> Access:
    return Access(1, "hash", (served.host, served.port), served.dc, served.public_key_file)


def sign_in(world: World, served: Served, data_dir: Path, phone: str = PHONE) -> Path:
    """A session file as `communique login` would have left it."""
    path = session_in(data_dir)
    write(path, SessionKey(served.dc, served.host, served.port, world.accounts.grant_key(phone).hex(), "7000001", "R"))
    return path


@dataclass
class Rig:
    """What one run of the line holds."""

    archive: Archive
    store: AsyncArchive
    account: Account
    gateway: TelegramGateway
    live: Live
    collector: Rounds
    rechecks: Rechecks
    sources: Mapping[str, Source]
    spoken: list[str] = field(default_factory=list)
    lane: MediaLane | None = None

    async def round(self, name: str = "post") -> Any:
        """One round of one source, now."""
        row = await self.store.read(source_rows.find_source, name)
        assert row is not None
        return await self.collector.intake.round(self.sources[name], row, SECOND)

    async def poll(self, name: str = "post") -> Any:
        """The same as the daemon does it: alone of its source, after the one that is under way."""
        under_way = self.collector._under_way
        while True:
            row = await self.store.read(source_rows.find_source, name)
            assert row is not None
            if name not in under_way:
                self.collector._start([row])
                return await under_way[name]
            await asyncio.wait([under_way[name]])

    async def checked(self, ahead: int = 0) -> int:
        """The re-checks that are due."""
        return await self.rechecks.work(self.collector.clock.now() + ahead)

    def row(self, name: str = "post") -> Any:
        with self.archive.reading() as reader:
            return source_rows.find_source(reader, name)

    def open_gaps(self) -> list[Any]:
        with self.archive.reading() as reader:
            return gaps.list_open_gaps(reader)

    def ask(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.archive.reading() as reader:
            return [tuple(row) for row in reader.execute(statement, values)]


async def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for what another thread or task brings about."""
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the world lives in another thread
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


@asynccontextmanager
async def running(
    data_dir: Path,
    served: Served,
    entries: Mapping[str, Mapping[str, object]],
    *,
    patience: Patience = QUICK,
    clock: Clock | None = None,
    live: bool = True,
    by_the_hour: dict[str, int] | None = None,
    web: tuple[str, int] | None = None,
    proxy: str | None = None,
    settle_s: float = 2.0,
    lane: bool = False,
    every: int = SECOND,
) -> AsyncIterator[Rig]:
    """The line over an archive in `data_dir`; leaving it is a kill as far as the archive can tell.

    `lane`: files are fetched too, and sources that are due are asked.
    """
    clock = clock or Clock()
    path = data_dir / "communique.db"
    with Archive(path) as archive:
        migrate.ensure(archive, now=clock.now())
    archive = Archive(path)
    store = AsyncArchive(archive)
    spoken: list[str] = []
    memory = ArchiveMemory(store, clock, list)
    access = access_to(served)
    if proxy is not None:
        access = Access(1, "hash", access.server, access.dc, access.public_key, proxy)
    account = Account(
        access, session_in(data_dir), memory, clock, spoken.append, patience=patience, by_the_hour=by_the_hour
    )
    gateway = TelegramGateway(account, clock, settle_s=settle_s)
    opened = frozenset({web}) if web else frozenset()
    http = Http(HttpRules(user_agent="communique-tests", private=opened, intervals={"127.0.0.1": 0}), clock)
    around = SourceTools(http, clock, data_dir, telegram=Accounts({"": gateway}))
    made = {}
    for name, keys in entries.items():
        entry = {"name": name, "kind": "telegram", "fallback": "none", "every": "1s", **keys}
        made[name] = kinds.build(kinds.settings_of("telegram").model_validate(entry), around)
    limits = MediaConfig(keep_free=0)
    troubles = Incidents(store, clock, spoken.append, ())
    files = MediaLane(
        store,
        clock,
        Shelf(data_dir),
        http,
        limits,
        made,
        lambda *_: (),
        _no_look,
        lambda: None,
        spoken.append,
        troubles,
    )
    intake = Intake(store, clock, files.ring, lambda: 0.0, list)
    collector = Rounds(store, intake, clock, spoken.append)
    collector.sources, collector.every = made, dict.fromkeys(made, every)
    rechecks = Rechecks(store, clock, Claims(clock), intake.forget, made)
    ears = Live(store, clock, gateway, collector.start_soon if live else lambda _: None, lambda: None, spoken.append)
    ears.sources = made  # type: ignore[assignment]  # every one of them is of kind telegram
    account.on_hint, account.on_connected = ears.hear, ears.connected
    declared = [source_rows.Declared(name, "telegram") for name in made]
    await store.run(source_rows.declare, declared, clock.now())
    works = [account.run(), ears.run(), *([files.run(), _schedule(collector)] if lane else [])]
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield Rig(archive, store, account, gateway, ears, collector, rechecks, made, spoken, files if lane else None)
    finally:
        for task in tasks:
            task.cancel()
        await collector.aclose()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await files.aclose()
        await http.aclose()
        await store.aclose()
        broken = [one for one in ended if isinstance(one, Exception)]
        if broken:
            raise broken[0]


async def _no_look(_: Kept) -> None:
    """No picture is looked at here."""


async def _schedule(collector: Rounds) -> None:
    while True:
        await collector.start_due()
        await asyncio.sleep(0.1)


async def make_due(rig: Rig) -> None:
    """Forget every wait that only our own back-off set."""
    await rig.store.run(lambda writer: writer.execute("UPDATE sources SET next_poll_at = 0 WHERE hold_until IS NULL"))
