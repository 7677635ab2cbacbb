"""What a person sees where there is no page: one sentence, and what to do."""

from typing import TYPE_CHECKING, cast

from starlette.exceptions import HTTPException

from bot.errors import UserError
from bot.foreign.text import visible
from bot.web.api.refusals import FOR_PROGRAMS, REFUSALS, RequestRefused
from bot.web.layout import page
from storage.archive.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    Answering = Callable[[Request, Exception], Response]

_NAMED = {403: "forbidden", 404: "missing", 405: "method"}


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


def _by_place(kind: type[Exception], as_page: "Answering") -> "Answering":
    """A page for people; what programs read for what lies below the addresses of programs."""

    def answer(request: "Request", problem: Exception) -> "Response":
        for_programs = request.url.path.startswith(FOR_PROGRAMS)
        return REFUSALS[kind](request, problem) if for_programs else as_page(request, problem)

    return answer


PROBLEMS: "Mapping[type[Exception], Answering]" = {
    RequestRefused: REFUSALS[RequestRefused],
    **{
        kind: _by_place(kind, as_page)
        for kind, as_page in (
            (HTTPException, _by_status),
            (UserError, _by_mistake),
            (ArchiveError, _by_archive),
            (Exception, _by_bug),
        )
    },
}
