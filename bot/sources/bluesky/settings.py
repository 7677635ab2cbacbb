"""The keys of an account of Bluesky in the config, and which addresses mean one."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bot.contracts.settings import Duration
from bot.contracts.source import RECHECK, Recognised, SourceSettings
from bot.http.masking import mask_address
from bot.sources.bluesky.account import read_actor
from bot.sources.bluesky.jetstream import HOSTS

_SITES = (".bsky.app", ".bsky.dev", ".bsky.social")  # of the app, of its tests before a release, and of handles


def check_server(value: str) -> str:
    """The address of a server, without a slash at its end. Raises ValueError with the right form."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'expected an address such as "https://public.api.bsky.app", got {mask_address(value)!r}')
    return value.rstrip("/")


def _stream(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("ws", "wss"):
        raise ValueError(f'expected an address such as "{HOSTS[0]}", got {mask_address(value)!r}')
    check_server(f"https://{rest}")
    return value.rstrip("/")


def _actor(written: str) -> str:
    read_actor(written)
    return written.strip()


class Settings(SourceSettings):
    """A public account. `base_url` is an AppView, `plc_url` the directory of accounts.

    `pds_url` is the account's own server; without it, the one that its DID document names, if that is a public address.
    With `live`, one of `jetstream_urls` announces posts.
    """

    actor: Annotated[str, AfterValidator(_actor)]
    base_url: Annotated[str, AfterValidator(check_server)] = "https://public.api.bsky.app"
    plc_url: Annotated[str, AfterValidator(check_server)] = "https://plc.directory"
    pds_url: Annotated[str, AfterValidator(check_server)] | None = None
    live: bool = False
    jetstream_urls: Annotated[tuple[Annotated[str, AfterValidator(_stream)], ...], Field(min_length=1)] = HOSTS
    recheck: tuple[Duration, ...] = RECHECK

    def handle(self) -> str | None:
        """Its handle or DID."""
        return read_actor(self.actor)

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of the account, or the address of its profile."""
        try:
            return read_actor(written) == read_actor(self.actor)
        except ValueError:
            return False

    def reads(self) -> str:
        """The account."""
        return f"{self.base_url} {read_actor(self.actor)}"

    def addresses(self) -> tuple[str, ...]:
        streams = [url.replace("ws", "http", 1) for url in self.jetstream_urls if self.live]
        return (self.base_url, self.plc_url, *((self.pds_url,) if self.pds_url else ()), *streams)


def recognise(address: str) -> Recognised | None:
    """The address of a profile, a DID, "@" and a handle; a bare handle is tried last, for it may be a site."""
    words = address.strip()
    try:
        actor = read_actor(words)
        host = urlsplit(words if "://" in words else f"https://{words}").hostname or ""
    except ValueError:
        return None
    if "/" not in words:
        return Recognised({"actor": actor}, 0 if words.startswith(("did:", "@")) else 4)
    if words.startswith("at://") or host == "bsky.app" or host.endswith(_SITES) or actor.startswith("did:"):
        return Recognised({"actor": actor})
    return Recognised({"actor": actor}, 1)  # another site of the network may have such profiles, too
