"""Signing in as a user meets it: the program, its stdin, its exit codes, its one private file."""

import base64
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import rsa

from bot.cli.terminal.qr import build_matrix, compute_correction, draw_qr
from tests.desk import Desk
from tests.telegram.in_process import PHONE, sign_in
from tests.telegram_world import Fault, Served, World, run_in_thread
from tests.telegram_world.handshake import PUBLIC_KEY_FILE

Waits = Callable[[Callable[[], object], str], None]

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
def desk(tmp_path: Path, telegram: World, at: Served) -> Iterator[Desk]:
    telegram.accounts.open(OPEN, code="54321")
    (tmp_path / "hash").write_text("0123456789abcdef")
    (tmp_path / "hash").chmod(0o600)
    with Desk(tmp_path) as made:
        made.write(CONFIG.format(host=at.host, port=at.port, dc=at.dc, key=at.public_key_file))
        yield made


def session_file(desk: Desk) -> Path:
    return desk.directory / "data" / "state" / "telegram.session"


def test_code_and_password_are_read_one_a_line(desk: Desk) -> None:
    done = desk.run("login", "--phone", PHONE, stdin="12345\ncorrect horse\n")
    assert "signed in" in done.stdout
    assert "separate, aged account" in done.stderr
    assert stat.S_IMODE(session_file(desk).stat().st_mode) == 0o600
    assert stat.S_IMODE(session_file(desk).parent.stat().st_mode) == 0o700
    assert "correct horse" not in session_file(desk).read_text()
    assert desk.run("login", "--status").returncode == 0


def test_of_a_number_only_the_digits_count(desk: Desk, telegram: World) -> None:
    telegram.manners.strict_phone = True
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    [asked] = [call.request for call in telegram.journal.calls("auth.sendCode")]
    assert asked.phone_number == "959000000002"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Fault("auth.sendCode", error=(420, "FLOOD_WAIT_7200")),
            "Telegram limits the rate of signing in (auth.sendCode): try again ",
        ),
        (Fault("auth.sendCode", error=(400, "PHONE_NUMBER_BANNED")), "Telegram has banned this number"),
        (Fault("auth.sendCode", error=(406, "PHONE_NUMBER_INVALID")), "Telegram does not know this number"),
        (
            Fault("auth.sendCode", error=(400, "PHONE_NUMBER_FLOOD")),
            "too many codes were requested for this number: try tomorrow",
        ),
        (Fault("auth.sendCode", error=(400, "API_ID_INVALID")), "Telegram does not know this api_id and api_hash"),
        (Fault("auth.sendCode", error=(406, "UPDATE_APP_TO_LOGIN")), "Telegram rejects this version"),
        (Fault("auth.sendCode", error=(500, "NOT_IMPLEMENTED")), "does not offer signing in (auth.sendCode)"),
        (
            Fault("auth.sendCode", error=(400, "SOMETHING_NEW")),
            "Telegram refused signing in (auth.sendCode): SOMETHING_NEW",
        ),
        (Fault("auth.sendCode", unknown=True), "upgrade communique"),
        (Fault("auth.sendCode", cut="reset"), "the connection to Telegram broke: "),
        (Fault("auth.sendCode", cut="close"), "the connection to Telegram broke: "),
        (Fault("auth.signIn", error=(400, "PHONE_CODE_EXPIRED")), "the code has expired: start again"),
        (Fault("auth.signIn", error=(400, "PHONE_NUMBER_UNOCCUPIED")), "there is no account with this number"),
        (Fault("auth.checkPassword", error=(420, "FLOOD_WAIT_60")), "try again after"),
        (Fault("account.getPassword", error=(500, "NOT_IMPLEMENTED")), "not offer signing in (account.getPassword)"),
        (Fault("auth.checkPassword", error=(400, "PASSWORD_HASH_INVALID")), "the password is wrong"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
def test_whatever_telegram_refuses_is_one_sentence_and_5(desk: Desk, telegram: World, fault: Fault, said: str) -> None:
    telegram.faults.suffer(replace(fault, times=None))
    done = desk.run("login", "--phone", PHONE, stdin="12345\ncorrect horse\n", code=5)
    sentence = done.stderr.strip().splitlines()[-1]
    assert said in sentence
    assert "Traceback" not in done.stderr
    assert "communique failed" not in done.stderr
    assert not session_file(desk).exists()


@pytest.mark.parametrize(
    ("phone", "given", "said"),
    [
        (PHONE, "99999\n", "code is wrong"),
        (PHONE, "12345\nwrong\n", "password is wrong"),
        (PHONE, "", "was not given"),
        (PHONE, "12345\n", "the second password of the account was not given"),
        ("+95 9 999 999 999", "12345\n", "create one in a Telegram application first"),
        ("+95", "12345\n", "Telegram does not know this number"),
        ("nine", "12345\n", "Telegram does not know this number"),
    ],
)
def test_what_is_wrong_ends_with_5_and_leaves_no_session(desk: Desk, phone: str, given: str, said: str) -> None:
    done = desk.run("login", "--phone", phone, stdin=given, code=5)
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not session_file(desk).exists()
    assert desk.run("login", "--status", code=5).stdout.startswith("not signed in")


def test_a_qr_code_signs_in_once_it_is_scanned(desk: Desk, telegram: World, waits: Waits) -> None:
    daemon = desk.start("login", "--qr")
    waits(lambda: "tg://login?token=" in desk.said(), "the code")
    found = re.search(r"tg://login\?token=([A-Za-z0-9_-]+)", desk.said())
    assert found
    telegram.accounts.accept_login_token(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)), OPEN)
    assert daemon.wait(60) == 0, desk.said()
    assert session_file(desk).exists()
    assert "█" in desk.said()


