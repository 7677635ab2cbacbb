"""Who sent a request: by a session, a token, a proxy that signs in, or the one-time address of this machine's user."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bot.clock import Clock
from bot.web.access.door import Door
from bot.web.viewer import Viewer, viewer_of
from storage.archive.errors import ArchiveMissing
from storage.frozen import dataclass
from storage.people import attempts, persons, rights, sessions, tokens
from storage.people.passwords import check_password, hash_password
from storage.people.persons import PersonRow

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection

    from bot.web.reading import ReadingThreads
    from storage.people.database import PeopleFile

T = TypeVar("T")

_MOST_WAITING = 20  # passwords that are looked at one after the other; each takes a thirtieth of a second
_NO_ARCHIVE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; `session` is what their browser showed, None where they came by other ways."""

    viewer: Viewer
    session: str | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """What came of a name and a password: a session, or nothing, or how long to wait in microseconds."""

    session: str | None = None
    wait: int = 0


class NotLetIn(Exception):
    """This request is answered with no page; its text is one sentence."""


async def is_still_let_in(request: "HTTPConnection") -> bool:
    """Whether who sent a request is still who they were then, with the same rights: for answers that take long."""
    ask_again: Callable[[], Awaitable[Caller | None]] | None = request.state.ask_again
    try:
        caller = None if ask_again is None else await ask_again()
    except NotLetIn:
        return False
    return ask_again is None or (caller is not None and caller.viewer == viewer_of(request))


