"""What a person sees where there is no page: one sentence, and what to do."""

from typing import TYPE_CHECKING, cast

from starlette.exceptions import HTTPException

from bot.errors import UserError
from bot.foreign.text import visible
from bot.web.layout import page
from storage.archive.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

_NAMED = {404: "missing", 405: "method"}


def _by_status(request: "Request", problem: Exception) -> "Response":
    refused = cast("HTTPException", problem)
    kind = _NAMED.get(refused.status_code, "bad")
    answer = page(request, "problem.html", status=refused.status_code, kind=kind, sentence=None)
    answer.headers.update(refused.headers or {})
    return answer


def _by_mistake(request: "Request", problem: Exception) -> "Response":
    return page(request, "problem.html", status=400, kind="bad", sentence=visible(str(problem), newlines=True))


def _by_archive(request: "Request", problem: Exception) -> "Response":
    sentence = visible(str(problem))
    answer = page(request, "problem.html", status=503, kind="archive", sentence=sentence)
    answer.headers["Retry-After"] = "10"
    return answer


def _by_bug(request: "Request", problem: Exception) -> "Response":  # noqa: ARG001  the log has it
    return page(request, "problem.html", status=500, kind="failed", sentence=None)


PROBLEMS: "Mapping[type[Exception], Callable[[Request, Exception], Response]]" = {
    HTTPException: _by_status,
    UserError: _by_mistake,
    ArchiveError: _by_archive,
    Exception: _by_bug,
}
