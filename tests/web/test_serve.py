"""`communique serve` as a process: what it prints, what it answers, how it ends."""

import asyncio
import errno
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Never

import pytest

from bot.errors import UserError
from bot.web.app import Logged
from bot.web.layout import compile_usual
from bot.web.server import read_certificate
from storage.migrations import migrate
from tests.certificates import Authority, new_key
from tests.desk import Desk, wait_until

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

CONFIG = '[storage]\ndir = "data"\n'


@contextmanager
def desk_with_archive(directory: Path, web: str = "") -> Iterator[Desk]:
    """A desk where nothing was collected yet, but something could have been."""
    with Desk(directory) as desk:
        desk.write(f"{CONFIG}\n[web]\n{web}\n")
        desk.database.parent.mkdir(mode=0o700)
        with desk.archive as archive:
            migrate.ensure(archive, now=0)
        yield desk


def address_of(desk: Desk) -> str:
    wait_until(lambda: re.search(r"http://\S+", desk.printed()), "the address of the reading room")
    found = re.search(r"http://\S+", desk.printed())
    assert found
    return found[0]


def open_browser() -> urllib.request.OpenerDirector:
    """Something that keeps cookies."""
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor())


def get(address: str, browser: urllib.request.OpenerDirector | None = None, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=headers)
    try:
        with (browser or open_browser()).open(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_it_answers_on_loopback_and_stops_in_order(tmp_path: Path) -> None:
    with desk_with_archive(tmp_path) as desk:
        desk.start("serve", "--listen", "127.0.0.1:0")
        invitation, browser = address_of(desk), open_browser()
        address = invitation.partition("/enter/")[0]
        assert "Sign in" in get(f"{address}/")[1]
        assert get(invitation, browser)[0] == 200
        assert get(f"{address}/", Host="rebound.example") == (421, "This address is not one of this server.\n")
        assert get(f"{address}/no-such-page", browser)[0] == 404
        assert get(invitation)[0] == 403
        again = desk.run("serve", "--link").stdout.strip()
        assert again.startswith(f"{address}/enter/")
        assert again != invitation
        assert get(again)[0] == 200
        for file in tmp_path.glob("data/communique.db*"):
            file.unlink()
        status, words = get(f"{address}/", browser)
        assert (status, "collect something first" in words) == (503, True)
        assert (tmp_path / "data" / "people.db").stat().st_mode & 0o777 == 0o600
        desk.stop()
        assert not (tmp_path / "data" / "serve.address").exists()


def test_the_templates_that_are_compiled_ahead_are_there() -> None:
    compile_usual()


def test_an_address_that_is_in_use_is_one_sentence(tmp_path: Path) -> None:
    with desk_with_archive(tmp_path) as desk, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = desk.run("serve", "--listen", f"127.0.0.1:{port}", code=2)
        assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


@pytest.mark.parametrize("address", ["", "8765", "127.0.0.1", "127.0.0.1:99999", ":1"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with Desk(tmp_path) as desk:
        desk.write(CONFIG)
        assert "expected HOST:PORT" in desk.run("serve", "--listen", address, code=2).stderr


@pytest.mark.parametrize(
    ("web", "people", "words"),
    [
        ("", False, ("behind_proxy = true", "key_file", "communique people add")),
        ("", True, ("behind_proxy = true",)),
        ("behind_proxy = true", False, ("communique people add",)),
    ],
)
def test_it_does_not_start_where_strangers_could_read(
    tmp_path: Path, web: str, people: bool, words: tuple[str, ...]
) -> None:
    with desk_with_archive(tmp_path, web) as desk:
        if people:
            desk.run("people", "add", "ann", "--role", "owner", "--no-password")
        refused = desk.run("serve", "--listen", "0.0.0.0:0", code=2)
        assert [word for word in words if word not in refused.stderr] == []
        assert not people or "people add" not in refused.stderr
        assert (refused.stdout, desk.database.with_name("people.db").exists()) == ("", people)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("no.pem", "no.key"), "No such file"),
        (("other.pem", "room.key"), "mismatch"),
        (("room.pem", "locked.key"), "cannot be used"),
        (("room.key", "room.key"), "cannot be used"),
    ],
    ids=["missing", "of another key", "a key with a password", "no certificate"],
)
def test_a_certificate_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, authority: Authority, files: tuple[str, str], words: str
) -> None:
    for name in ("room", "other"):
        key, certificate = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        authority.openssl("req", "-x509", *new_key(key), "-out", certificate, "-subj", "/CN=room")
    locked = tmp_path / "locked.key"
    authority.openssl("ec", "-in", tmp_path / "room.key", "-aes128", "-passout", "pass:x", "-out", locked)
    read_certificate(tmp_path / "room.pem", tmp_path / "room.key")
    with pytest.raises(UserError, match=words) as refused:
        read_certificate(tmp_path / files[0], tmp_path / files[1])
    assert "\n" not in str(refused.value)