class Gate:
    """Lets people and programs in. `door` says how they come."""

    def __init__(self, people: "PeopleFile", reading: "ReadingThreads", clock: Clock, door: Door) -> None:
        self.people = people
        self.door = door
        self._reading = reading
        self._clock = clock
        self._asking = ThreadPoolExecutor(1, "people")
        self._checking = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0

    async def find(self, headers: "Headers", cookie: str | None, peer: str, token: str | None) -> Caller | None:
        """Who sent a request with these headers; None where nobody has signed in. Raises NotLetIn.

        `token` is the one in the address of a feed, `peer` the address from which the request came.
        """
        named = headers.getlist(self.door.user_header)
        if self.door.trusted and named and not self.door.trusts(peer):
            raise NotLetIn(f"Only a proxy says in {self.door.user_header} who somebody is, and this address is none.")
        bearer = token or _bearer(headers.getlist("authorization"))
        if bearer is not None:
            return await self._by_token(bearer)
        if self.door.trusted and named:
            return await self._by_name(named)
        return None if cookie is None else await self._by_session(cookie)

    async def sign_in(self, name: str, password: str, client: str) -> SignIn:
        """A session for a right name and password; takes as long whatever is wrong."""
        if self._waiting >= _MOST_WAITING:
            return SignIn(wait=10_000_000)
        self._waiting += 1
        try:
            return await self._run(self._checking, self._sign_in, name, password, client)
        finally:
            self._waiting -= 1

    def _sign_in(self, name: str, password: str, client: str) -> SignIn:
        now = self._clock.now()
        with self.people.writing() as writer:
            wait = attempts.find_wait(writer, name, client, now)
            person = persons.find_person(writer, name)
        if wait:
            return SignIn(wait=wait)
        right = check_password(None if person is None or person.locked_at else person.password, password)
        with self.people.writing() as writer:
            known = None if person is None else persons.read_person(writer, person.id)
            if not right or known is None or known.locked_at or person is None or known.password != person.password:
                attempts.note_failure(writer, name, client, now)
                return SignIn()
            attempts.note_success(writer, name, client)
            persons.note_seen(writer, known.id, now)
            return SignIn(sessions.begin_session(writer, now, person_id=known.id))

    async def enter(self, secret: str) -> str | None:
        """A session for a one-time address; None where it opens nothing."""
        if not self.door.local:
            return None
        return await self.ask(lambda: self._enter(secret))

    def _enter(self, secret: str) -> str | None:
        with self.people.writing() as writer:
            return sessions.use_one_time(writer, secret, self._clock.now())

    async def sign_out(self, session: str) -> None:
        """End a session."""

        def end() -> None:
            with self.people.writing() as writer:
                sessions.end_session(writer, session)

        await self.ask(end)

    async def has_people(self) -> bool:
        """Whether anybody can sign in with a password."""

        def look() -> bool:
            with self.people.reading() as reader:
                return any(person.password for person in persons.list_people(reader))

        return await self.ask(look) if self.people.is_there() else False

    async def hash(self, password: str) -> str:
        """What is kept of a new password."""
        return await self._run(self._checking, hash_password, password)

    async def ask(self, work: "Callable[[], T]") -> T:
        """Do something with the file of people, in its own thread."""
        return await self._run(self._asking, work)

    async def aclose(self) -> None:
        """Wait for what is being asked, and close the file."""
        for threads in (self._asking, self._checking):
            await asyncio.get_running_loop().run_in_executor(None, partial(threads.shutdown, wait=True))
        self.people.close()

    async def _run(self, threads: ThreadPoolExecutor, work: "Callable[..., T]", *args: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, partial(work, *args))

    async def _by_session(self, secret: str) -> Caller | None:
        def look() -> tuple[sessions.SessionRow, PersonRow | None] | None:
            now = self._clock.now()
            with self.people.reading() as reader:
                found = sessions.find_session(reader, secret, now)
                if found is None:
                    return None
                person = None if found.person_id is None else persons.read_person(reader, found.person_id)
            if found.is_stale(now):
                with self.people.writing() as writer:
                    sessions.touch_session(writer, secret, now)
                    if person is not None:
                        persons.note_seen(writer, person.id, now)
            return found, person

        found = await self.ask(look) if self.people.is_there() else None
        if found is None:
            return None
        session, person = found
        if session.person_id is None:
            return Caller(Viewer(session.name or "", "owner"), secret) if self.door.local else None
        viewer = await self._viewer(person, None)
        return None if viewer is None else Caller(viewer, secret)

    async def _by_token(self, secret: str) -> Caller | None:
        def look() -> tuple[tokens.TokenUse, PersonRow | None] | None:
            now = self._clock.now()
            with self.people.reading() as reader:
                found = tokens.find_token(reader, secret, now)
                person = None if found is None else persons.read_person(reader, found.person_id)
            if found is not None and found.is_stale(now):
                with self.people.writing() as writer:
                    tokens.note_use(writer, found.id, now)
            return None if found is None else (found, person)

        found = await self.ask(look) if self.people.is_there() else None
        viewer = None if found is None else await self._viewer(found[1], found[0].scope)
        return None if viewer is None else Caller(viewer)

    async def _by_name(self, named: list[str]) -> Caller:
        """Whom the proxy names. Raises NotLetIn."""

        def look() -> PersonRow | None:
            with self.people.reading() as reader:
                return persons.find_person(reader, named[0])

        if len(named) != 1:
            raise NotLetIn(f"The proxy has sent {self.door.user_header} more than once.")
        person = await self.ask(look) if self.people.is_there() else None
        viewer = await self._viewer(person, None)
        if viewer is None:
            raise NotLetIn("Whom the proxy names is none of the people here: `communique people add` lets them in.")
        return Caller(viewer)

    async def _viewer(self, person: PersonRow | None, scope: str | None) -> Viewer | None:
        if person is None or person.locked_at is not None:
            return None
        seen: frozenset[int] | None = None
        if person.may_read is not None:
            try:
                seen = await self._reading.read(Viewer("", "owner"), rights.find_sources, person.may_read)
            except ArchiveMissing:
                seen = _NO_ARCHIVE
        return Viewer(person.name, person.role, seen, scope)


def _bearer(headers: list[str]) -> str | None:
    if len(headers) != 1:
        return None
    kind, _, secret = headers[0].partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None
