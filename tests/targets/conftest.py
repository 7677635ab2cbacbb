"""Every kind of target with a real peer on loopback."""

import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from bot.alerts import targets
from bot.clock import Clock
from bot.contracts.message import Message
from bot.contracts.target import Target, TargetTools
from bot.http import Http, HttpRules
from tests.bot_api import TOKEN, BotApi
from tests.certificates import authority as authority  # noqa: PLC0414 - a fixture is found by its name here
from tests.desk import Sink
from tests.mail_server import MailServer, mail_server
from tests.ntfy_server import NtfyServer, ntfy_server

NOW = 1_763_800_000_000_000
MESSAGE = Message(
    id="msg_1",
    kind="match",
    text="rule fire · spokesman",
    plain="rule fire · spokesman",
    document={"type": "match", "id": "msg_1", "data": {"rule": "fire"}},
)


@dataclass
class Around:
    """What a test may change about the surroundings of a target, and how to send through one."""

    directory: Path
    out: io.StringIO = field(default_factory=io.StringIO)
    colour: bool = False
    proxied: bool = False
    now: int = NOW

    def secret(self, name: str, words: str) -> str:
        path = self.directory / name
        path.write_text(words, encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    async def with_target(self, keys: dict[str, Any], use: Callable[[Target], Awaitable[Any]]) -> Any:
        settings = targets.settings_of(keys["kind"]).model_validate({"name": "desk", **keys})
        private = frozenset((urlsplit(url).hostname or "", urlsplit(url).port or 80) for url in settings.addresses())
        clock = Clock(now=lambda: self.now)
        http = Http(HttpRules("communique-test", private=private), clock)
        around = TargetTools(http, clock, ZoneInfo("Asia/Yangon"), self.out, colour=self.colour, proxied=self.proxied)
        try:
            return await use(targets.build(settings, around))
        finally:
            await http.aclose()

    async def send(self, keys: dict[str, Any], message: Message = MESSAGE, **changes: Any) -> str | None:
        receipt: str | None = await self.with_target(keys, lambda target: target.send(replace(message, **changes)))
        return receipt


@pytest.fixture
def around(tmp_path: Path) -> Around:
    return Around(tmp_path)


@pytest.fixture
def message() -> Message:
    return MESSAGE


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def phones() -> Iterator[NtfyServer]:
    with ntfy_server() as server:
        yield server


@pytest.fixture
def keys(
    around: Around, bot_api: BotApi, sink: Sink, mail: MailServer, phones: NtfyServer
) -> dict[str, dict[str, Any]]:
    """A working config entry of every kind of target."""
    host = sink.url.removeprefix("http://")
    return {
        "apprise": {"kind": "apprise", "url": f"json://{host}"},
        "console": {"kind": "console"},
        "email": {
            "kind": "email", "host": "127.0.0.1", "port": mail.port, "tls": "none",
            "from": "Alerts <alerts@desk.example>", "to": ["ann@desk.example", "ben@desk.example"],
        },
        "ntfy": {"kind": "ntfy", "url": phones.base, "topic": "desk-7Kq"},
        "telegram": {
            "kind": "telegram", "token_file": around.secret("token", TOKEN), "chat": 7, "api_base": bot_api.base,
        },
        "webhook": {"kind": "webhook", "url": sink.url},
    }  # fmt: skip


@pytest.fixture
def peers(bot_api: BotApi, sink: Sink, mail: MailServer, phones: NtfyServer) -> Callable[[], int]:
    """How many messages all peers got."""
    return lambda: len(bot_api.said) + len(sink.received) + len(mail.letters) + len(phones.shown)
