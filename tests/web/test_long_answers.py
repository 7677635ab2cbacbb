"""Answers that take long: they end with the rights of whoever asked, and half of one is never taken for the whole."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.clock import Clock
from bot.web.app import make_app
from storage.media.shelf import path_of
from storage.people import persons, tokens
from tests.web.archive import Seeded
from tests.web.letting_in import Guarded, form_in, guarded
from tests.web.serving import served

DEADLINE_S = 60


def lock(house: Guarded) -> None:
    with house.people.writing() as writer:
        persons.lock_person(writer, 1, house.now)


def remove(house: Guarded) -> None:
    with house.people.writing() as writer:
        persons.remove_person(writer, 1)


def take_token(house: Guarded) -> None:
    with house.people.writing() as writer:
        tokens.revoke_token(writer, 1, house.now)


def take_rights(house: Guarded) -> None:
    with house.people.writing() as writer:
        persons.set_rights(writer, 1, "reader", ["source:valley-radio"])


CHANGES = (lock, remove, take_token, take_rights)


@contextmanager
def hurried(seeded: Seeded, directory: Path) -> Iterator[Guarded]:
    """The reading room of an archive, where ten seconds are over whenever it looks at the clock."""
    with guarded(seeded, directory) as house:
        ticks = count(0, 10)
        clock = Clock(now=lambda: house.now, monotonic=lambda: float(next(ticks)))
        house.room = replace(house.room, clock=clock)
        yield house


@dataclass
class Taken:
    """An answer taken from the application itself: its pieces, how it ended, and what happened after the first piece."""

    then: Callable[[], object]
    pieces: list[bytes] = field(default_factory=list)
    status: int = 0
    is_whole: bool = False
    is_cut_off: bool = False

    async def take(self, app: Any, address: str, token: str) -> None:
        path, _, query = address.partition("?")
        gone, asked = asyncio.Event(), iter([{"type": "http.request", "body": b"", "more_body": False}])

        def cut_off() -> None:
            self.is_cut_off = True
            gone.set()

        async def receive() -> Any:
            if (first := next(asked, None)) is not None:
                return first
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif not self.is_cut_off:
                self.pieces.append(message["body"])
                self.is_whole = not message.get("more_body", False)
                if len(self.pieces) == 1:
                    self.then()

        headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())]
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": "", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80), "state": {"cut_off": cut_off},
        }  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            await app(scope, receive, send)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("address", ["/api/v1/posts.jsonl", "/api/v1/posts.csv"])
def test_a_list_ends_with_the_rights_of_whoever_asked(
    seeded: Seeded,
    tmp_path: Path,
    change: Callable[[Guarded], None],
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bot.web.api.answers._PIECE", 4)
    with guarded(seeded, tmp_path) as house:
        token = house.token(house.add("ann", "reader"), "read")
        app, whole, half = make_app(house.room), Taken(lambda: None), Taken(lambda: change(house))
        asyncio.run(whole.take(app, address, token))
        asyncio.run(half.take(app, address, token))
    assert (whole.is_whole, whole.is_cut_off, half.is_whole, half.is_cut_off) == (True, False, False, True)
    assert b"".join(whole.pieces).count(b"\n") > 10
    assert b"".join(half.pieces).count(b"\n") <= 5  # a page, and the names of its columns
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def long_file(copy_of_seeded: Callable[[], Seeded]) -> tuple[Seeded, str]:
    """A file that no buffer on its way holds."""
    seeded = copy_of_seeded()
    digest = next(iter(seeded.files.values()))
    path = seeded.data_dir / path_of(digest)
    path.chmod(0o600)
    os.truncate(path, 30_000_000)
    return seeded, digest


@pytest.mark.parametrize("change", [lock, take_rights])
def test_a_file_ends_with_the_rights_of_whoever_asked(
    long_file: tuple[Seeded, str], tmp_path: Path, change: Callable[[Guarded], None]
) -> None:
    seeded, digest = long_file
    with hurried(seeded, tmp_path) as house, served(house.room) as address:
        headers = {"Authorization": f"Bearer {house.token(house.add('ann', 'reader'), 'read')}"}
        with httpx.stream("GET", f"{address}/api/v1/files/{digest}", headers=headers, timeout=DEADLINE_S) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            change(house)
            with pytest.raises(httpx.TransportError):
                list(pieces)


def test_an_export_is_given_to_nobody_who_was_locked_out_while_it_was_made(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path) as house:
        looks = count()

        def monotonic() -> float:
            if next(looks) == 1:  # the first look is at the door, this one by the export
                lock(house)
            return 0.0

        house.room = replace(house.room, clock=Clock(now=lambda: house.now, monotonic=monotonic))
        headers = {"Authorization": f"Bearer {house.token(house.add('ann', 'reader'), 'read')}"}
        with house.browser() as browser:
            answer = browser.get("/export/file?format=jsonl", headers=headers)
    assert answer.status_code == 403
    assert "bridge" not in answer.text


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("address", ["/search?q=bridge", "/api/v1/search?q=bridge"])
def test_a_page_that_was_made_for_long_is_given_by_the_rights_at_its_end(
    seeded: Seeded, tmp_path: Path, change: Callable[[Guarded], None], address: str
) -> None:
    with guarded(seeded, tmp_path) as house:
        looks = count()

        def monotonic() -> float:
            if (look := next(looks)) == 1:  # the first look is at the door
                change(house)
            return look * 10.0

        house.room = replace(house.room, clock=Clock(now=lambda: house.now, monotonic=monotonic))
        headers = {"Authorization": f"Bearer {house.token(house.add('ann', 'reader'), 'read')}"}
        with house.browser() as browser:
            answer = browser.get(address, headers=headers)
    assert (answer.status_code, "bridge" in answer.text) == (403, False)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_has_not_signed_in_or_signs_out_is_answered_however_long_it_takes(seeded: Seeded, tmp_path: Path) -> None:
    with hurried(seeded, tmp_path) as house:
        with house.browser() as browser:
            assert browser.get("/sign-in").status_code == 200
        with house.signed_in(house.add("ann", "reader")) as browser:
            shown = form_in(browser.get("/").text)
            assert browser.post("/sign-out", data={"form": shown}).headers["location"].startswith("/sign-in")


def test_half_a_list_is_no_whole_one_in_a_protocol_without_pieces(
    long_file: tuple[Seeded, str], tmp_path: Path
) -> None:
    seeded, digest = long_file
    with hurried(seeded, tmp_path) as house, served(house.room) as address:
        token = house.token(house.add("ann", "reader"), "read")
        asked = f"GET /api/v1/files/{digest} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
            connection.sendall(asked.encode())
            assert connection.recv(1)
            lock(house)
            with pytest.raises(ConnectionResetError):
                all(iter(lambda: connection.recv(1 << 20), b""))
