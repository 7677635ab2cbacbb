"""The keys of a `[[sources]]` entry of kind "website"."""

import re
from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from bot.contracts.settings import Duration
from bot.contracts.source import RECHECK, SourceSettings
from bot.http.masking import mask_address

INSTALL = "pip install 'communique[website]', or write a CSS selector for `body`"


def check_address(url: str) -> str:
    """Check a web address. Raises ValueError with the right form."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    if parts.scheme not in {"http", "https"} or not host or not url.isprintable() or " " in url:
        raise ValueError(f'expected an address such as "https://example.org/statements", got {mask_address(url)!r}')
    return url


def _selector(value: str) -> str:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        LexborHTMLParser("<p>").css(value)
    except SelectolaxError:
        raise ValueError(f'not a CSS selector: {value!r}; expected one such as "article h2 a"') from None
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Selector = Annotated[str, AfterValidator(_selector)]


class Settings(SourceSettings):
    """`mode = "list"`: a page that lists statements. `mode = "page"`: one page, each change of which is a revision."""

    url: Annotated[str, AfterValidator(check_address)]
    mode: Literal["list", "page"] = "list"
    item: Selector | Literal["auto"] = "auto"
    link: Selector = ""
    title: Selector = ""
    time: Selector = ""
    body: Selector | Literal["auto"] = "auto"
    keep: Selector = ""
    ignore: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    robots: bool = True
    recheck: tuple[Duration, ...] = RECHECK[1:]

    def find_missing(self) -> str | None:
        """The extractor of texts, where no selector is given for the body and it is missing."""
        if self.mode == "page" or self.body != "auto" or find_spec("trafilatura") is not None:
            return None
        return f"its texts cannot be read, because trafilatura is not installed; run: {INSTALL}"

    def is_one_document(self) -> bool:
        """A page is; a list has a post for each statement."""
        return self.mode == "page"

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)
