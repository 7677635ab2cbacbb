"""What the Telegram world answers: one module for each family of methods, one function for each method."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.telegram_world.answers import channels, config, files, messages, sign_in, updates
from tests.telegram_world.answers.visit import Reply, Visit
from tests.telegram_world.faults import Refusal

__all__ = ["Reply", "Visit", "answer", "method_of"]

_ANSWERS: Mapping[str, Callable[[Visit, Any], Reply]] = {
    **channels.ANSWERS,
    **files.ANSWERS,
    **config.ANSWERS,
    **messages.ANSWERS,
    **sign_in.ANSWERS,
    **updates.ANSWERS,
}


def method_of(request: Any) -> str:
    """The TL name of a request, such as "messages.getHistory"."""
    kind = type(request)
    family = kind.__module__.rsplit(".", 1)[-1]
    name = kind.__name__.removesuffix("Request")
    name = name[0].lower() + name[1:]
    return name if family == "functions" else f"{family}.{name}"


def answer(visit: Visit, method: str, request: Any) -> Reply:
    """Do what is asked. Raises Refusal for what the real server would refuse, or what this world does not know."""
    if method not in _ANSWERS:
        raise Refusal(400, "INPUT_METHOD_INVALID")
    if visit.key.account is None and method not in sign_in.OPEN and method not in config.OPEN:
        raise Refusal(401, "AUTH_KEY_UNREGISTERED")
    return _ANSWERS[method](visit, request)
