"""Reads secrets, and removes them from the text of a failure before anybody sees it."""

import re

from bot.contracts.settings import SecretFile
from bot.errors import Later, Never, UserError


def read_secret(secret: SecretFile) -> str:
    """The secret without white space around it. Raises Never, which names the file and never its content."""
    try:
        return secret.read().strip()
    except UserError as problem:
        raise Never("its secret cannot be read", remedy=str(problem)) from None


def strike_secrets(words: str, *secrets: str) -> str:
    """The words with every secret in them as `***`. Call it before they are cut, which would leave a part of one."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        words = words.replace(secret, "***")
    return words


def mask_secrets(problem: Later | Never, *secrets: str) -> Later | Never:
    """The same failure with every secret in its text as `***`; raise it `from None`: causes keep their text."""

    def strike(words: str) -> str:
        return strike_secrets(words, *secrets)

    if isinstance(problem, Later):
        return Later(
            strike(problem.reason),
            retry_at=problem.retry_at,
            state=problem.state,
            obey=problem.obey,
            unsure=problem.unsure,
            unreached=problem.unreached,
        )
    return type(problem)(strike(problem.reason), remedy=strike(problem.remedy), state=problem.state)


def secret_parts(url: str) -> tuple[str, ...]:
    """Everything in a URL that may be a secret: the whole, what follows the host, and each long piece of that."""
    rest = re.sub(r"^[a-z0-9+.-]+://", "", url, flags=re.IGNORECASE)
    pieces = [piece for piece in re.split(r"[/?&=#:@]", rest) if len(piece) >= 8]
    _, slash, path = rest.partition("/")
    host = re.split(r"[/?#]", rest.rpartition("@")[2])[0].rpartition(":")[0] or re.split(r"[/?#]", rest)[0]
    return (url, rest, f"{slash}{path}" if len(path) > 1 else "", *(piece for piece in pieces if piece != host))
