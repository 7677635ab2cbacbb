"""What an address is, as a source: the kinds that may read it are tried, the surest first."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.errors import Later, Never, UserError
from bot.foreign.text import one_line, visible
from bot.http.masking import mask_address
from storage.frozen import dataclass
from storage.state_names import UNREADABLE

if TYPE_CHECKING:
    from bot.clock import Clock
    from bot.config import Config
    from bot.contracts.source import Recognised, SourceSettings
    from bot.http import Http, Reply
    from storage.records import Batch

_CAP = 8 << 20
_INVITATION = re.compile(r"\b(?:t|telegram)\.me/(?:\+|joinchat\b)|^tg:.*\bjoin\b", re.IGNORECASE)
# Places that show nothing without an account or a payment, so that no kind reads them.
_CLOSED = ("x.com", "twitter.com", "facebook.com", "fb.com", "instagram.com", "threads.net", "vk.com", "tiktok.com")


@dataclass(frozen=True, slots=True)
class Discovery:
    """A kind that reads the address, its keys, and what it showed."""

    kind: str
    keys: Mapping[str, Any]
    batch: "Batch"


async def discover(address: str, config: "Config", http: "Http", clock: "Clock") -> Discovery:
    """Find what reads this address. Raises UserError with the nearest thing that works, Later and Never."""
    from bot import sources

    if hint := _hint(address):
        raise UserError(hint)
    problems: list[Later | Never] = []
    tried: list[str] = []
    page: Reply | None = None
    for kind, found in sources.recognise(address):
        if found.rank > 2 and page is None and "://" in address:
            page = await _page(address, http, problems)
            for named, again in _named(page):
                tried.append(named)
                if discovery := await _try(named, again, config, http, clock, problems):
                    return discovery
        tried.append(kind)
        if discovery := await _try(kind, found, config, http, clock, problems):
            return discovery
        if found.rank == 0:
            break  # nothing else is at such an address
    if not tried:
        raise UserError(
            f'"{visible(address)}" is no address that a source can have: expected one such as https://t.me/NAME, '
            "@name@server, https://bsky.app/profile/NAME, or the address of a page or a feed"
        )
    raise _why(problems, page)


def _why(problems: list[Later | Never], page: "Reply | None") -> Later | Never:
    """What a person reads where nothing fits: the last kind reads any page, so what it says of one counts most."""
    last = problems[-1]
    if isinstance(last, Never):
        return last
    if page is None or not page.ok or "html" not in page.headers.get("content-type", ""):
        return problems[0]
    if last.state != UNREADABLE:
        return last
    return Later(
        "this page names no feed and shows no list of links that repeat; the nearest thing that works is to watch its "
        f'text: kind = "website", url = "{mask_address(page.url)}", mode = "page" (docs/sources/website.md)',
        state=UNREADABLE,
    )


async def _try(
    kind: str, found: "Recognised", config: "Config", http: "Http", clock: "Clock", problems: list[Later | Never]
) -> Discovery | None:
    from bot import sources
    from bot.contracts.source import SourceTools, Want

    settings = _read_settings(kind, found, config)
    if settings is None:
        return None
    tools = SourceTools(http, clock, config.directory)
    try:
        batch = await sources.build(settings, tools).fetch(Want(), None)
    except (Later, Never) as problem:
        problems.append(problem)
        return None
    finally:
        await tools.readers.aclose()
    return Discovery(kind, found.keys, batch)


def _read_settings(kind: str, found: "Recognised", config: "Config") -> "SourceSettings | None":
    from pydantic import ValidationError

    from bot import sources

    try:
        return sources.settings_of(kind).model_validate(
            {"name": "new", "kind": kind, "backfill": 3, **found.keys}, context={"directory": config.directory}
        )
    except ValidationError:
        return None


def list_addresses(address: str, config: "Config") -> list[str]:
    """What may be visited for this address: itself, and the servers that names in it mean. Asks nobody."""
    from bot import sources

    read = [_read_settings(kind, found, config) for kind, found in sources.recognise(address)]
    return [address, *(one for settings in read if settings is not None for one in settings.addresses())]


async def _page(address: str, http: "Http", problems: list[Later | Never]) -> "Reply | None":
    try:
        return await http.get(address.strip(), cap=_CAP, deadline=30)
    except (Later, Never) as problem:
        problems.append(problem)
        return None


def _named(page: "Reply | None") -> "Iterator[tuple[str, Recognised]]":
    from bot import sources
    from bot.foreign.charset import decode

    if page is None or not page.ok:
        return
    try:
        html = decode(page.body, page.headers.get("content-type", "")).text
    except ValueError:
        return
    yield from sources.recognise_page(html, page.url)


def _hint(address: str) -> str:
    """The nearest thing that works, for places that are closed."""
    try:
        host = (
            (urlsplit(address if "://" in address else f"https://{address}").hostname or "")
            .strip(".")
            .removeprefix("www.")
        )
    except ValueError:
        return ""
    if address.lower().startswith(("imap:", "imaps:", "mailto:", "pop3:", "pop3s:")):
        return (
            "a mailbox needs a user, a password file and the senders that count, so write it by hand: "
            'kind = "mail", server = "imaps://HOST:993" and the keys that docs/sources/mail.md shows'
        )
    if _INVITATION.search(address):
        return (
            "an invitation leads to a private channel, which only an account that has joined it can read: "
            'see docs/telegram-account.md, then write kind = "telegram", channel = "the link"'
        )
    closed = next((one for one in _CLOSED if host == one or host.endswith(f".{one}")), None)
    if closed is None:
        return ""
    return (
        f"{one_line(closed)} shows nothing without an account or a payment; the nearest thing that works is the "
        "address of a bridge, such as RSSHub or RSS-Bridge, which gives it as a feed: add that address"
    )