def test_a_running_daemon_takes_a_new_session_up_and_lets_go_at_logout(
    desk: Desk, telegram: World, waits: Waits
) -> None:
    desk.start("run")
    waits(lambda: "not signed in" in desk.said(), "the daemon to miss the session")
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    waits(lambda: "telegram: connected" in desk.said(), "the daemon to take it up")
    refused = desk.run("login", "--phone", PHONE, stdin="12345\n", code=75)
    assert "--logout" in refused.stderr
    for name in ("list", "check post"):
        desk.run("sources", *name.split())
    desk.run("login", "--logout")
    assert not session_file(desk).exists()
    desk.run("login", "--status", code=5)
    desk.stop()
    assert telegram.journal.count("auth.logOut") == 1


def shown_keys(telegram: World) -> int:
    """How many calls and connections the world has seen."""
    return len(telegram.journal.calls())


@pytest.mark.parametrize("how", ["SESSION_REVOKED", "AUTH_KEY_UNREGISTERED"])
def test_the_state_of_a_sign_in_is_asked_for_and_an_ended_key_is_never_shown_again(
    desk: Desk, telegram: World, how: str
) -> None:
    sign_in_by(desk)
    assert "state: connected" in desk.run("login", "--status").stdout
    telegram.accounts.end_sessions(OPEN, how, told=False)
    before = shown_keys(telegram)
    first = desk.run("login", "--status", code=5).stdout
    asked = shown_keys(telegram)
    assert asked > before
    assert "communique login" in first
    assert desk.run("login", "--status", code=5).stdout == first
    desk.run("run", "--once", code=5)
    session_file(desk).touch()
    desk.run("run", "--once", code=5)  # one of the source's second looks, at an account that is known to have ended
    assert shown_keys(telegram) == asked
    sign_in_by(desk)
    assert "state: connected" in desk.run("login", "--status").stdout
    assert telegram.journal.count("auth.logOut") == 0, "the ended key was shown again"


def sign_in_by(desk: Desk) -> str:
    return desk.run("login", "--phone", OPEN, stdin="54321\n").stderr


