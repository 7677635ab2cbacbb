"""`communique serve`: the reading room, pages of the archive for a browser."""

import asyncio
from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import Session, say, write_line
from bot.errors import CommuniqueError, UserError

if TYPE_CHECKING:
    from bot.web.room import ReadingRoom

DEFAULT = "127.0.0.1:8765"
INSTALL = "pip install 'communique[web]'"
_PACKAGES = ("starlette", "uvicorn", "jinja2", "python_multipart", "argon2")


@click.command("serve")
@click.option("--listen", "address", default=DEFAULT, show_default=True, metavar="HOST:PORT", help="Where to answer.")
@click.pass_obj
def command(session: Session, address: str) -> None:
    """Serve the reading room: pages of the archive for a browser, until Ctrl-C or SIGTERM.

    It is a process of its own, beside the daemon or without it, and only reads the archive.
    """
    if not is_installed():
        raise CommuniqueError(f"the reading room needs packages that are not installed: {INSTALL}")
    host, port = _parse_address(address)
    raise SystemExit(asyncio.run(_serve(session, host, port)))


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


async def _serve(session: Session, host: str, port: int) -> int:
    from bot.web.app import make_app
    from bot.web.security import LOOPBACK
    from bot.web.server import answer_requests, listen

    if host not in LOOPBACK:
        raise UserError(f"--listen: {host} is not this machine alone: only {', '.join(sorted(LOOPBACK))} are served")
    room = _open_room(session)
    with listen(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        write_line(session, f"http://{shown}:{listening.getsockname()[1]}/")
        session.out.flush()
        try:
            return await answer_requests(make_app(room), listening)
        finally:
            await room.reading.aclose()


def _open_room(session: Session) -> "ReadingRoom":
    from getpass import getuser

    from bot.config import paths
    from bot.web.reading import ReadingThreads
    from bot.web.room import ReadingRoom
    from bot.web.security import LOOPBACK
    from bot.web.viewer import Viewer
    from storage.archive.database import Archive

    config = session.config()
    path = paths.database_in(config.data_dir)
    if not path.exists():
        say(session, f"nothing collected yet in {config.data_dir}: the pages say so until `communique run` collects")
    return ReadingRoom(
        reading=ReadingThreads(Archive(path)),
        config=config,
        clock=session.clock,
        terms=session.terms,
        hosts=LOOPBACK,
        owner=Viewer(getuser(), "owner"),
    )
