"""`communique serve` as a process: what it prints, what it answers, how it ends."""

import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.desk import Desk, wait_until

CONFIG = '[storage]\ndir = "data"\n'


def address_of(desk: Desk) -> str:
    wait_until(lambda: re.search(r"http://\S+", desk.printed()), "the address of the reading room")
    found = re.search(r"http://\S+", desk.printed())
    assert found
    return found[0]


def get(address: str, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_it_answers_on_loopback_before_anything_was_collected_and_stops_in_order(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk:
        desk.write(CONFIG)
        desk.start("serve", "--listen", "127.0.0.1:0")
        address = address_of(desk)
        status, words = get(address)
        assert (status, "collect something first" in words) == (503, True)
        assert get(address, Host="rebound.example") == (421, "This address is not one of this server.\n")
        assert get(address + "no-such-page")[0] == 404
        desk.stop()


def test_an_address_that_is_in_use_is_one_sentence(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk, socket.create_server(("127.0.0.1", 0)) as taken:
        desk.write(CONFIG)
        port = taken.getsockname()[1]
        refused = desk.run("serve", "--listen", f"127.0.0.1:{port}", code=2)
        assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


@pytest.mark.parametrize("address", ["8765", "127.0.0.1", "127.0.0.1:99999", ":1"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with Desk(tmp_path) as desk:
        desk.write(CONFIG)
        assert "expected HOST:PORT" in desk.run("serve", "--listen", address, code=2).stderr
