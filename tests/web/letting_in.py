"""A reading room that asks who comes: with people, at a time that a test sets."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from starlette.testclient import TestClient

from bot.clock import Clock
from bot.web.access.door import Door
from bot.web.access.gate import Gate
from bot.web.app import make_app
from bot.web.room import ReadingRoom
from bot.web.viewer import NOBODY
from storage.people import persons, sessions, tokens
from storage.people.database import PeopleFile
from storage.people.passwords import hash_password
from storage.people.persons import Role
from storage.people.tokens import Scope
from tests.web.archive import END, Seeded
from tests.web.serving import opened

PASSWORD = "a long enough password"
HASH = hash_password(PASSWORD)
LOCAL = Door(8765, local=True, secure=False)
SECRETS = re.compile(r'name="form" value="(\w+)"')


@dataclass
class Guarded:
    """The reading room, its people, and what time it is there (microseconds UTC)."""

    room: ReadingRoom
    people: PeopleFile
    times: list[int] = field(default_factory=lambda: [END])

    @property
    def now(self) -> int:
        return self.times[-1]

    def add(self, name: str, role: Role, *may_read: str, password: str | None = HASH) -> int:
        with self.people.writing() as writer:
            made = persons.add_person(writer, name, role, may_read or None, password, self.now)
        assert made is not None
        return made.id

    def token(self, person_id: int, scope: Scope, ends_at: int | None = None) -> str:
        with self.people.writing() as writer:
            return tokens.add_token(writer, scope, person_id, scope, self.now, ends_at)[1]

    def session(self, person_id: int | None) -> str:
        with self.people.writing() as writer:
            return sessions.begin_session(writer, self.now, person_id=person_id, name="me")

    def invitation(self) -> str:
        with self.people.writing() as writer:
            return f"/enter/{sessions.make_one_time(writer, 'me', self.now)}"

    @contextmanager
    def browser(self, *, peer: str = "127.0.0.1", base_url: str = "http://127.0.0.1:8765") -> Iterator[TestClient]:
        with TestClient(
            make_app(self.room), base_url=base_url, follow_redirects=False, client=(peer, 50_000)
        ) as client:
            yield client

    @contextmanager
    def signed_in(self, person_id: int | None) -> Iterator[TestClient]:
        """A browser with a session."""
        with self.browser() as browser:
            gate = self.room.gate
            assert gate is not None
            browser.cookies.set(f"{gate.door.cookie}-session", self.session(person_id), domain="127.0.0.1", path="/")
            yield browser


@contextmanager
def guarded(
    seeded: Seeded, directory: Path, door: Door = LOCAL, hosts: frozenset[str] | None = None
) -> Iterator[Guarded]:
    """The reading room of an archive with people of its own."""
    with PeopleFile(directory / "people.db") as people, opened(seeded, NOBODY) as plain:
        times = [END]
        clock = Clock(now=lambda: times[-1])
        gate = Gate(people, plain.reading, clock, door)
        room = replace(plain, clock=clock, gate=gate, hosts=hosts or plain.hosts)
        try:
            yield Guarded(room, people, times)
        finally:
            with ThreadPoolExecutor(1) as aside:  # see tests.web.serving
                aside.submit(asyncio.run, gate.aclose()).result()


def form_in(page: str) -> str:
    """What the first form of a page shows."""
    found = SECRETS.search(page)
    assert found, page
    return found[1]