def test_nothing_is_printed_and_made_before_the_certificate_is_read(tmp_path: Path) -> None:
    with desk_with_archive(tmp_path, 'certificate = "no.pem"\nkey_file = "no.key"') as desk:
        before = sorted(tmp_path.rglob("*"))
        refused = desk.run("serve", "--listen", "127.0.0.1:0", code=2)
        assert (refused.stdout, len(refused.stderr.splitlines())) == ("", 1)
        assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_made_where_nothing_was_collected(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk:
        desk.write(CONFIG)
        for words in (("serve", "--listen", "127.0.0.1:0"), ("serve", "--link")):
            assert desk.run(*words, code=2).stdout == ""
        assert sorted(one.name for one in tmp_path.iterdir()) == ["config.toml"]


def test_behind_a_proxy_this_machine_alone_is_no_reason_to_let_anybody_in(tmp_path: Path) -> None:
    with desk_with_archive(tmp_path, "behind_proxy = true") as desk:
        assert "people add" in desk.run("serve", "--listen", "127.0.0.1:0", code=2).stderr
        desk.run("people", "add", "ann", "--role", "owner", "--no-password")
        desk.start("serve", "--listen", "127.0.0.1:0")
        address = address_of(desk)
        assert "/enter/" not in address
        assert "Sign in" in get(address)[1]
        assert "for this machine alone" in desk.run("serve", "--link", code=2).stderr
        desk.stop()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: 127", b"GET /static/room.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
)
@pytest.mark.long
def test_who_sends_no_whole_request_is_let_go(tmp_path: Path, sent: bytes) -> None:
    with desk_with_archive(tmp_path) as desk:
        desk.start("serve", "--listen", "127.0.0.1:0")
        port = int(address_of(desk).split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=90) as slow:
            slow.sendall(sent)
            while slow.recv(65_536):
                pass
        desk.stop()


@pytest.mark.long
def test_who_takes_nothing_of_an_answer_is_let_go(tmp_path: Path) -> None:
    asked = b"GET /static/fonts/room-chinese.woff2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with desk_with_archive(tmp_path) as desk:
        desk.start("serve", "--listen", "127.0.0.1:0")
        port = int(address_of(desk).split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=90) as slow:
            slow.sendall(asked * 100)  # 100 MB, of which the system takes some
            wait_until(lambda: is_let_go(slow), "the end of the connection")
        desk.stop()


def is_let_go(connection: socket.socket) -> bool:
    """Whether the other side has cut it off; nothing is read from it."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


@pytest.mark.long
def test_who_takes_nothing_of_an_answer_holds_up_no_stop(tmp_path: Path) -> None:
    asked = b"GET /static/fonts/room-chinese.woff2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with desk_with_archive(tmp_path) as desk:
        desk.start("serve", "--listen", "127.0.0.1:0")
        port = int(address_of(desk).split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=90) as slow:
            slow.sendall(asked * 100)
            assert slow.recv(1)
            desk.stop()
        assert desk.said() == ""


@pytest.mark.parametrize("path", ["/feeds/cmq_mXk3/rules/x.atom", "/enter/mXk3"])
def test_what_opens_something_is_in_no_journal(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: "Scope", __: "Receive", ___: "Send") -> Never:
        raise ZeroDivisionError

    scope: Scope = {"type": "http", "method": "GET", "path": path}
    asyncio.run(Logged(fail)(scope, no_body, no_answer))
    said = capsys.readouterr().err
    assert f"GET {path.partition('mXk3')[0][:7]}" in said
    assert "ZeroDivisionError" in said
    assert "mXk3" not in said


async def no_body() -> "Message":
    raise AssertionError


async def no_answer(_: "Message") -> None:
    raise AssertionError
