"""PURE: the name of an account as people write it, and how far its posts are known."""

import re
from dataclasses import field
from urllib.parse import urlsplit

from bot.sources.mastodon.posts import place
from storage.frozen import dataclass

_HANDLE = re.compile(r"@?([\w.-]{1,100})@([\w.-]{1,250}(?::[0-9]{1,5})?)")
_PROFILE = re.compile(r"/(?:web/)?(?:users/|@)([\w.-]{1,100})(?:@([\w.-]{1,250}(?::[0-9]{1,5})?))?/?")
_FORM = 'expected an account such as "@name@example.org" or "https://example.org/@name"'


@dataclass(frozen=True, slots=True)
class AccountAddress:
    """Where an account was said to be: its name, and the address of the server without a path."""

    name: str
    server: str

    @classmethod
    def read(cls, written: str) -> "AccountAddress":
        """From "@name@server" or the address of a profile. Raises ValueError with the right form."""
        words = written.strip()
        if found := _HANDLE.fullmatch(words):
            return cls(found[1], f"https://{found[2].lower()}")
        try:
            parts = urlsplit(words)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_FORM) from None
        found = _PROFILE.fullmatch(parts.path)
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or found is None:
            raise ValueError(_FORM)
        if found[2]:  # the page that one server shows of an account of another
            return cls(found[1], f"https://{found[2].lower()}")
        return cls(found[1], f"{parts.scheme}://{parts.netloc.lower()}")

    @property
    def handle(self) -> str:
        return f"@{self.name}@{self.server.partition('//')[2]}"


@dataclass(frozen=True, slots=True)
class AccountCursor:
    """What the next fetch must know.

    `account` is the configured one that all this belongs to, `id` and `actor` are what it was found to be, `server` is
    where. Once `contacted`, posts up to `newest` are known, and those up to `left_out` are not wanted. While older
    pages are still to be fetched, `below` is where the next one ends, `top` the newest id that was seen meanwhile, and
    at first contact `left` how many posts are still wanted. `edited` holds, by id, when the newest posts were edited.
    """

    account: str = ""
    id: str = ""
    actor: str = ""
    server: str = ""
    contacted: bool = False
    newest: str = ""
    left_out: str = ""
    below: str = ""
    top: str = ""
    left: int | None = None
    edited: dict[str, str] = field(default_factory=dict)

    def is_known(self, native_id: str) -> bool:
        """Whether a post was stored before, or left out."""
        return self.contacted and place(native_id) <= max(place(self.newest), place(self.left_out))
