"""`communique login`: sign in to Telegram by code or QR code, show the state of the sign-in, sign out."""

import asyncio
import locale
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.daemon import ask_daemon
from bot.cli.terminal.output import Session, say, write_line
from bot.errors import AlreadyRunning, ConfigError, Later, Never, Problem, UserError
from bot.foreign.text import one_line
from storage.frozen import dataclass
from storage.state_names import CONNECTED, WRONG_SERVER_KEY

if TYPE_CHECKING:
    from bot.cli.terminal.qr import Look
    from bot.config import Config
    from bot.config.model import TelegramConfig
    from bot.telegram.session import SessionKey

_RISKS = """\
Reading through an account is more than reading public pages. It has a price:
  - Telegram bans accounts that look like machines, new and virtual numbers
    first. Use a separate, aged account with a real number, never your own and
    never a source's.
  - The session file is the account: whoever has it reads and writes as you.
    It stays on this host (mode 0600, in the state directory). Never copy it:
    a session that is used from two places is ended for good.
  - Telegram knows what the account reads. Channels do not: reading leaves no
    trace that they see. Joining does (the number of members; in small
    channels administrators see who).
  - Your phone number, code and password are used once and stored nowhere; no
    post, rule or alert leaves through the account."""


@click.command("login")
@click.option("--phone", metavar="NUMBER", help="Phone number with country code; you are asked for the login code.")
@click.option("--qr", is_flag=True, help="Show a QR code to scan in Telegram: Settings, Devices, Link Desktop Device.")
@click.option(
    "--status",
    is_flag=True,
    help="Ask Telegram whether it works: exit 5 if not, 1 if Telegram could not be reached.",
)
@click.option("--account", "name", metavar="NAME", help="Which of [[telegram.accounts]]; without it: the only one.")
@click.option("--logout", is_flag=True, help="End the session at Telegram and remove its file.")
@click.pass_obj
def command(session: Session, phone: str | None, qr: bool, status: bool, logout: bool, name: str | None) -> None:
    """Sign in to Telegram once: phone and code (and password), or a QR code.

    Without a terminal `login --phone NUMBER` reads the code and then the password from stdin, one per line.
    Exit code 0 if it worked, 5 if not.
    """
    if sum((phone is not None, qr, status, logout)) > 1:
        raise click.UsageError("choose one of --phone, --qr, --status, --logout")
    config = session.config()
    if status and name is None:
        names = list(config.telegram.each())
        raise SystemExit(max(_print_status(session, _choose(config, one)) for one in names))
    account = _choose(config, name)
    if status:
        raise SystemExit(_print_status(session, account))
    _expect_credentials(account)
    if logout:
        _log_out(session, account)
        return
    say(session, _RISKS)
    if phone is None and not qr:
        if not _on_terminal():
            raise click.UsageError("without a terminal: --phone NUMBER, with the code on stdin")
        answer = click.prompt("Phone number (or Enter for a QR code)", default="", show_default=False, err=True)
        phone = answer.strip() or None
    asyncio.run(_sign_in(session, account, phone))


@dataclass(frozen=True, slots=True)
class _Account:
    """One account of the config, and where its session is."""

    name: str
    telegram: "TelegramConfig"
    data_dir: Path
    place: str

    @property
    def path(self) -> Path:
        from bot.telegram import session as sessions

        return sessions.session_in(self.data_dir, self.name)

    @property
    def option(self) -> str:
        """What follows `communique login` in a sentence about this account."""
        return f" --account {self.name}" if self.name else ""


def _choose(config: "Config", name: str | None) -> _Account:
    """The account that is meant. Raises UsageError where there are several and none is named, or another one."""
    known = config.telegram.each()
    if name is None and len(known) > 1:
        raise click.UsageError(f"which account? --account {' or --account '.join(known)}")
    chosen = next(iter(known)) if name is None else name
    if chosen not in known:
        there = (
            f"[[telegram.accounts]] has {', '.join(known)}" if "" not in known else "there is no [[telegram.accounts]]"
        )
        raise click.UsageError(f"no account {chosen!r}: {there}")
    return _Account(chosen, known[chosen], config.data_dir, str(config.path or "config.toml"))


def _expect_credentials(account: _Account) -> None:
    """Raises ConfigError without api_id and api_hash_file."""
    if not account.telegram.can_sign_in:
        words = "api_id and api_hash_file are needed to sign in; get yours at https://my.telegram.org"
        raise ConfigError((Problem("telegram", words, path=account.place),))


