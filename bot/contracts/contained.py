"""Coroutines of other people's classes: whatever they raise ends the call alone, never the program."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import getattr_static, iscoroutinefunction
from typing import Any

Method = Callable[..., Coroutine[Any, Any, Any]]


class OddExit(Exception):
    """Raised in the place of `SystemExit` and its like, which would end the loop."""


def contain(owner: type[Any]) -> None:
    """Have the coroutine methods of this class raise an OddExit where they would end more than themselves."""
    for name in dir(owner):
        method = getattr_static(owner, name)
        if iscoroutinefunction(method) and not hasattr(method, "is_contained"):
            setattr(owner, name, _contained(method))


def _contained(method: Method) -> Method:
    @wraps(method)
    async def contained(*arguments: Any, **named: Any) -> Any:
        try:
            return await method(*arguments, **named)
        except (Exception, GeneratorExit, KeyboardInterrupt):
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise OddExit("it raised CancelledError, and nobody had cancelled it") from None
        except BaseException as odd:
            raise OddExit(f"it raised {type(odd).__name__}") from odd

    contained.is_contained = True  # type: ignore[attr-defined]
    return contained
