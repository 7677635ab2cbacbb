"""An archive with a spokesman in it, alerts that are owed, and targets that do as they are told."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from bot.__main__ import main
from bot.alerts import targets
from bot.alerts.outbox import Drained, Outbox
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.config import Config, load
from bot.config.environment import Environment
from bot.contracts.message import Message, Shows
from bot.contracts.quiet import QuietHours
from bot.contracts.target import Target, TargetSettings, TargetTools
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.listing.kinds import every_kind
from storage.alerts import matches
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, Escalation, FetchedPost, Hit, MatchKind, MatchRow, Raw
from storage.sources import states as source_states
from tests.bot_api import TOKEN
from tests.bot_chat import BotChat, chatting

NOW = 1_763_800_000_000_000
HOUR = 3_600_000_000


@dataclass
class Told:
    """A target that keeps what it gets, and fails as `script` says, one entry a try."""

    name: str
    script: list[Exception | None] = field(default_factory=list)
    got: list[Message] = field(default_factory=list)
    tried: int = 0
    idempotent: bool = False
    at_once: int = 1
    account: str | None = None
    chat: str | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    quiet: Sequence[Mapping[str, str]] = ()
    health: bool = False
    hangs: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    shows: Shows = field(default_factory=lambda: Shows("text", replies=True))

    @property
    def settings(self) -> TargetSettings:
        return TargetSettings(
            name=self.name,
            kind="told",
            health=self.health,
            per_minute=self.per_minute,
            per_hour=self.per_hour,
            quiet=tuple(QuietHours.model_validate(one) for one in self.quiet),
        )

    async def ready(self) -> None:
        """Takes everything at once."""

    async def send(self, message: Message) -> str | None:
        self.tried += 1
        self.asked.set()
        if message.body is not None:  # it is gone once this returns
            message = replace(message, document=json.loads(b"".join(message.body.pieces())), body=None)
        if self.hangs is not None:
            await self.hangs.wait()
        problem = self.script.pop(0) if self.script else None
        if problem is not None:
            if isinstance(problem, Later) and problem.unsure:
                self.got.append(message)
            raise problem
        self.got.append(message)
        self.heard.set()
        return f"receipt {len(self.got)}"


@dataclass
class Line:
    """The archive and a clock that stands still until it is moved."""

    archive: Archive
    now: int = NOW
    said: list[str] = field(default_factory=list)
    count: int = 0
    escalate: dict[str, Escalation] = field(default_factory=dict)
    rules_per_hour: dict[str, int] = field(default_factory=dict)

    def post(self, text: str = "the northern command fell", native_id: str = "1", **more: Any) -> int:
        """Save a post, or its next revision; give back its id."""
        found: dict[str, Any] = {"posted_at": self.now, "url": f"https://t.me/spokesman/{native_id}"} | more
        post = FetchedPost(native_id=native_id, raw=Raw(text.encode(), "text/plain"), text=text, **found)
        with self.archive.writing() as writer:
            source_states.declare(writer, [source_states.Declared("spokesman", "replay", (), "junta")], self.now)
            source = source_states.find_source(writer, "spokesman")
            assert source is not None
            saved = saving.save(writer, source.id, Batch(posts=(post,)), now=self.now, method="test", alerts=True)
        return (*saved.new, *saved.revised)[0]

    def match(
        self,
        post_id: int,
        targets: Sequence[str] = ("desk",),
        *,
        kind: MatchKind = "match",
        word: str = "command",
        rule: str = "fire",
        before: str | None = None,
        priority: str = "default",
    ) -> int:
        """Store that `rule` found `word` in the post's newest text, owed to `targets`."""
        self.count += 1
        with self.archive.writing() as writer:
            rows = writer.rows("SELECT id, text FROM texts WHERE post_id = :id AND current = 1", {"id": post_id})
            hits = tuple(
                Hit(row["id"], "body", row["text"].index(word), row["text"].index(word) + len(word), word)
                for row in rows
                if word in row["text"]
            )
            row = MatchRow(
                rule, "v1", post_id, f"state {self.count}", kind, self.now, hits, alerting=bool(targets),
                why="new match", before=before,
            )  # fmt: skip
            found = matches.save(writer, row, targets, self.now, priority=priority)
        assert found is not None
        return found

    def rows(self, sql: str = "select * from deliveries order by id") -> list[dict[str, Any]]:
        with self.archive.reading() as reader:
            return [dict(row) for row in reader.execute(sql)]

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]

    def with_outbox(self, targets: Mapping[str, Target], use: Callable[[Outbox], Awaitable[Any]]) -> Any:
        async def live() -> Any:
            store = AsyncArchive(self.archive)
            outbox = self.outbox(store, targets)
            try:
                return await use(outbox)
            finally:
                await outbox.aclose()
                await store.aclose()

        return asyncio.run(live())

    def outbox(self, store: AsyncArchive, targets: Mapping[str, Target]) -> Outbox:
        rendering = Rendering(ZoneInfo("Asia/Yangon"))
        clock = Clock(now=lambda: self.now)
        return Outbox(
            store,
            targets,
            rendering,
            clock,
            Claims(clock),
            self.said.append,
            rules_per_hour=self.rules_per_hour,
            jitter=lambda: 0.0,
            escalate=self.escalate,
        )

    def drain(self, *targets: Target) -> Any:
        """One pass that sends what is due now."""
        return self.with_outbox({one.settings.name: one for one in targets}, lambda outbox: outbox.drain(self.now))


