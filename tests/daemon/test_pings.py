"""The heartbeat, as a server of our own gets it."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.config.heartbeat import HeartbeatConfig
from bot.contracts.settings import SecretFile
from bot.daemon.pings import Pings
from bot.http import Http, HttpRules
from storage.archive.database import Archive
from storage.archive.heartbeat import beat
from storage.sources import states

NOW = 1_763_800_000_000_000
MINUTE = 60_000_000
SECRET = "0d338dcc-a054-11ec-b909-0242ac120002"


@dataclass
class Watcher:
    """Counts what is asked, and answers with `status`."""

    port: int = 0
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            watcher.asked.append(self.path)
            self.send_response(watcher.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        watcher.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield watcher
        server.shutdown()


@dataclass
class Life:
    """A daemon's archive, of which one process after the other looks whether all is well."""

    archive: Archive
    directory: Path
    watcher: Watcher
    now: int = NOW
    said: list[str] = field(default_factory=list)

    def live(self, *minutes: int, rises: bool = True) -> list[str]:
        """What one process asks that looks at these minutes after its start, with a sign of life at each."""
        before = len(self.watcher.asked)
        began = self.now

        async def live() -> None:
            clock = Clock(now=lambda: self.now, monotonic=lambda: self.now / 1e6)
            store, http = AsyncArchive(self.archive), self.http(clock)
            pings = Pings(store, clock, self.said.append, self.settings(), http, self.archive.path, began)
            for minute in minutes:
                self.now = began + minute * MINUTE
                if rises:
                    await store.run(beat, self.now)
                await pings.look()
            await http.aclose()
            await store.aclose()

        asyncio.run(live())
        return self.watcher.asked[before:]

    def http(self, clock: Clock) -> Http:
        return Http(HttpRules("test", private=frozenset({("127.0.0.1", self.watcher.port)})), clock)

    def settings(self) -> HeartbeatConfig:
        file = self.directory / "address"
        file.write_text(f"http://127.0.0.1:{self.watcher.port}/{SECRET}?rid=7\n")
        file.chmod(0o600)
        return HeartbeatConfig(url_file=SecretFile(file))

    def source(self, state: str) -> None:
        with self.archive.writing() as writer:
            states.declare(writer, [states.Declared("spokesman", "replay", (), None)], self.now)
            writer.execute(
                "UPDATE sources SET state = :state, state_since = :at, next_poll_at = :later",
                {"state": state, "at": self.now - 16 * MINUTE, "later": 1 << 60},
            )


@pytest.fixture
def life(archive: Archive, tmp_path: Path, watcher: Watcher) -> Life:
    return Life(archive, tmp_path, watcher)


def test_while_all_is_well_it_is_asked_every_five_minutes(life: Life) -> None:
    life.source("ok")
    assert life.live(0, 1, 2, 4, 5, 7, 9, 10) == [f"/{SECRET}?rid=7"] * 3


def test_when_something_is_wrong_fail_is_asked_once_whoever_restarts_and_then_all_is_well_again(life: Life) -> None:
    life.source("failing")
    assert life.live(0, 1, 2, 6, 30) == [f"/{SECRET}/fail?rid=7"]
    assert life.live(0, 1, 30) == [], "the next process knows that it was said"
    life.source("ok")
    assert life.live(0, 1) == [f"/{SECRET}?rid=7"]
    life.source("failing")
    assert life.live(0, 1, 2) == [f"/{SECRET}/fail?rid=7"]


def test_a_start_has_a_minute_for_what_it_finds_undone(life: Life) -> None:
    life.source("failing")
    assert life.live(0) == []
    life.source("ok")
    assert life.live(0) == [f"/{SECRET}?rid=7"]


def test_a_fail_that_did_not_get_through_is_asked_again(life: Life) -> None:
    life.source("failing")
    life.watcher.status = 503
    assert len(life.live(1, 2)) == 2
    life.watcher.status = 200
    assert len(life.live(1, 2, 3)) == 1


def test_an_archive_to_which_nothing_is_written_is_a_failure(life: Life) -> None:
    life.source("ok")
    assert life.live(0, 2, 4, 6, rises=False) == [f"/{SECRET}?rid=7", f"/{SECRET}/fail?rid=7"]


def test_a_machine_that_slept_is_no_failure(life: Life) -> None:
    life.source("ok")
    assert life.live(0, 1, 480) == [f"/{SECRET}?rid=7"] * 2
    assert life.live(0, 480, rises=False) == [f"/{SECRET}?rid=7"] * 2


def test_its_address_is_never_said(life: Life) -> None:
    life.source("ok")
    life.watcher.status = 404
    life.live(0)
    life.watcher.port = 1
    life.live(0)
    assert len(life.said) == 2
    assert "its server answered 404" in life.said[0]
    assert SECRET not in "".join(life.said)
