"""PURE: the name of an account as people write it, and how far its posts are known."""

import re
from collections.abc import Sequence
from dataclasses import field, replace
from unicodedata import category
from urllib.parse import unquote, urlsplit

from bot.sources.bluesky.posts import FeedEntry, FeedPage
from storage.frozen import dataclass

_DID = re.compile(r"did:(?:plc:[a-z2-7]{24}|web:[A-Za-z0-9.%:-]{1,250})")
_HANDLE = re.compile(r"(?=.{3,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}")
_FORM = 'expected an account such as "name.example.org", "did:plc:…" or "https://bsky.app/profile/name.example.org"'
_OF_HANDLES = ".bsky.social"  # whose hosts are handles, and lead to their profiles
_REMEMBERED = 120  # entries of the newest pages: more than one page
_DAY = 86_400_000_000  # microseconds


def read_actor(written: str) -> str:
    """The handle or DID in a handle, a DID, an at:// address or the address of a profile.

    Raises ValueError with the right form. The app wraps handles that are copied there in invisible marks.
    """
    words = "".join(sign for sign in written if category(sign) != "Cf").strip()
    if words.startswith("at://"):
        words = words.removeprefix("at://").partition("/")[0]
    elif "/" in words:
        words = _in_address(words if "://" in words else f"https://{words}")
    words = words.removeprefix("@")
    if _DID.fullmatch(words):
        return words
    if _HANDLE.fullmatch(words):
        return words.lower()
    raise ValueError(_FORM)


def _in_address(address: str) -> str:
    """What the address of a profile, or of something below it, calls the account; "" where it is none."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(_FORM) from None
    path = parts.path.split("/")
    if len(path) > 2 and path[1] == "profile":
        return unquote(path[2])
    return host if host.endswith(_OF_HANDLES) and not parts.path.strip("/") else ""


@dataclass(frozen=True, slots=True)
class FeedProgress:
    """What the next fetch must know. All times are microseconds UTC.

    `actor` is the configured one that all this belongs to, `did` what it was found to be, `handle` what it was called
    last. Once `contacted`, at `since`, the entries in `known` were stored, all down to `known_to` (of what sorts the
    feed; the newest was seen by the server at `known_top`), and entries that the server saw up to `left_out` are not
    wanted. While older pages are still to be fetched, `below` asks for the next one, `seen` holds what the newest page
    showed, with its oldest and newest time (`seen_to`, `seen_top`), and at first contact `left` how many entries are
    still wanted; `again` if this is the second way down, because entries moved up while the first was read. `records`
    asks for the next page at the account's own server, while the AppView fails. `gone` holds when the account's own
    server had no longer what the AppView still shows, and `status` what it said of the account
    at `status_at`.
    """

    actor: str = ""
    did: str = ""
    handle: str = ""
    contacted: bool = False
    since: int = 0
    known: tuple[str, ...] = ()
    known_to: int = 0
    known_top: int = 0
    left_out: int = 0
    below: str = ""
    seen: tuple[str, ...] = ()
    seen_to: int = 0
    seen_top: int = 0
    left: int | None = None
    again: bool = False
    records: str = ""
    gone: dict[str, int] = field(default_factory=dict)
    status: str = ""
    status_at: int = 0

    def reaches(self, page: FeedPage) -> bool:
        """Whether a page, or the end of the feed behind it, leads down to what is known.

        Its last entry says that. One further up may be there for another reason: it was pinned, or the server saw it
        again after an edit, or its author dated it back.
        """
        if page.below is None:
            return True
        if not self.contacted or not page.entries:
            return False
        last = page.entries[0]
        is_known = last.post.native_id in self.known and last.seen_at <= (self.known_top or last.seen_at)
        return is_known or last.latest <= max(self.known_to, self.left_out)

    def after(self, page: FeedPage, *, done: bool, now: int) -> "FeedProgress":
        """The note after a page. `done`: it leads down to what is known, or to what is wanted."""
        note = self
        if not self.below:
            top = max((one.seen_at for one in page.entries), default=0)
            note = replace(note, seen=_ids(page.entries), seen_to=page.oldest_at or 0, seen_top=top)
        if not done:
            return replace(note, below=page.below or "")
        known = (*(one for one in self.known if one not in note.seen), *note.seen)[-_REMEMBERED:]
        return replace(
            note,
            contacted=True,
            since=self.since if self.contacted else now,
            known=known,
            known_to=note.seen_to or self.known_to,  # pages are whole, so everything above its oldest entry is known
            known_top=max(note.seen_top, self.known_top),
            below="",
            seen=(),
            seen_to=0,
            seen_top=0,
            left=None,
            again=False,
        )

    def begin_again(self) -> "FeedProgress":
        """The note at the top of another way down to the same place."""
        left_out = self.left_out if self.contacted else 0
        return replace(self, below="", seen=(), seen_to=0, seen_top=0, left=None, left_out=left_out, again=True)

    def has_moved_up(self, page: FeedPage) -> bool:
        """Whether the newest page, as it is now, has lost an entry since it was read: it ends with an older one.

        Where a cursor counts places, an entry has then moved past a border between two pages, unseen.
        """
        ids = _ids(page.entries)
        return bool(ids) and ids[0] not in self.seen and not set(self.seen).isdisjoint(ids)

    def wants(self, entry: FeedEntry) -> bool:
        """Whether an entry is known, or came later than what first contact did not want."""
        return not self.left_out or entry.seen_at > self.left_out or entry.post.native_id in self.known

    def is_gone(self, entry: FeedEntry) -> bool:
        """Whether the AppView shows what the account's own server had no longer, and has not seen it since then."""
        return entry.seen_at <= self.gone.get(entry.post.native_id, -1)

    def is_history(self, entry: FeedEntry) -> bool:
        """Whether an entry that is not known is dated from before the account was watched."""
        if not self.since or entry.post.native_id in self.known or entry.post.posted_at is None:
            return False
        return entry.post.posted_at < (self.since if entry.pinned else self.since - _DAY)


def _ids(entries: Sequence[FeedEntry]) -> tuple[str, ...]:
    return tuple(entry.post.native_id for entry in entries)