@pytest.fixture
def line(archive: Archive) -> Line:
    return Line(archive)


@pytest.fixture
def program(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command on the archive; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["--data-dir", str(tmp_path / "data"), *words])
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture
def later() -> Callable[..., Later]:
    return Later


@pytest.fixture
def never() -> Callable[..., Never]:
    return Never


@pytest.fixture
def deliver(line: Any, tmp_path: Path) -> Any:
    """One pass of the outbox with a target "desk" of this config entry."""

    def deliver(**keys: Any) -> Drained:
        async def once() -> Drained:
            settings = targets.settings_of(keys["kind"]).model_validate({"name": "desk", **keys})
            private = frozenset((str(urlsplit(url).hostname), urlsplit(url).port or 80) for url in settings.addresses())
            clock = Clock(now=lambda: line.now)
            http, store = Http(HttpRules("communique-test", private=private), clock), AsyncArchive(line.archive)
            around = TargetTools(http, clock, ZoneInfo("Asia/Yangon"), io.StringIO(), colour=False)
            desk = targets.build(settings, around)
            rendering = Rendering(ZoneInfo("Asia/Yangon"), data_dir=tmp_path)
            outbox = Outbox(store, {"desk": desk}, rendering, clock, Claims(clock), line.said.append)
            try:
                drained = await outbox.drain(line.now)
                await outbox.topics.close_some()
                return drained
            finally:
                await outbox.aclose()
                await http.aclose()
                await store.aclose()

        return asyncio.run(once())

    return deliver


@pytest.fixture
def telegram(bot_api: Any, tmp_path: Path) -> dict[str, Any]:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    token.chmod(0o600)
    return {"kind": "telegram", "token_file": str(token), "chat": 7, "api_base": bot_api.base}


@pytest.fixture
def run(program: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """Run a command of `alerts`."""
    return lambda *words: program("alerts", *words)


BOT_CONFIG = """
[http]
allow_private_addresses = true
[defaults]
timezone = "Asia/Yangon"
[[sources]]
name = "spokesman"
kind = "replay"
path = "posts.jsonl"
[[targets]]
name = "desk"
kind = "telegram"
token_file = "token"
chat = -100
api_base = "{base}"
per_minute = 200
health = true
[[rules]]
name = "fire"
query = "command"
targets = ["desk"]
[bot]
target = "desk"
chats = [-100]
people = [4242]
"""


@pytest.fixture
def chat() -> Iterator[BotChat]:
    with chatting() as found:
        yield found


@pytest.fixture
def bot_config(chat: BotChat, tmp_path: Path) -> Config:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "config.toml").write_text(BOT_CONFIG.format(base=chat.base), encoding="utf-8")
    return load(tmp_path / "config.toml", Environment(), kinds=every_kind())
