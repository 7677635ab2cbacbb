"""The keys of a `[[sources]]` entry of kind "feed"."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from bot.contracts.settings import zone_name
from bot.contracts.source import SourceSettings
from bot.http.masking import mask_address


def web_address(url: str) -> str:
    """Check an address that may be fetched. Raises ValueError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f'a feed is fetched over http or https, never from a file: expected "https://…", got {mask_address(url)!r}'
        )
    if not url.isprintable() or " " in url:
        raise ValueError("an address has no spaces and no control characters")
    return url


class Settings(SourceSettings):
    """`url` is the address of the feed itself (http or https), not of the page that it belongs to.

    `time_zone` is for its times without a zone, which are UTC otherwise, and for names of several zones (IST, CST).
    """

    url: Annotated[str, AfterValidator(web_address)]
    time_zone: Annotated[str, AfterValidator(zone_name)] | None = None

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)
