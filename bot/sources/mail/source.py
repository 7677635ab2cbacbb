"""Letters of chosen senders in one folder of a mailbox, by IMAP over TLS (RFC 3501): nothing is changed there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from bot.clock import DAY
from bot.contracts.cursors import read_cursor, write_cursor
from bot.contracts.secrets import read_secret
from bot.contracts.source import SourceSettings, SourceTools, Want
from bot.errors import Later, Never
from bot.foreign.times import read_time
from bot.sources.mail.answers import quote
from bot.sources.mail.child import UnreadableLetter, read_in_child
from bot.sources.mail.conversation import Envelope, Folder, OpenMailbox, leaving
from bot.sources.mail.letters import make_post, read_address
from bot.sources.mail.reading import NO_ID, LetterRequest, split_addresses
from bot.sources.mail.settings import Settings
from storage.frozen import dataclass
from storage.records import Batch, Checked, Fetch, FetchedPost, Quarantined, Raw, StoredRaw
from storage.state_names import TOO_BIG

READER = 2  # see bot.contracts.source.Rereader
_DEADLINE_S = 60.0
_WAIT_S = 25 * 60.0  # servers end a connection that was silent for half an hour (RFC 2177)
_LETTER = 8 << 20  # of which words are read; the whole of a longer one is a file
_MOST = 60 << 20
_HEADS, _LETTERS = 500, 20  # that one fetch looks at, and stores
_BY_IMAP = "imap"


@dataclass(frozen=True, slots=True)
class FolderCursor:
    """What the next fetch must know: which folder, by which numbers, the next of them, and since when.

    `since` is when the first contact was (microseconds UTC): of a folder with a new numbering, what came later is
    read again.
    """

    reads: str = ""
    validity: int = 0
    next: int = 0
    since: int = 0
    again: bool = False


class MailFolder:
    """One folder. Letters are read in the order in which they came; what was deleted there stays archived."""

    pages = False
    checks = False
    announces = True
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings: SourceSettings = settings
        self._keys = settings
        self._http = tools.http
        self._clock = tools.clock
        self._readers = tools.readers
        self._nameless: dict[int, str] = {}  # letters without a Message-ID of this process, for their files

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The next letters, oldest first; `more` while there are others."""
        note = read_cursor(FolderCursor, cursor, reads=self._keys.reads())
        async with self._opened() as mailbox:
            folder = await mailbox.examine(self._keys.folder)
            note, uids = await self._find(mailbox, folder, note)
            heads = await mailbox.envelopes(uids[:_HEADS]) if uids else []
            wanted = [one for one in heads if self._is_wanted(one, note)]
            taken = wanted[:_LETTERS]
            posts, broken = await self._read(mailbox, folder, taken)
        rest = len(wanted) > len(taken) or len(uids) > _HEADS
        if rest:
            note = replace(note, next=taken[-1].uid + 1 if len(wanted) > len(taken) else uids[_HEADS])
        else:
            note = replace(note, next=max(folder.next, note.next, *(uid + 1 for uid in uids[-1:])), again=False)
        return Batch(
            posts=tuple(posts),
            quarantined=tuple(broken),
            cursor=write_cursor(note),
            more=rest,
            channel_id=self._keys.reads(),
            lasting=True,
            fetch=Fetch(_BY_IMAP, url=f"{self._keys.addresses()[0]}/{self._keys.folder}"),
        )

    async def check(self, native_id: str) -> Checked:
        """Not possible: who deletes a letter is the owner of the mailbox, not its sender."""
        raise Never(f"a letter such as {native_id!r} cannot be taken back by its sender")

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored letters."""
        return [await self._again(one) for one in stored]

    # Files: what bot.intake.media.Carrier promises --------------------------------------------------------------------

    def carries(self, url: str) -> bool:
        """Whether this is the address of a file in a letter."""
        return url.startswith("mail:")

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Hand over a file of a letter. Raises Later (state TOO_BIG beyond `cap`) and Never."""
        try:
            native_id, number = read_address(url)
        except ValueError:
            raise Never(f"{url} is no file of a letter") from None
        most = cap + 1 if number is None else 2 * cap + _LETTER
        async with self._opened() as mailbox:
            await mailbox.examine(self._keys.folder)
            data = await self._letter(mailbox, native_id, min(most, _MOST))
        if number is not None:
            _, data = await read_in_child(data, LetterRequest(file=number, cut=False), self._readers)
        if len(data) > cap:
            raise Later(f"too large: the limit is {cap:,} bytes", state=TOO_BIG)
        sink(data)

    async def _letter(self, mailbox: OpenMailbox, native_id: str, most: int) -> bytes:
        """The bytes of a stored letter; its number may have changed, and a stranger may have used its id."""
        if native_id.startswith(NO_ID):
            uids = [uid for uid, name in self._nameless.items() if name == native_id]
        else:
            try:
                uids = await mailbox.search(f"HEADER Message-ID {quote(native_id)}")
            except ValueError:
                uids = []
        note = FolderCursor()
        for envelope in await mailbox.envelopes(uids) if uids else ():
            if self._is_wanted(envelope, note):
                data = await mailbox.letter(envelope.uid, most)
                if data is not None:
                    return data
        raise Never("the letter is not in its folder any more")

    # News: what bot.contracts.source.Announcing promises --------------------------------------------------------------

    async def listen(self, ring: Callable[[], None]) -> None:
        """Ring whenever the server says that something has arrived. Raises Later and Never."""
        while True:
            async with self._opened(None) as mailbox:
                await mailbox.examine(self._keys.folder)
                ring()  # no server announces what came before
                try:
                    async with asyncio.timeout(_WAIT_S):
                        await mailbox.wait(ring)
                except TimeoutError:
                    continue  # a new connection, before the server ends this one

    # The folder -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _opened(self, deadline: float | None = _DEADLINE_S) -> AsyncIterator[OpenMailbox]:
        keys = self._keys
        password = read_secret(keys.password_file)
        try:
            async with asyncio.timeout(deadline):
                async with asyncio.timeout(_DEADLINE_S) as opening:
                    wire = await self._http.connect(keys.host, keys.port)
                    async with leaving(OpenMailbox(wire, keys.host, (password,)), wire) as mailbox:
                        await mailbox.open(keys.ca_file)
                        await mailbox.log_in(
                            keys.user, password, f"check user, and the password in {keys.password_file.path}"
                        )
                        opening.reschedule(None)
                        yield mailbox
        except TimeoutError as problem:
            raise Later(f"{keys.host} did not answer within {_DEADLINE_S:g} s", unreached=True) from problem

    async def _find(self, mailbox: OpenMailbox, folder: Folder, note: FolderCursor) -> tuple[FolderCursor, list[int]]:
        """Numbers of the letters to look at, ascending, and the cursor with which that begins."""
        if note.validity and note.validity != folder.validity:
            note = replace(note, validity=folder.validity, next=1, again=True)
        if note.validity:
            found = await mailbox.search(f"UID {max(note.next, 1)}:*")
            return note, [uid for uid in found if uid >= note.next]  # `n:*` names the last letter whatever n is
        note = replace(note, validity=folder.validity, since=self._clock.now(), next=max(folder.next, 1))
        amount = self._keys.backfill
        if amount == 0:
            return note, []
        since = "" if isinstance(amount, int) or amount == "all" else f" SINCE {_day(date.fromisoformat(amount))}"
        found = await mailbox.search(f"{_from_any(self._keys.senders)}{since}")
        return note, found[-amount:] if isinstance(amount, int) else found

    def _is_wanted(self, envelope: Envelope, note: FolderCursor) -> bool:
        if note.again and (read_time(envelope.arrived) or note.since) < note.since - DAY:
            return False
        head = envelope.head.decode("utf-8", "replace").replace("\r\n", " ").partition(":")[2]
        senders = [address for _, address in split_addresses(head) if "@" in address]
        return bool(senders) and all(map(self._keys.is_wanted, senders))  # a name that looks like an address is none

    async def _read(
        self, mailbox: OpenMailbox, folder: Folder, envelopes: Sequence[Envelope]
    ) -> tuple[list[FetchedPost], list[Quarantined]]:
        posts: list[FetchedPost] = []
        broken: list[Quarantined] = []
        for one in envelopes:
            data = await mailbox.letter(one.uid, _LETTER)
            if data is None:
                continue
            try:
                post = await self._post(data, max(one.size, len(data)))
            except UnreadableLetter as problem:
                where = f"letter {one.uid} of {folder.validity}"
                broken.append(Quarantined(Raw(data, "message/rfc822"), f"it cannot be read: {problem}", where))
                continue
            posts.append(post)
            if post.native_id.startswith(NO_ID):
                self._nameless[one.uid] = post.native_id
        return posts, broken

    async def _post(self, data: bytes, size: int) -> FetchedPost:
        letter, _ = await read_in_child(data, LetterRequest(file=None, cut=size > len(data)), self._readers)
        return make_post(letter, data, size, self._clock.now())

    async def _again(self, stored: StoredRaw) -> FetchedPost | None:
        try:
            post = await self._post(stored.raw.data, len(stored.raw.data))
        except UnreadableLetter:
            return None
        return replace(post, native_id=stored.native_id)


def _from_any(senders: Sequence[str]) -> str:
    """Letters of any of these, as SEARCH asks for them: OR takes two."""
    *others, last = [f'FROM "{one}"' for one in senders]
    for one in reversed(others):
        last = f"OR {one} {last}"
    return last


def _day(day: date) -> str:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day.day}-{months[day.month - 1]}-{day.year}"


def build(settings: SourceSettings, tools: SourceTools) -> MailFolder:
    """The working source."""
    assert isinstance(settings, Settings)
    return MailFolder(settings, tools)