def test_where_nobody_can_be_asked_the_state_is_unknown_and_the_exit_code_is_1(desk: Desk) -> None:
    sign_in_by(desk)
    config = desk.directory / "config.toml"
    config.write_text(re.sub(r'server = ".*"', 'server = "127.0.0.1:1"', config.read_text()))
    done = desk.run("login", "--status", code=1)
    assert "state: unknown" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_running_daemon_is_asked_for_the_state(desk: Desk, telegram: World, waits: Waits) -> None:
    sign_in_by(desk)
    desk.start("run")
    waits(lambda: "telegram: connected" in desk.said(), "the connection")
    asked = telegram.journal.count("users.getUsers")
    assert "state: connected" in desk.run("login", "--status").stdout
    assert telegram.journal.count("users.getUsers") > asked
    desk.stop()


def test_signing_in_again_ends_the_session_before(desk: Desk, telegram: World) -> None:
    sign_in_by(desk)
    first = json.loads(session_file(desk).read_text())["key"]
    assert "has ended at Telegram" in sign_in_by(desk)
    assert telegram.journal.count("auth.logOut") == 1
    assert json.loads(session_file(desk).read_text())["key"] != first
    assert "state: connected" in desk.run("login", "--status").stdout
    telegram.faults.suffer(Fault("auth.logOut", error=(500, "INTERNAL"), times=None))
    assert "end it in Telegram: Settings, Devices" in sign_in_by(desk)


@pytest.mark.parametrize("fault", [{"error": (400, "METHOD_INVALID")}, {"error": (500, "INTERNAL")}, {"unknown": True}])
def test_a_server_that_tells_nothing_of_itself_lets_in_all_the_same(
    desk: Desk, telegram: World, fault: dict[str, Any]
) -> None:
    telegram.faults.suffer(Fault("help.getConfig", times=None, **fault))
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    assert "1 new" in desk.run("run", "--once").stderr


def test_after_a_revoked_session_another_sign_in_lets_the_running_daemon_go_on(
    desk: Desk, telegram: World, waits: Waits
) -> None:
    telegram.manners.hash_of_session = True
    desk.run("login", "--phone", PHONE, stdin="12345\ncorrect horse\n")
    desk.start("run")
    waits(lambda: "telegram: connected" in desk.said(), "the connection")
    waits(lambda: stored(desk, 1), "first contact")
    telegram.accounts.end_sessions(PHONE)
    waits(lambda: "telegram: session revoked" in desk.said(), "the end of the session")
    told = desk.run("login", "--status", code=5)
    assert "session revoked" in told.stdout
    assert "communique login" in told.stdout
    missed = telegram.publish("border_post", "Said meanwhile.")
    desk.run("login", "--phone", PHONE, stdin="12345\ncorrect horse\n")
    waits(lambda: stored(desk, missed), "what was said meanwhile")
    desk.run("login", "--status")
    desk.stop()
    assert desk.said().count("telegram: connected") == 2


def stored(desk: Desk, number: int) -> bool:
    if not desk.database.exists():
        return False
    with desk.archive as archive, archive.reading() as reader:
        return bool(list(reader.execute("SELECT 1 FROM posts WHERE number = :number", {"number": number})))


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


# At a terminal --------------------------------------------------------------------------------------------------------


