"""The section [web]: where the reading room answers, by which names, and which proxy may say who somebody is."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bot.contracts.settings import ConfigPath, Settings

_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:.%]+\]|[^\s:\[\]/]+):([0-9]{1,5})")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9_])?|[0-9a-fA-F:.]+")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_EVERYBODY_SENDS = {"host", "cookie", "authorization", "user-agent", "accept", "origin", "referer", "content-type"}


def _listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if not found or int(found[1]) > 65_535:
        raise ValueError('expected HOST:PORT such as "127.0.0.1:8765" or "[::1]:8765"')
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError('expected the name in an address, such as "room.example.org", without https:// and port')
    return value.lower()


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError('expected the address of the proxy, such as "127.0.0.1" or "10.0.0.0/24"') from None
    if network.prefixlen < 8:
        raise ValueError("so many addresses are no proxy: whoever has one could be anybody")
    return value


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value) or value.lower() in _EVERYBODY_SENDS:
        raise ValueError('expected the name of a header that only the proxy sends, such as "Remote-User"')
    return value


class WebConfig(Settings):
    """[web]: how `communique serve` is reached. Nothing here is needed on this machine alone."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8765"
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    behind_proxy: bool = False
    certificate: ConfigPath | None = None
    key_file: ConfigPath | None = None
    trusted_proxy: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    user_header: Annotated[str, AfterValidator(_header)] = "Remote-User"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.certificate is None) != (self.key_file is None):
            raise ValueError("`certificate` and `key_file` go together")
        if "user_header" in self.model_fields_set and not self.trusted_proxy:
            raise ValueError("`trusted_proxy` is missing: the address of the proxy that sends the header")
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """The certificate and its key, if this program speaks TLS itself."""
        return () if self.certificate is None or self.key_file is None else (self.certificate, self.key_file)
