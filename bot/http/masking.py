"""PURE: hides what may be a secret in an address, and in words that repeat one."""

import re
from collections.abc import Iterator

MASK = "***"
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_SIGNS = r"token|(?<!\br)key(?!word)|secret|pass(?!age)|auth(?!or(?!i))|sig(?:nature)?(?![a-z])|session"
_IS_SECRET = re.compile(_SIGNS, re.IGNORECASE)
_NAME = re.compile(r"[?&#;]([^=&#;]*+)")
_VALUE = re.compile(r"[^&#;]*")

_WORD = re.compile("[a-z]{1,15}")


def mask_address(url: str) -> str:
    """The address without its login and without the values of parameters that sound like keys."""
    url = _LOGIN.sub(f"{MASK}@", url)
    shown: list[str] = []
    at = 0
    for begin, end in _find_values(url):
        shown += [url[at:begin], MASK]
        at = end
    return "".join((*shown, url[at:]))


def hidden_values(url: str) -> tuple[str, ...]:
    """The values of parameters that `mask_address` hides."""
    return tuple(url[begin:end] for begin, end in _find_values(url))


def _find_values(url: str) -> Iterator[tuple[int, int]]:
    """Where the values of those parameters are; one pass, since servers send us addresses of any length."""
    at = 0
    while found := _NAME.search(url, at):
        at = found.end()
        if url.startswith("=", at) and _IS_SECRET.search(found[1]) and (value := _VALUE.match(url, at + 1)):
            yield value.span()
            at = value.end()


def strike_secrets(words: str, *secrets: str) -> str:
    """The words with every secret in them as `***`. Call it before they are cut, which would leave a part of one."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        words = words.replace(secret, MASK)
    return words


def secret_parts(url: str) -> tuple[str, ...]:
    """Everything in a URL that may be a secret: the whole, what follows the host, and each long piece of that.

    A piece that is a plain word (`messages`) is none, and would be struck from our own sentences.
    """
    rest = re.sub(r"^[a-z0-9+.-]+://", "", url, flags=re.IGNORECASE)
    pieces = [piece for piece in re.split(r"[/?&=#:@]", rest) if len(piece) >= 8 and not _WORD.fullmatch(piece)]
    _, slash, path = rest.partition("/")
    host = re.split(r"[/?#]", rest.rpartition("@")[2])[0].rpartition(":")[0] or re.split(r"[/?#]", rest)[0]
    return (url, rest, f"{slash}{path}" if len(path) > 1 else "", *(piece for piece in pieces if piece != host))
