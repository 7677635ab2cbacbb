"""The real daemon between a Telegram world and the public pages: started, asked through the CLI, stopped."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.world import World as Pages
from bot.world import run_in_thread as pages_in_thread
from storage.archive.errors import ArchiveMissing
from tests.desk import Desk, Sink, listening
from tests.telegram.in_process import PHONE, sign_in
from tests.telegram_world import Served, World, run_in_thread

HEAD = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{host}:{port}"
dc = {dc}
public_key_file = "{key}"
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
[defaults]
every = "1s"
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
health = true
"""


@dataclass
class Station:
    """A directory with a config, signed in; `telegram` and `pages` are what it looks at, `sink` who hears of trouble."""

    desk: Desk
    telegram: World
    pages: Pages
    served: Served
    address: str
    sink: Sink

    def configure(self, **sources: Mapping[str, object]) -> None:
        """One `[[sources]]` of kind telegram for each name, asked every second."""
        head = HEAD.format(
            host=self.served.host, port=self.served.port, dc=self.served.dc, key=self.served.public_key_file,
            hook=self.sink.url,
        )  # fmt: skip
        entries = []
        for name, keys in sources.items():
            told = {"name": name, "kind": "telegram", "base_url": self.address, "backfill": "all", **keys}
            entries.append("\n".join(["[[sources]]", *(f"{key} = {_toml(value)}" for key, value in told.items())]))
        self.desk.write("\n".join([head, *entries]))

    def sign_in(self) -> None:
        """As `communique login` would."""
        sign_in(self.telegram, self.served, self.desk.directory / "data")
        (self.desk.directory / "data").chmod(0o700)

    def start(self) -> None:
        self.desk.start("run")

    def stop(self) -> None:
        self.desk.stop()

    def until(self, true: Callable[[], object], awaited: str, *, most: int = 1200) -> None:
        """Wait for what another process brings about."""
        pause = threading.Event()
        for _ in range(most):
            if true():
                return
            assert all(daemon.poll() is None for daemon in self.desk.started), self.desk.said()
            pause.wait(0.05)
        raise AssertionError(f"waited in vain for {awaited}\n{self.desk.said()}")

    def ask(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """A look into the archive; nothing where there is none yet."""
        with suppress(ArchiveMissing):
            return self.desk.ask(statement, **values)
        return []

    def state(self, name: str = "post") -> str:
        return str((self.ask("SELECT state FROM sources WHERE name = :name", name=name) or [("",)])[0][0])

    def mode(self, name: str = "post") -> str:
        return str((self.ask("SELECT mode FROM telegram_watches WHERE source = :name", name=name) or [("",)])[0][0])

    def account(self) -> str:
        return str((self.ask("SELECT state FROM telegram_account") or [("",)])[0][0])

    def texts(self, name: str = "post") -> list[str]:
        """What is stored of a source now, oldest first; without the first, which says that the channel was created."""
        return [
            row[0]
            for row in self.ask(
                "SELECT r.text FROM posts p JOIN sources s ON s.id = p.source_id JOIN revisions_readable r ON r.post_id = p.id "
                "AND r.current WHERE s.name = :name AND p.number > 1 AND p.deleted_at IS NULL "
                "ORDER BY p.number",
                name=name,
            )
        ]

    def notices(self, about: str = "source post") -> list[str]:
        return [row[0] for row in self.ask("SELECT text FROM notices WHERE about = :about ORDER BY id", about=about)]

    def listed(self, name: str = "post") -> dict[str, Any]:
        """What `sources list --json` tells of a source."""
        rows = json.loads(self.desk.run("sources", "list", "--json").stdout)
        return next(row for row in rows if row["name"] == name)

    def status(self) -> dict[str, Any]:
        return json.loads(self.desk.run("status", "--json").stdout)  # type: ignore[no-any-return]

    def owed(self) -> list[str]:
        """What the target with `health = true` is to be told, or was."""
        return [json.loads(row[0])["text"] for row in self.ask("SELECT payload FROM deliveries WHERE kind = 'health'")]

    def health(self) -> list[str]:
        """What the target with `health = true` was told."""
        return self.sink.health()


def _toml(value: object) -> str:
    return json.dumps(value) if not isinstance(value, bool) else str(value).lower()


@contextmanager
def standing(directory: Path) -> Iterator[Station]:
    """One account, the channel @border_post (not joined), the same on the public pages, and a daemon to be started."""
    telegram, pages = World(), Pages()
    telegram.accounts.open(PHONE)
    number = telegram.open_channel("border_post", "Border Post")
    pages.open_channel("border_post", "Border Post", numeric_id=number)
    secret = directory / "hash"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    with (
        run_in_thread(telegram) as served,
        pages_in_thread(pages) as address,
        listening() as sink,
        Desk(directory) as desk,
    ):
        station = Station(desk, telegram, pages, served, address, sink)
        station.sign_in()
        yield station
