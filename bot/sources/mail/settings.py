"""The keys of a `[[sources]]` entry of kind "mail"."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bot.contracts.settings import ConfigPath, SecretFile
from bot.contracts.source import SourceSettings

PORT = 993
_SENDER = re.compile(r"(?:[^\s@<>\"(),;]{1,64})?@(?=.{1,253}$)[^\s@<>\"(),;]+")


def _server(written: str) -> str:
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    if parts.scheme != "imaps" or not host or parts.username or parts.path.strip("/") or not written.isprintable():
        raise ValueError(
            'expected "imaps://mail.example.org:993": IMAP over TLS; user and folder are keys of their own'
        )
    return f"imaps://{parts.netloc.lower()}"


def _senders(written: tuple[str, ...]) -> tuple[str, ...]:
    if not written:
        raise ValueError('name whose letters are kept: from = ["press@ministry.example", "@ministry.example"]')
    for one in written:
        if not _SENDER.fullmatch(one):
            raise ValueError(f'expected "name@host", or "@host" for everybody there, got {one!r}')
    return written


def _folder(name: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= 500:
        raise ValueError("expected the name of a folder, such as INBOX or Press/Ministry")
    return name


class Settings(SourceSettings):
    """One folder of a mailbox; only letters from these senders are kept, and nothing is changed there."""

    model_config = ConfigDict(serialize_by_alias=True)

    at: Annotated[str, AfterValidator(_server)] = Field(alias="server")
    user: Annotated[str, Field(min_length=1, max_length=300)]
    password_file: SecretFile
    ca_file: ConfigPath | None = None  # authorities to trust besides the well-known ones
    folder: Annotated[str, AfterValidator(_folder)] = "INBOX"
    senders: Annotated[tuple[str, ...], AfterValidator(_senders)] = Field(alias="from")

    @model_validator(mode="after")
    def _not_checked(self) -> Self:
        if self.recheck:
            raise ValueError("recheck does nothing here: a letter cannot be taken back by who has sent it")
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.at).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.at).port or PORT

    def addresses(self) -> tuple[str, ...]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"imaps://{host}:{self.port}",)

    def reads(self) -> str:
        """The mailbox and its folder."""
        folder = "INBOX" if self.folder.upper() == "INBOX" else self.folder  # the only name without its own case
        return f"{self.addresses()[0]}/{self.user.casefold()}/{folder}"

    def is_wanted(self, address: str) -> bool:
        """Whether letters of this address are kept."""
        written = address.strip().casefold()
        senders = [one.casefold() for one in self.senders]
        return any(written.endswith(one) if one.startswith("@") else written == one for one in senders)
