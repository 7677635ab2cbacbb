"""PURE: the name of an account as people write it, and how far its posts are known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from bot.sources.bluesky.posts import FeedEntry, FeedPage

_DID = re.compile(r"did:(?:plc:[a-z2-7]{24}|web:[A-Za-z0-9.%:-]{1,250})")
_HANDLE = re.compile(r"(?=.{3,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}")
_FORM = 'expected an account such as "name.example.org", "did:plc:…" or "https://bsky.app/profile/name.example.org"'
_REMEMBERED = 120  # entries of the newest pages: more than one page


def read_actor(written: str) -> str:
    """The handle or DID in a handle, a DID or the address of a profile. Raises ValueError with the right form."""
    words = written.strip().removeprefix("at://")
    if "://" in words:
        try:
            path = urlsplit(words).path.split("/")
        except ValueError:
            raise ValueError(_FORM) from None
        words = unquote(path[2]) if len(path) > 2 and path[1] == "profile" else ""
    words = words.removeprefix("@").rstrip("/")
    if _DID.fullmatch(words):
        return words
    if _HANDLE.fullmatch(words):
        return words.lower()
    raise ValueError(_FORM)


@dataclass(frozen=True, slots=True)
class FeedProgress:
    """What the next fetch must know.

    `actor` is the configured one that all this belongs to, `did` what it was found to be, `handle` what it was called
    last. Once `contacted`, the entries in `known` were stored, all down to `known_to` (microseconds UTC, of what sorts
    the feed), and entries that the server saw up to `left_out` are not wanted. While older pages are still to be
    fetched, `below` asks for the next one, `seen` holds what the newest page showed, with the time `seen_to`, and at
    first contact `left` how many entries are still wanted.
    """

    actor: str = ""
    did: str = ""
    handle: str = ""
    contacted: bool = False
    known: tuple[str, ...] = ()
    known_to: int = 0
    left_out: int = 0
    below: str = ""
    seen: tuple[str, ...] = ()
    seen_to: int = 0
    left: int | None = None

    def reaches(self, page: FeedPage) -> bool:
        """Whether a page, or the end of the feed behind it, leads down to what is known."""
        if page.below is None:
            return True
        if not self.contacted:
            return False
        known = set(self.known)
        deep = page.oldest_at is not None and page.oldest_at <= max(self.known_to, self.left_out)
        return deep or any(entry.post.native_id in known for entry in page.entries)

    def after(self, page: FeedPage, *, done: bool) -> "FeedProgress":
        """The note after a page. `done`: it leads down to what is known, or to what is wanted."""
        note = self
        if not self.below:
            note = replace(note, seen=_ids(page.entries), seen_to=page.oldest_at or 0)
        if not done:
            return replace(note, below=page.below or "")
        known = (*(one for one in self.known if one not in note.seen), *note.seen)[-_REMEMBERED:]
        # Pages are whole, so everything above the oldest entry of the newest page is known.
        known_to = note.seen_to or self.known_to
        return replace(note, contacted=True, known=known, known_to=known_to, below="", seen=(), seen_to=0, left=None)


def _ids(entries: Sequence[FeedEntry]) -> tuple[str, ...]:
    return tuple(entry.post.native_id for entry in entries)
