"""Reads secrets, and removes them from the text of a failure before anybody sees it."""

from bot.contracts.settings import SecretFile
from bot.errors import Later, Never, UserError
from bot.http.masking import strike_secrets


def read_secret(secret: SecretFile) -> str:
    """The secret without white space around it. Raises Never, which names the file and never its content."""
    try:
        return secret.read().strip()
    except UserError as problem:
        raise Never("its secret cannot be read", remedy=str(problem)) from None


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
