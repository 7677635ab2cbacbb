"""`communique serve`: the reading room, pages of the archive for a browser."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from bot.cli.terminal.output import Session, say, write_line
from bot.config import paths
from bot.daemon.systemd import Systemd
from bot.errors import CommuniqueError, UserError
from storage.people.database import PeopleFile

if TYPE_CHECKING:
    from bot.config import Config
    from bot.web.access.door import Door
    from bot.web.room import ReadingRoom
    from storage.archive.database import Archive

_CLOSING_S = 5
_NOTE = "serve.address"
DEFAULT = "127.0.0.1:8765"
EXTRA = "communique[web]"
INSTALL = f"pip install '{EXTRA}'"
_PACKAGES = ("starlette", "uvicorn", "jinja2", "python_multipart", "argon2")


@click.command("serve")
@click.option("--listen", "address", metavar="HOST:PORT", help="Where to answer; by default 127.0.0.1:8765, or [web].")
@click.option("--link", is_flag=True, help="Print a new one-time address of the running reading room, and exit.")
@click.pass_obj
def command(session: Session, address: str | None, link: bool) -> None:
    """Serve the reading room: pages of the archive for a browser, until Ctrl-C or SIGTERM.

    It is a process of its own, beside the daemon or without it, and only reads the archive. The address that it prints
    signs you in, once; `communique serve --link` prints another one. To let others in, see docs/access.md.
    """
    if not is_installed():
        raise CommuniqueError(f"the reading room needs packages that are not installed: {INSTALL}")
    if link:
        _print_link(session, address)
        return
    raise SystemExit(asyncio.run(_serve(session, session.config(), address)))


def is_installed() -> bool:
    """Whether the packages of the extra [web] are here."""
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in _PACKAGES)


def _parse_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UserError(f"--listen: expected HOST:PORT such as {DEFAULT}, got {address!r}")
    return host, int(port)


async def _serve(session: Session, config: "Config", address: str | None) -> int:
    from bot.web.app import make_app
    from bot.web.layout import compile_usual
    from bot.web.server import answer_requests, listen, read_certificate

    host, port = _parse_address(config.web.listen if address is None else address)
    archive = session.archive()
    with PeopleFile(paths.people_in(config.data_dir)) as people:
        _refuse_open_door(config, host, people)
        tls = read_certificate(*config.web.files) if config.web.files else None
        with listen(host, port) as listening:
            port = listening.getsockname()[1]
            room = _open_room(session, config, archive, _make_door(config, host, port), people)
            assert room.gate is not None
            shown = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
            write_line(session, _invite(session, people, shown) if room.gate.door.local else f"{shown}/")
            session.out.flush()
            Systemd(session.environment.notify_socket).ready(f"answers on {shown}")
            try:
                with _noted(config.data_dir, shown):
                    asyncio.get_running_loop().run_in_executor(None, compile_usual)
                    door = room.gate.door
                    code = await answer_requests(make_app(room), listening, room.pulse.stop, door.name_of, tls)
            finally:
                await _close(session, room)
            return code


async def _close(session: Session, room: "ReadingRoom") -> None:
    """Wait for what is still being read, but not for long: nobody is there for the answer, and nothing is written."""
    assert room.gate is not None
    try:
        async with asyncio.timeout(_CLOSING_S):
            await room.reading.aclose()
            await room.gate.aclose()
    except TimeoutError:
        session.out.flush()
        os._exit(1)  # threads cannot be ended, and the interpreter would wait for them


def _refuse_open_door(config: "Config", host: str, people: PeopleFile) -> None:
    """Raises UserError where strangers could read, or passwords could be read on their way."""
    from bot.web.access.door import is_loopback

    web = config.web
    if is_loopback(host) and not web.behind_proxy:
        return
    missing = []
    if not (is_loopback(host) or web.files or web.behind_proxy):
        missing.append(
            "write `certificate` and `key_file` to [web] of the config, or `behind_proxy = true` if a proxy in "
            "front of it speaks TLS"
        )
    if not _has_people(people):
        missing.append("let somebody in: `communique people add NAME --role owner`")
    if missing:
        raise UserError(f"others can reach {host}, so this is needed first: {'; and '.join(missing)}")


def _has_people(people: PeopleFile) -> bool:
    from storage.people.persons import list_people

    if not people.is_there():
        return False
    with people.reading() as reader:
        return bool(list_people(reader))


def _make_door(config: "Config", host: str, port: int) -> "Door":
    from ipaddress import ip_network

    from bot.web.access.door import Door, is_loopback

    web = config.web
    return Door(
        port,
        local=is_loopback(host) and not web.behind_proxy,
        secure=bool(web.files) or web.behind_proxy,
        behind_proxy=web.behind_proxy,
        trusted=tuple(map(ip_network, web.trusted_proxy)),
        user_header=web.user_header,
    )


def _open_room(
    session: Session, config: "Config", archive: "Archive", door: "Door", people: PeopleFile
) -> "ReadingRoom":
    from bot.web.access.gate import Gate
    from bot.web.reading import ReadingThreads
    from bot.web.room import ReadingRoom
    from bot.web.security import LOOPBACK
    from bot.web.viewer import NOBODY

    reading = ReadingThreads(archive)
    named = frozenset(config.web.hosts)
    return ReadingRoom(
        reading=reading,
        config=config,
        clock=session.clock,
        terms=session.terms,
        hosts=LOOPBACK | named if door.local or named else None,
        owner=NOBODY,
        gate=Gate(people, reading, session.clock, door),
    )


def _invite(session: Session, people: PeopleFile, shown: str) -> str:
    """A new one-time address, and the directory of data for it."""
    from getpass import getuser

    from storage.people.sessions import make_one_time

    if said := paths.prepare(people.path.parent):
        say(session, said)
    with people.writing() as writer:
        return f"{shown}/enter/{make_one_time(writer, getuser(), session.clock.now())}"


@contextmanager
def _noted(data_dir: Path, shown: str) -> Iterator[None]:
    """While it answers, the address is in a file, for `--link`."""
    path = data_dir / _NOTE
    with suppress(OSError):
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{shown}\n")
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text() == f"{shown}\n":
                path.unlink()


def _print_link(session: Session, address: str | None) -> None:
    from bot.web.access.door import is_loopback

    config = session.config()
    session.archive(says=False)
    try:
        shown = (config.data_dir / _NOTE).read_text().strip()
    except OSError:
        shown = ""
    if address is not None or not shown:
        host, port = _parse_address(config.web.listen if address is None else address)
        shown = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if address is None:
            say(session, "no reading room runs here: the address works once `communique serve` does")
    if config.web.behind_proxy or not is_loopback(urlsplit(shown).hostname or ""):
        raise UserError("one-time addresses are for this machine alone: `communique people add NAME` lets people in")
    with PeopleFile(paths.people_in(config.data_dir)) as people:
        write_line(session, _invite(session, people, shown))
