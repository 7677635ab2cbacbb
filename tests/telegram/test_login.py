"""Signing in as a user meets it: the program, its stdin, its exit codes, its one private file."""

import base64
import json
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.qr import correction, drawn, matrix
from tests.desk import Desk
from tests.telegram.rig import PHONE, sign_in
from tests.telegram_world import Served, World, run_in_thread

OPEN = "+95 9 000 000 002"
CONFIG = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{host}:{port}"
dc = {dc}
public_key_file = "{key}"
[defaults]
every = "1s"
[[sources]]
name = "post"
kind = "telegram"
channel = "@border_post"
fallback = "none"
"""


@pytest.fixture
def desk(tmp_path: Path, telegram: World, at: Served) -> Desk:
    telegram.accounts.open(OPEN, code="54321")
    made = Desk(tmp_path)
    (tmp_path / "hash").write_text("0123456789abcdef")
    (tmp_path / "hash").chmod(0o600)
    made.write(CONFIG.format(host=at.host, port=at.port, dc=at.dc, key=at.public_key_file))
    return made


def session_file(desk: Desk) -> Path:
    return desk.directory / "data" / "state" / "telegram.session"


def wait(condition: Callable[[], object], awaited: str) -> None:
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail(f"waited for {awaited}")


def test_code_and_password_are_read_one_a_line(desk: Desk) -> None:
    done = desk.run("login", "--phone", PHONE, stdin="12345\ncorrect horse\n")
    assert "signed in" in done.stdout
    assert "separate, aged account" in done.stderr
    assert stat.S_IMODE(session_file(desk).stat().st_mode) == 0o600
    assert stat.S_IMODE(session_file(desk).parent.stat().st_mode) == 0o700
    assert "correct horse" not in session_file(desk).read_text()
    assert desk.run("login", "--status").returncode == 0


@pytest.mark.parametrize(
    ("phone", "given", "said"),
    [
        (PHONE, "99999\n", "code is wrong"),
        (PHONE, "12345\nwrong\n", "password is wrong"),
        (PHONE, "", "was not given"),
        ("+95 9 999 999 999", "12345\n", "not signed in|no account|no such number"),
    ],
)
def test_what_is_wrong_ends_with_5_and_leaves_no_session(desk: Desk, phone: str, given: str, said: str) -> None:
    done = desk.run("login", "--phone", phone, stdin=given, code=5)
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not session_file(desk).exists()
    assert desk.run("login", "--status", code=5).stdout.startswith("not signed in")


def test_a_qr_code_signs_in_once_it_is_scanned(desk: Desk, telegram: World) -> None:
    daemon = desk.start("login", "--qr")
    wait(lambda: "tg://login?token=" in desk.said(), "the code")
    found = re.search(r"tg://login\?token=([A-Za-z0-9_-]+)", desk.said())
    assert found
    telegram.accounts.accept_login_token(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)), OPEN)
    assert daemon.wait(30) == 0, desk.said()
    assert session_file(desk).exists()
    assert "█" in desk.said()


def test_a_running_daemon_takes_a_new_session_up_and_lets_go_at_logout(desk: Desk, telegram: World) -> None:
    daemon = desk.start("run")
    wait(lambda: "not signed in" in desk.said(), "the daemon to miss the session")
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    wait(lambda: "telegram: connected" in desk.said(), "the daemon to take it up")
    refused = desk.run("login", "--phone", PHONE, stdin="12345\n", code=75)
    assert "--logout" in refused.stderr
    for name in ("list", "check post"):
        desk.run("sources", *name.split())
    desk.run("login", "--logout")
    assert not session_file(desk).exists()
    desk.run("login", "--status", code=5)
    daemon.terminate()
    assert daemon.wait(30) == 0
    assert telegram.journal.count("auth.logOut") == 1


def test_bad_input_68_a_session_that_others_can_read_is_refused(desk: Desk, telegram: World, at: Served) -> None:
    path = sign_in(telegram, at, desk.directory / "data")
    (desk.directory / "data").chmod(0o700)
    path.chmod(0o644)
    done = desk.run("run", "--once", code=None)
    assert f"chmod 600 {path}" in done.stderr + desk.run("sources", "list").stderr
    assert telegram.journal.calls() == ()


def test_a_session_that_was_copied_from_another_machine_is_not_used(desk: Desk, telegram: World, at: Served) -> None:
    path = sign_in(telegram, at, desk.directory / "data")
    (desk.directory / "data").chmod(0o700)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"host": "0" * 32}))
    from bot.telegram.session import this_host

    done = desk.run("run", "--once", code=None)
    if this_host():
        assert "another machine" in done.stderr
        assert telegram.journal.calls() == ()


def test_without_api_id_the_config_is_named(desk: Desk) -> None:
    desk.write("[[sources]]\nname='p'\nkind='telegram'\nchannel='@border_post'\n")
    assert "my.telegram.org" in desk.run("login", "--phone", PHONE, code=4).stderr
    assert "communique login" in desk.run("config", "check").stderr + desk.run("config", "check").stdout


def test_eleven_short_polls_are_refused_with_the_reason(desk: Desk) -> None:
    entry = "[[sources]]\nname='s{0}'\nkind='telegram'\nchannel='@channel_{0}'\nmode='short'\n"
    desk.write("".join(entry.format(count) for count in range(10)))
    desk.run("config", "check")
    desk.write("".join(entry.format(count) for count in range(11)))
    refused = desk.run("config", "check", code=4)
    assert "at most 10" in refused.stdout + refused.stderr


def test_a_proxy_through_which_nothing_goes_is_told(desk: Desk, telegram: World, at: Served) -> None:
    sign_in(telegram, at, desk.directory / "data")
    (desk.directory / "data").chmod(0o700)
    config = (
        (desk.directory / "config.toml").read_text().replace("[telegram]", '[telegram]\nproxy = "socks5://127.0.0.1:1"')
    )
    desk.write(config)
    assert "proxy" in desk.run("run", "--once", code=None).stderr
    assert telegram.journal.calls() == ()


def test_an_mtproxy_carries_everything(desk: Desk, telegram: World, tmp_path: Path) -> None:
    secret = bytes(range(16))
    with run_in_thread(telegram, secret=secret) as proxied:
        telegram.publish("border_post", "Through the proxy.")
        sign_in(telegram, proxied, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        config = (desk.directory / "config.toml").read_text()
        line = f'proxy = "mtproxy://dd{secret.hex()}@{proxied.host}:{proxied.port}"'
        desk.write(config.replace("[telegram]", f"[telegram]\n{line}"))
        assert "2 new" in desk.run("run", "--once").stderr


def test_the_correction_words_of_a_qr_code_are_those_of_the_standard() -> None:
    data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]
    assert correction(data, 10) == [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]


def test_a_qr_code_can_be_read_back() -> None:
    text = "tg://login?token=" + "A" * 43
    modules = matrix(text.encode())
    size = len(modules)
    fixed = {(row, column) for row in range(size) for column in range(size) if _fixed(row, column, size)}
    bits, upwards = [], True
    for right in [*range(size - 1, 6, -2), 5, 3, 1]:
        for row in range(size - 1, -1, -1) if upwards else range(size):
            places = [(row, column) for column in (right, right - 1) if (row, column) not in fixed]
            bits += [modules[down][across] ^ ((down + across) % 2 == 0) for down, across in places]
        upwards = not upwards
    words = [sum(bit << 7 - at for at, bit in enumerate(bits[start : start + 8])) for start in range(0, 8 * 80, 8)]
    number = int.from_bytes(bytes(words), "big")
    length = number >> 8 * 80 - 12 & 0xFF
    assert number >> 8 * 80 - 4 == 0b0100
    assert (number >> 8 * 80 - 12 - 8 * length & (1 << 8 * length) - 1).to_bytes(length, "big") == text.encode()
    assert len(drawn(text).splitlines()) == (size + 8 + 1) // 2


def _fixed(row: int, column: int, size: int) -> bool:
    corner = (row < 9 and column < 9) or (row < 9 and column >= size - 8) or (row >= size - 8 and column < 9)
    aligned = size > 21 and abs(row - size + 7) <= 2 and abs(column - size + 7) <= 2
    return corner or aligned or row == 6 or column == 6
