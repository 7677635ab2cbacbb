"""PURE: hides what may be a secret in an address, and in words that repeat one."""

import re

MASK = "***"
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_SIGNS = r"token|(?<!\br)key(?!word)|secret|pass(?!age)|auth(?!or(?!i))|sig(?:nature)?(?![a-z])|session"
_PARAMETER = re.compile(rf"(?i)([?&#;][^=&#;]*(?:{_SIGNS})[^=&#;]*=)([^&#;]*)")

_WORD = re.compile("[a-z]{1,15}")


def mask_address(url: str) -> str:
    """The address without its login and without the values of parameters that sound like keys."""
    return _PARAMETER.sub(rf"\1{MASK}", _LOGIN.sub(f"{MASK}@", url))


def hidden_values(url: str) -> tuple[str, ...]:
    """The values of parameters that `mask_address` hides."""
    return tuple(found[2] for found in _PARAMETER.finditer(url))


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
