"""A reading room on a seeded archive: asked in this process, or served on loopback for a browser."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from starlette.testclient import TestClient

from bot.clock import Clock
from bot.config import paths
from bot.web.access.door import Door
from bot.web.app import make_app
from bot.web.connections import MOST, Crowd
from bot.web.reading import ReadingThreads
from bot.web.room import ReadingRoom
from bot.web.security import LOOPBACK
from bot.web.server import Server
from bot.web.viewer import Viewer
from storage.archive.database import Archive
from tests.web.archive import Seeded

OWNER = Viewer("owner", "owner")


@contextmanager
def opened(seeded: Seeded, viewer: Viewer = OWNER) -> Iterator[ReadingRoom]:
    """The reading room of an archive, at the moment at which the archive ends."""
    room = ReadingRoom(
        reading=ReadingThreads(Archive(paths.database_in(seeded.data_dir))),
        config=seeded.config,
        clock=Clock(now=lambda: seeded.now),
        terms=seeded.config.phrases,
        hosts=LOOPBACK,
        owner=viewer,
    )
    try:
        yield room
    finally:
        with ThreadPoolExecutor(1) as aside:  # a driven browser has a loop of its own in this thread
            aside.submit(asyncio.run, room.reading.aclose()).result()


@contextmanager
def asking(room: ReadingRoom) -> Iterator[TestClient]:
    """Ask for pages without a socket; redirects are not followed, and a bug is raised here."""
    with TestClient(make_app(room), base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield client


@contextmanager
def served(room: ReadingRoom, most: int = MOST) -> Iterator[str]:
    """Answer on loopback, in a thread, so many connections; the address, without a slash at its end."""
    server = Server(make_app(room), Crowd(Door(0, local=True, secure=False).name_of, most))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            room.pulse.stop()
            thread.join()