class Terminal:
    """The program at a terminal of 80 columns; `shown` is what stands on it."""

    def __init__(self, desk: Desk, *words: str, **extra: str) -> None:
        ours, its = pty.openpty()
        self._ours = ours
        self._shown = bytearray()
        environment = desk.environment() | {"TERM": "xterm-256color", "COLUMNS": "80"} | extra
        self.program = subprocess.Popen(
            desk.command(*words), cwd=desk.directory, stdin=its, stdout=its, stderr=its, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(its)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        with suppress(OSError):  # the terminal is closed with the program
            while piece := os.read(self._ours, 4096):
                self._shown += piece

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def left(self) -> int:
        code = self.program.wait(60)
        self._reading.join(60)
        os.close(self._ours)
        return code


@contextmanager
def terminal(desk: Desk, *words: str, **extra: str) -> Iterator[Terminal]:
    opened = Terminal(desk, *words, **extra)
    try:
        yield opened
    finally:
        if opened.program.poll() is None:
            opened.program.kill()
            opened.left()


def test_at_a_terminal_the_code_and_the_password_may_be_tried_again_and_the_password_is_not_shown(
    desk: Desk, waits: Waits
) -> None:
    with terminal(desk, "login") as at:
        waits(lambda: "Phone number" in at.shown, "the first question")
        at.type(f"{PHONE}\n")
        waits(lambda: at.shown.count("Please type the code") == 1, "the code to be asked for")
        at.type("99999\n")
        waits(lambda: at.shown.count("Please type the code") == 2, "it to be asked for again")
        at.type("12345\n")
        waits(lambda: at.shown.count("Please type the second password") == 1, "the password to be asked for")
        at.type("wrong horse\n")
        waits(lambda: at.shown.count("Please type the second password") == 2, "it to be asked for again")
        at.type("correct horse\n")
        assert at.left() == 0
    assert "the code is wrong" in at.shown
    assert "the password is wrong" in at.shown
    assert "horse" not in at.shown
    assert "signed in as" in at.shown
    assert max(len(line) for line in at.shown.splitlines() if "telegram.session" not in line) <= 80


@pytest.mark.parametrize("asked", ["Please type the code", "Please type the second password", "tg://login?token="])
def test_ctrl_c_ends_the_sign_in_at_once_with_130(desk: Desk, waits: Waits, asked: str) -> None:
    with terminal(desk, "login", *(["--qr"] if "tg:" in asked else ["--phone", PHONE])) as at:
        if "password" in asked:
            waits(lambda: "Please type the code" in at.shown, "the code to be asked for")
            at.type("12345\n")
        waits(lambda: asked in at.shown, "the question")
        os.killpg(at.program.pid, signal.SIGINT)
        assert at.left() == 130
    assert "Traceback" not in at.shown
    assert not session_file(desk).exists()


@pytest.mark.parametrize(
    ("extra", "first"),
    [
        ({"LC_ALL": "C.UTF-8"}, "\x1b[97;40m█████"),
        ({"LC_ALL": "C"}, "\x1b[107m  "),
        ({"LC_ALL": "C", "TERM": "dumb"}, "(This terminal can show no QR code"),
    ],
)
def test_a_qr_code_is_drawn_as_the_terminal_can_show_it(
    desk: Desk, waits: Waits, extra: dict[str, str], first: str
) -> None:
    with terminal(desk, "login", "--qr", **extra) as at:
        waits(lambda: "tg://login?token=" in at.shown, "the code")
        assert first in at.shown
        drawn_lines = re.sub(r"\x1b\[[0-9;]*m", "", at.shown).splitlines()
        assert max(len(line) for line in drawn_lines) <= 80


# The server that the config names ------------------------------------------------------------------------------------


@contextmanager
def a_web_server() -> Iterator[str]:
    """Answers what is no request of its own as those do, and hangs up."""

    def answer() -> None:
        with suppress(OSError):
            while True:
                came = listens.accept()[0]
                came.recv(4096)
                came.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>No.</html>")
                came.close()

    with socket.create_server(("127.0.0.1", 0)) as listens:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listens.getsockname()[1]}"
        listens.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def nobody() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as was:
        port = was.getsockname()[1]
    yield f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (nobody, "cannot be reached: connection refused"),
        (a_web_server, "the server closed the connection at once"),
    ],
)
def test_a_server_that_is_none_is_told_in_one_sentence_by_login_and_by_run(
    desk: Desk, telegram: World, at: Served, server: Callable[[], Iterator[str]], said: str, waits: Waits
) -> None:
    config = (desk.directory / "config.toml").read_text()
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    with server() as address:  # type: ignore[attr-defined]  # a context manager
        desk.write(config.replace(f"{at.host}:{at.port}", address))
        session = session_file(desk).read_bytes()
        session_file(desk).unlink()
        refused = desk.run("login", "--phone", OPEN, stdin="54321\n", code=5)
        assert any(part in refused.stderr.strip().splitlines()[-1] for part in said.split("|"))
        session_file(desk).write_bytes(session)
        session_file(desk).chmod(0o600)
        desk.start("run")
        waits(lambda: "telegram: unreachable" in desk.said(), "the state")
        assert "unreachable" in desk.run("sources", "list").stdout
        desk.stop()
    assert "Traceback" not in refused.stderr + desk.said()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("localhost", "pkcs1"),
        ("127.0.0.1", "mark"),
        *(
            pytest.param(name, form, marks=pytest.mark.long)
            for name, form in product(("localhost", "127.0.0.1"), ("pkcs1", "spki", "crlf", "mark"))
            if (name, form) not in {("localhost", "pkcs1"), ("127.0.0.1", "mark")}
        ),
    ],
)
def test_a_server_by_name_and_its_key_in_every_form(desk: Desk, at: Served, name: str, form: str) -> None:
    pem = PUBLIC_KEY_FILE.read_bytes()
    forms = {"pkcs1": pem, "spki": _as_spki(pem), "crlf": pem.replace(b"\n", b"\r\n"), "mark": b"\xef\xbb\xbf" + pem}
    (desk.directory / "key.pem").write_bytes(forms[form])
    config = (desk.directory / "config.toml").read_text()
    config = config.replace(str(PUBLIC_KEY_FILE), "key.pem").replace(f"{at.host}:", f"{name}:")
    desk.write(config)
    desk.run("login", "--phone", OPEN, stdin="54321\n")
    desk.run("run", "--once")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_a_server_by_its_ipv6_address(desk: Desk, telegram: World, at: Served) -> None:
    with run_in_thread(telegram, host="::1") as served:
        config = (desk.directory / "config.toml").read_text()
        desk.write(config.replace(f"{at.host}:{at.port}", f"[::1]:{served.port}"))
        desk.run("login", "--phone", OPEN, stdin="54321\n")
        assert "1 new" in desk.run("run", "--once").stderr


