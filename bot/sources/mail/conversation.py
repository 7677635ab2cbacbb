"""One conversation with a mailbox (IMAP, RFC 3501): login, a folder opened to be read only, letters, and waiting."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http.connections import BadCertificate
from bot.http.masking import strike_secrets
from bot.http.wire import Wire
from bot.sources.mail.answers import (
    Item,
    announced,
    as_bytes,
    as_number,
    encode_folder,
    quote,
    read_fields,
    read_items,
)
from storage.frozen import dataclass
from storage.state_names import NOT_FOUND, SIGN_IN_REQUIRED, UNREADABLE

_LINE = 4 << 20  # the numbers of half a million letters
_MOST_BYTES = 64 << 20  # of one answer
_MOST_ANSWERS = 200_000  # to one command
_FOR_NOW = re.compile(rb"\[(?:UNAVAILABLE|INUSE|SERVERBUG|LIMIT|OVERQUOTA|CONTACTADMIN)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder: numbers of letters mean something only together with `validity`; `next` comes next."""

    validity: int
    next: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a letter before it is read: its number, who sent it, its size, and when it arrived."""

    uid: int
    head: bytes
    size: int
    arrived: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The last line of what a command is answered with."""

    word: bytes
    rest: bytes


class OpenMailbox:
    """One connection. Every failure is Later or Never."""

    def __init__(self, wire: Wire, host: str, secrets: Sequence[str] = ()) -> None:
        self._wire = wire
        self._host = host
        self._secrets = secrets
        self._turn = 0
        self._offers: frozenset[bytes] = frozenset()

    async def open(self, ca_file: Path | None) -> None:
        """Encrypt and hear the greeting."""
        try:
            await self._wire.start_tls(ca_file)
        except BadCertificate as problem:
            remedy = "write the name in the certificate into `server`, or give its authority as `ca_file`"
            raise Never(problem.reason, remedy=remedy) from None
        greeting = await self._wire.read_line(_LINE)
        if greeting[:5].upper() == b"* BYE":
            raise Later(f"{self._host} ends the conversation: {self._words(greeting[5:])}")
        if greeting[:4].upper() != b"* OK":
            raise Later(f"{self._host} does not answer as an IMAP server does", state=UNREADABLE)

    async def log_in(self, user: str, password: str, remedy: str) -> None:
        """Raises Never where the server refuses the login for good."""
        await self._learn_offers()
        if b"AUTH=PLAIN" in self._offers:
            words = b64encode(f"\0{user}\0{password}".encode())
            ending = await self._command(b"AUTHENTICATE PLAIN", then=words)
        elif b"LOGINDISABLED" in self._offers:
            raise Never(f"{self._host} offers no login by password", remedy="use another server name or port")
        else:
            try:
                ending = await self._command(f"LOGIN {quote(user)} {quote(password)}".encode("ascii"))
            except ValueError:
                raise Never(
                    f"{self._host} takes only logins in plain ASCII",
                    remedy="set a password of ASCII letters",
                ) from None
        if ending.word != b"OK":
            said = self._words(ending.rest)
            if _FOR_NOW.match(ending.rest):
                raise Later(f"{self._host} takes no login now: {said}")
            raise Never(f"{self._host} refuses the login: {said}", remedy=remedy, state=SIGN_IN_REQUIRED)
        await self._learn_offers()

    async def examine(self, name: str) -> Folder:
        """Open a folder to be read only. Raises Never where there is none of this name."""
        found: dict[bytes, int] = {}

        def note(words: bytes) -> None:
            for key, number in re.findall(rb"\[(UIDVALIDITY|UIDNEXT) ([0-9]{1,10})\]", words, re.IGNORECASE):
                found[key.upper()] = int(number)

        ending = await self._command(b"EXAMINE " + encode_folder(name).encode("ascii"), lambda pieces: note(pieces[0]))
        if ending.word == b"NO" and not _FOR_NOW.match(ending.rest):
            raise Never(
                f"{self._host} has no folder {one_line(name)} for this user: {self._words(ending.rest)}",
                remedy="write its full name as `folder`, such as INBOX or INBOX/Press",
                state=NOT_FOUND,
            )
        self._expect(ending, "does not open the folder")
        if b"UIDVALIDITY" not in found:
            raise Later(f"{self._host} gives the letters of this folder no lasting numbers", state=UNREADABLE)
        after = found.get(b"UIDNEXT") or max(await self.search("UID *"), default=0) + 1
        return Folder(found[b"UIDVALIDITY"], after)

    async def search(self, criteria: str) -> list[int]:
        """Numbers of letters, ascending."""
        numbers: set[int] = set()

        def note(pieces: Sequence[bytes]) -> None:
            words = pieces[0].split()
            if words[:2] and words[0] == b"*" and words[1].upper() == b"SEARCH":
                numbers.update(int(one) for one in words[2:] if one.isdigit())

        self._expect(await self._command(f"UID SEARCH {criteria}".encode("ascii"), note), "does not search the folder")
        return sorted(numbers)

    async def envelopes(self, uids: Sequence[int]) -> list[Envelope]:
        """Who sent these letters; those that are gone meanwhile are left out."""
        wanted, found = set(uids), {}
        fields = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM)])"
        async for uid, fetched in self._fetch(uids, fields):
            if uid in wanted and "BODY" in fetched:
                arrived = as_bytes(fetched.get("INTERNALDATE")).decode("ascii", "replace")
                found[uid] = Envelope(uid, as_bytes(fetched["BODY"]), as_number(fetched.get("RFC822.SIZE")), arrived)
        return [found[uid] for uid in sorted(found)]

    async def letter(self, uid: int, most: int) -> bytes | None:
        """The letter, at most so many bytes of its beginning; None where it is gone."""
        async for number, fetched in self._fetch([uid], f"(UID BODY.PEEK[]<0.{most}>)"):
            if number == uid and "BODY" in fetched:
                return as_bytes(fetched["BODY"])[:most]
        return None

    async def wait(self, ring: Callable[[], object]) -> None:
        """Call `ring` whenever the server says that something has arrived, until cancelled or disconnected."""
        if b"IDLE" not in self._offers:
            raise Later(f"{self._host} does not say when something arrives", state=UNREADABLE)
        await self._write(b"IDLE")
        while True:
            line = await self._wire.read_line(_LINE)
            if re.match(rb"\* [0-9]+ (?:EXISTS|RECENT)", line, re.IGNORECASE):
                ring()
            elif line[:5].upper() == b"* BYE" or not line.startswith((b"*", b"+")):
                raise Later(f"{self._host} ends the waiting: {self._words(line)}")

    async def take_leave(self) -> None:
        """Say goodbye, and wait for no answer."""
        with suppress(Later):
            await self._write(b"LOGOUT")

    async def _fetch(self, uids: Sequence[int], fields: str) -> AsyncIterator[tuple[int, Mapping[str, Item]]]:
        answers: list[tuple[int, Mapping[str, Item]]] = []

        def note(pieces: Sequence[bytes]) -> None:
            if re.match(rb"\* [0-9]+ FETCH ", pieces[0], re.IGNORECASE):
                fetched = read_fields(read_items(pieces)[3])
                answers.append((as_number(fetched.get("UID")), fetched))

        numbers = ",".join(map(str, uids))
        self._expect(await self._command(f"UID FETCH {numbers} {fields}".encode("ascii"), note), "shows no letters")
        for answer in answers:
            yield answer

    async def _learn_offers(self) -> None:
        offers: set[bytes] = set()

        def note(pieces: Sequence[bytes]) -> None:
            words = pieces[0].upper().split()
            if words[:2] == [b"*", b"CAPABILITY"]:
                offers.update(words[2:])

        self._expect(await self._command(b"CAPABILITY", note), "does not say what it can do")
        self._offers = frozenset(offers)

    async def _write(self, command: bytes) -> bytes:
        self._turn += 1
        tag = b"c%d" % self._turn
        await self._wire.write(tag + b" " + command + b"\r\n")
        return tag

    async def _command(
        self, command: bytes, note: Callable[[Sequence[bytes]], None] = lambda _: None, then: bytes | None = None
    ) -> Ending:
        """Write a command, `note` each answer, and return how it ended; `then` is written where it is asked for."""
        tag, left = await self._write(command), _MOST_BYTES
        for _ in range(_MOST_ANSWERS):
            pieces = await self._hear(left)
            left -= sum(map(len, pieces))
            line = pieces[0]
            if line.startswith(b"+"):
                await self._wire.write((then or b"*") + b"\r\n")
            elif line.startswith(tag + b" "):
                word, _, rest = line[len(tag) + 1 :].partition(b" ")
                return Ending(word.upper(), rest)
            elif line[:5].upper() == b"* BYE":
                raise Later(f"{self._host} ends the conversation: {self._words(line[5:])}")
            elif line.startswith(b"* "):
                try:
                    note(pieces)
                except (ValueError, IndexError):
                    raise Later(f"{self._host} gave an answer that cannot be read", state=UNREADABLE) from None
            else:
                raise Later(f"{self._host} does not answer as an IMAP server does", state=UNREADABLE)
        raise Later(f"{self._host} does not come to an end", state=UNREADABLE)

    async def _hear(self, most: int) -> list[bytes]:
        """One answer: lines, and between them the bytes that the line before announced."""
        pieces = [await self._wire.read_line(_LINE)]
        while (size := announced(pieces[-1])) is not None:
            most -= size
            if most < 0 or len(pieces) > 1_000:
                raise Later(f"{self._host} answers with more than {_MOST_BYTES >> 20} MB", state=UNREADABLE)
            data = bytearray()
            await self._wire.read_exactly(size, data.extend)
            pieces += [bytes(data), await self._wire.read_line(_LINE)]
        return pieces

    def _expect(self, ending: Ending, otherwise: str) -> None:
        if ending.word != b"OK":
            raise Later(f"{self._host} {otherwise}: {self._words(ending.rest)}")

    def _words(self, said: bytes) -> str:
        words = strike_secrets(said.decode("utf-8", "replace")[:500], *self._secrets)
        return clip(one_line(words).strip().rstrip("."), 200) or "no reason given"


@asynccontextmanager
async def leaving(mailbox: OpenMailbox, wire: Wire) -> AsyncIterator[OpenMailbox]:
    """The mailbox; in the end a goodbye, where there was no failure, and the connection is closed."""
    try:
        yield mailbox
        await mailbox.take_leave()
    finally:
        await wire.aclose()
