"""PURE: addresses of people as the config has them, and hosts: nothing in them can end a line or a header."""

import re

from bot.foreign.text import visible
from storage.frozen import dataclass

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABELS = r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One person or list: the name may be empty, the address is plain ASCII (its host in punycode)."""

    name: str
    address: str

    @property
    def host(self) -> str:
        return self.address.rpartition("@")[2]


def read_mailbox(written: str) -> Mailbox:
    """Read "name@host" or "Name <name@host>". Raises ValueError."""
    found = re.fullmatch(r"\s*(?:\"?([^<>\"]*?)\"?\s*<([^<>\s]+)>|([^<>\s]+))\s*", written)
    name, bare = (found[1] or "", found[2] or found[3]) if found else ("", "")
    local, at, host = bare.rpartition("@")
    if not at or visible(written) != written or len(local) > 64 or not re.fullmatch(_LOCAL, local):
        raise ValueError(f'expected "name@host" or "Name <name@host>", got {written!r}')
    return Mailbox(name.strip(), f"{local}@{read_host(host)}")


def read_host(written: str) -> str:
    """A host as resolvers and certificates have it: lower case, punycode. Raises ValueError."""
    try:
        host = written.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not re.fullmatch(_LABELS, host) and not re.fullmatch(r"(?=[^:]*:)[0-9a-f:.]{2,45}", host):
        raise ValueError(f"expected the name of a host such as mail.example.org, got {written!r}")
    return host