def _as_spki(pem: bytes) -> bytes:
    """The same key as X.509 writes it: an algorithm (rsaEncryption) and the PKCS#1 key as a bit string."""
    inner = rsa.PublicKey.load_pkcs1(pem).save_pkcs1("DER")
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    bits = b"\x03" + _length(len(inner) + 1) + b"\x00" + inner
    whole = b"\x30" + _length(len(algorithm) + len(bits)) + algorithm + bits
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(whole) + b"-----END PUBLIC KEY-----\n"


def _length(count: int) -> bytes:
    return b"\x82" + count.to_bytes(2, "big")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "No such file or directory"),
        (b"", "holds no RSA public key"),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "a private key, which is the server",
        ),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no RSA public key"),
        ("another", "the server does not have the key of [telegram] public_key_file"),
    ],
    ids=["missing", "empty", "private", "damaged", "another server's"],
)
def test_a_key_file_that_does_not_serve_is_named(desk: Desk, telegram: World, held: object, said: str) -> None:
    if held is not None:
        other = rsa.newkeys(1024)[0].save_pkcs1() if held == "another" else held
        assert isinstance(other, bytes)
        (desk.directory / "key.pem").write_bytes(other)
    desk.write((desk.directory / "config.toml").read_text().replace(str(PUBLIC_KEY_FILE), "key.pem"))
    refused = desk.run("login", "--phone", OPEN, stdin="54321\n", code=5)
    assert said in refused.stderr.strip().splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert telegram.journal.calls() == ()


def test_the_correction_words_of_a_qr_code_are_those_of_the_standard() -> None:
    data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]
    assert compute_correction(data, 10) == [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]


def test_a_qr_code_can_be_read_back() -> None:
    text = "tg://login?token=" + "A" * 43
    modules = build_matrix(text.encode())
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
    assert len(draw_qr(text).splitlines()) == (size + 8 + 1) // 2


def _fixed(row: int, column: int, size: int) -> bool:
    corner = (row < 9 and column < 9) or (row < 9 and column >= size - 8) or (row >= size - 8 and column < 9)
    aligned = size > 21 and abs(row - size + 7) <= 2 and abs(column - size + 7) <= 2
    return corner or aligned or row == 6 or column == 6
