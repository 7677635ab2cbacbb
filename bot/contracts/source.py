"""What a source is: how it is configured, what it is asked, what it answers and what it may raise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

from bot.clock import DAY, HOUR, MINUTE, Clock
from bot.contracts.settings import Amount, Duration, Interval, Name, Settings, Usual
from bot.http.addresses import PORTS
from storage.frozen import dataclass
from storage.records import Batch, Checked, FetchedPost, StoredRaw

if TYPE_CHECKING:
    from bot.contracts.audience import Audience
    from bot.http import Http
    from bot.readers import Readers
    from bot.telegram.accounts import Accounts

RECHECK = (10 * MINUTE, HOUR, DAY, 7 * DAY)  # after publishing: when a post is usually looked at again
FileKind = Literal["voice", "audio", "photo", "video", "document"]  # "video" is round ones too


class SourceSettings(Settings):
    """The keys that every `[[sources]]` entry may have; each kind adds its own."""

    reads_with_account: ClassVar[bool] = False  # True: a kind that uses the Telegram account where there is one
    patience: ClassVar[int] = 0  # microseconds for which its failures are no news: some servers often fail for minutes

    name: Name
    was: Name | None = None  # its former name, whose posts and states it takes over
    kind: str
    every: Interval | None = None  # None: [defaults] every
    usual: Usual | None = None  # how long it may be silent; None: [defaults] usual
    backfill: Amount = 100
    recheck: tuple[Duration, ...] = ()
    side: str | None = None
    family: Name | None = None  # of one house with other sources: their copies are counted as one family
    tags: tuple[Name, ...] = ()
    enabled: bool = True
    alert_backfill: bool = False
    alert_edits_of_history: bool = True  # an edit that puts matching words into a post from before first contact
    languages: tuple[Name, ...] = ()  # that it uses, most used first, as ISO 639 codes, for the engines
    media: tuple[FileKind, ...] = ("voice", "audio", "photo")  # whose bytes are fetched
    alert_on: tuple[FileKind, ...] | None = None  # None: as [media.tags] says for its tags
    alert_targets: tuple[Name, ...] | None = None  # None: as [media.tags] says, else [defaults] targets

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()

    def handle(self) -> str | None:
        """The public name of what it reads, by which people may call it."""
        return None

    def is_meant_by(self, written: str) -> bool:
        """Whether a person who writes this address means this source."""
        return written.rstrip("/").casefold() in {address.rstrip("/").casefold() for address in self.addresses()}

    def name_in_media(self, kind: str) -> str:
        """What `media` calls a file of this kind: a round video is a video."""
        return "video" if kind == "round" else kind

    def is_one_document(self) -> bool:
        """Whether its one post is a document that changes, so that its changes are the news."""
        return False

    def find_missing(self) -> str | None:
        """What this machine lacks for what the entry asks: one sentence with the line that installs it."""
        return None

    def reads(self) -> str:
        """What it reads, in one string: the same for two entries that read the same; "" where that is unknown."""
        return next(iter(self.addresses()), "").casefold()

    def server(self) -> str | None:
        """What has to be reached for this source, the same for all that share it; None if that is no network."""
        if self.reads_with_account:
            return "Telegram account"
        return next((_find_server(address) for address in self.addresses()), None)


@lru_cache(10_000)  # each round asks several times
def _find_server(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme)}"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What an address may be: the keys of an entry that would read it, and how sure that is (0: nothing else is there).

    A kind may have a function `recognise(address) -> Recognised | None`, which asks nobody, and one
    `recognise_page(html, address) -> Sequence[Recognised]`, for what a page says of itself.
    """

    keys: Mapping[str, object]
    rank: int = 0


def _new_readers() -> "Readers":
    from bot.readers import Readers

    return Readers()


@dataclass(frozen=True, slots=True)
class SourceTools:
    """What a source may use: the one HTTP client, the clock, the directory that relative paths start from.

    `readers` are the child processes of all sources, `audiences` the streams of news that several of them listen to, by
    kind and place. `telegram` holds the accounts, None where there is none.
    `pages_allowed` is False where public pages would go past the proxy that the account is bound to. Whoever makes
    this closes it.
    """

    http: "Http"
    clock: Clock
    directory: Path
    telegram: "Accounts | None" = None
    pages_allowed: bool = True
    readers: "Readers" = field(default_factory=_new_readers)
    audiences: "dict[tuple[str, ...], Audience]" = field(default_factory=dict)

    async def aclose(self) -> None:
        """Close the connections and the child processes."""
        await self.http.aclose()
        await self.readers.aclose()


@dataclass(frozen=True, slots=True)
class Want:
    """What is asked of a source in one fetch.

    `newest`: the present; `older`: the page of numbers just below `below` (exclusive), going down. `known` is the mark
    of the last reply: where the present is the same, the source may answer with a batch that `repeats`.
    """

    kind: Literal["newest", "older"] = "newest"
    below: int | None = None
    known: str | None = None


def describe_new_owner(name: str) -> str:
    """What a person can do whose source reads a name that belongs to somebody else now."""
    return f"check who owns it now; to follow the new owner: communique sources accept {name}"


class Source(Protocol):
    """Something that can be asked for posts.

    Every method raises only `Later` (with a time where the other side gave one) and `Never`; a piece of a reply that
    cannot be read becomes `Batch.quarantined`, not an exception. Posts come in ascending order.
    """

    settings: SourceSettings
    pages: bool  # True: posts are numbered and `older` works, so gaps can be filled
    checks: bool  # True: `check` can tell an absence from a failure

    async def fetch(self, want: Want, cursor: str | None, /) -> Batch:
        """One reply of the source, parsed. `cursor` is what the last stored batch carried, None at first contact.

        `older` pages are only wanted where `pages` is True.
        """
        ...

    async def check(self, native_id: str) -> Checked:
        """Look at one post again. Only called where `checks` is True."""
        ...


@runtime_checkable
class Rereader(Protocol):
    """A source that can read stored bytes again; it need not know this class.

    `reader_number` is raised whenever the source reads more, or other things, in the same bytes: everything that an
    older reader has read is then read again before it is compared with what the source shows, and nothing of that
    alerts.
    """

    reader_number: int

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of each, under the same id; None for what it cannot read. It asks nobody.

        What it does not know without the reply around the bytes (names of people) it leaves None. Raises Later where
        it may succeed another time.
        """
        ...


@runtime_checkable
class Announcing(Protocol):
    """A source that hears of news before it asks for them; it need not know this class.

    What it hears is only a hint: a round finds out what is new, and nothing is missed where no hint comes.
    """

    announces: bool  # False: this one is not to be listened to

    async def listen(self, ring: Callable[[], None]) -> None:
        """Call `ring` once the connection is there, and with each announcement. Ends only by Later and Never."""
        ...


@runtime_checkable
class ManyAtOnce(Protocol):
    """A source that can look at many posts in one call; it need not know this class."""

    async def check_many(self, native_ids: Sequence[str]) -> Sequence[Checked]:
        """Look at these posts again: the first of them, in their order, and at least one. Raises Later and Never."""
        ...