async def _sign_in(session: Session, account: _Account, phone: str | None) -> None:
    from bot.cli.terminal.qr import draw_qr
    from bot.config import paths
    from bot.daemon.telegram import access_of
    from bot.telegram import session as sessions
    from bot.telegram.login import Login, end_session

    tightened = paths.prepare(account.data_dir)
    if tightened:
        say(session, tightened)
    path = account.path

    def show(address: str) -> None:
        say(session, "\nScan this in Telegram: Settings, Devices, Link Desktop Device\n")
        session.err.write(f"{draw_qr(address, _choose_look(session))}\n\n")
        say(session, address)

    try:
        with sessions.SessionLock(path):
            access = access_of(account.telegram)
            async with Login(access, session.clock, Person(session).ask) as login:
                made = await (login.by_code(phone) if phone else login.by_qr(show))
            former = _read_former(path)
            sessions.write(path, made)
            if former is not None and former.key != made.key:
                try:
                    await end_session(access, path, former, session.clock)
                    say(session, "the session that was here before has ended at Telegram")
                except (Later, Never) as problem:
                    say(session, f"the session that was here before could not be ended at Telegram ({problem}): "
                                 "end it in Telegram: Settings, Devices")  # fmt: skip
    except Later as problem:
        raise Never(f"not signed in: {problem}", state=problem.state) from problem
    except AlreadyRunning:
        raise AlreadyRunning(
            "the running daemon is signed in already; to use another account, "
            f"`communique login{account.option} --logout` first"
        ) from None
    write_line(session, f"signed in as {one_line(made.name or made.user)}; the session is in {path}")
    say(session, f"a running daemon uses it by itself; `communique login{account.option} --logout` ends it")


def _read_former(path: Path) -> "SessionKey | None":
    """The session that a sign-in replaces; None for one that this machine may not or cannot use."""
    from bot.telegram import session as sessions

    try:
        return sessions.read(path)
    except UserError:
        return None


class Person:
    """The person at the terminal, or a pipe. Ctrl-C ends the waiting at once: no thread is left reading."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held = b""

    async def ask(self, question: str) -> str | None:
        """Ask; a text that begins with "!" is only printed, and gives None where no person can try again."""
        on_terminal = _on_terminal()
        if question.startswith("!"):
            say(self._session, question[1:])
            return "" if on_terminal else None
        if on_terminal:
            say(self._session, f"Please type {question}:")
        with _hide_input() if on_terminal and question.startswith("the second password") else nullcontext():
            return await self._line()

    async def _line(self) -> str | None:
        """The next line without its line feed; None at the end of the input."""
        while b"\n" not in self._held:
            piece = await _read_piece()
            if not piece:
                break
            self._held += piece
        line, _, self._held = self._held.partition(b"\n")
        return line.decode(errors="replace").strip("\r") or None


async def _read_piece() -> bytes:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(0, ready.set)
    except PermissionError:  # a plain file is always ready
        ready.set()
    except OSError:  # closed
        return b""
    try:
        await ready.wait()
        return os.read(0, 4096)
    except OSError:  # the terminal has gone
        return b""
    finally:
        loop.remove_reader(0)


@contextmanager
def _hide_input() -> Iterator[None]:
    """Do not show what is typed."""
    before = termios.tcgetattr(0)
    silent = termios.tcgetattr(0)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _choose_look(session: Session) -> "Look":
    """Choose how to draw a QR code: not every terminal can show half blocks, or colours."""
    colour = session.err.isatty() and session.environment.term not in (None, "", "dumb")
    letters = locale.getencoding().lower() in ("utf-8", "utf8") or not session.err.isatty()
    return "blocks on black" if letters and colour else "blocks" if letters else "spaces" if colour else "nothing"


def _print_status(session: Session, account: _Account) -> int:
    from bot.telegram import session as sessions

    lead = f"{account.name}: " if account.name else ""
    found = sessions.read(account.path)
    if found is None:
        write_line(session, f"{lead}not signed in: `communique login{account.option}`")
        return 5
    write_line(session, f"{lead}signed in as {one_line(found.name or found.user)}, data centre {found.dc}")
    try:
        state = _ask_state(session, account, found)
    except Never as problem:
        remedy = f"; {problem.remedy}" if problem.remedy else ""
        write_line(session, one_line(f"state: {problem.state}: {problem.reason}{remedy}"))
        return 1 if problem.state == WRONG_SERVER_KEY else 5
    except Later as problem:
        write_line(session, one_line(f"state: unknown, for Telegram could not be asked: {problem}"))
        return 1
    write_line(session, one_line(f"state: {state}"))
    return 0


def _ask_state(session: Session, account: _Account, found: "SessionKey") -> str:
    """Ask Telegram, by the running daemon if it has the session. Raises Later and Never."""
    from bot.daemon.telegram import access_of
    from bot.telegram import session as sessions
    from bot.telegram.login import ask_state

    _expect_credentials(account)
    try:
        with sessions.SessionLock(account.path):
            asyncio.run(ask_state(access_of(account.telegram), account.path, found, session.clock))
    except AlreadyRunning:
        return ask_daemon(session, "status", "", account.name)
    return CONNECTED


def _log_out(session: Session, account: _Account) -> None:
    from bot.daemon.telegram import access_of
    from bot.telegram import session as sessions
    from bot.telegram.login import log_out

    try:
        with sessions.SessionLock(account.path):
            asyncio.run(log_out(access_of(account.telegram), account.path, session.clock))
    except AlreadyRunning:
        ask_daemon(session, "logout", "", account.name)
    write_line(session, "signed out")
