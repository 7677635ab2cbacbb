"""PURE: the address of a page without what changes though the page stays the same."""

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

_MARKS = re.compile(r"utm_\w+|fbclid|gclid|dclid|msclkid|yclid|mc_[ce]id|igshid|_ga|_gl|at_(?:medium|campaign)\w*")
_SESSIONS = re.compile(
    r"j?sid|s?ess(?:ion)?_?(?:id)?|(?:php|j|asp|cf)sess(?:ion)?id\w*|cfid|cftoken|osc?sid|zenid|token|auth",
    re.IGNORECASE,
)
_IN_PATH = re.compile(r";(?:j?sessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)
_SHORTEST_SESSION = 16  # characters: a shorter "sid" may be the number of a story


@lru_cache(4_096)  # each link of a feed is named several times
def name_page(address: str) -> str:
    """Name the page of an address: without scheme, "www.", usual port, closing slash, session ids and campaign marks.

    What is no web address names itself.
    """
    parts = _split(address)
    if parts is None:
        return address
    host = (parts.hostname or "").removeprefix("www.")
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    return f"{host}{port}{_name_on_site(parts)}"


def name_on_site(address: str) -> str:
    """The same without the host; "" for the front page and for what is no web address."""
    parts = _split(address)
    return "" if parts is None else _name_on_site(parts)


def _name_on_site(parts: SplitResult) -> str:
    kept = sorted(pair for pair in re.split("[&;]", parts.query) if pair and not _changes(pair))
    query = f"?{'&'.join(kept)}" if kept else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{_IN_PATH.sub('', parts.path).rstrip('/')}{query}{fragment}"


def without_session(address: str) -> str:
    """The address without session ids; unchanged where there is none."""
    return _without(_is_session, _IN_PATH.sub("", address))


def without_marks(address: str) -> str:
    """The address without the marks of campaigns, such as `utm_source=list`; unchanged where there is none."""
    return _without(_is_mark, address)


def _without(is_left_out: Callable[[str], bool], address: str) -> str:
    start, mark, rest = address.partition("?")
    query, hash_, fragment = rest.partition("#")
    pairs = query.split("&")
    kept = [pair for pair in pairs if not is_left_out(pair)]
    if len(kept) == len(pairs):
        return address
    return f"{start}{mark if kept else ''}{'&'.join(kept)}{hash_}{fragment}"


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address.strip())
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _changes(pair: str) -> bool:
    return _is_mark(pair) or _is_session(pair)


def _is_mark(pair: str) -> bool:
    return _MARKS.fullmatch(pair.partition("=")[0]) is not None


def _is_session(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return len(value) >= _SHORTEST_SESSION and _SESSIONS.fullmatch(name) is not None
