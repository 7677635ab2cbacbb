"""Answers to what a program asked wrongly and to what failed: problem details by RFC 9457, with the place."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from bot.errors import NotFound, UserError
from bot.foreign.text import json_text, visible
from storage.archive.errors import ArchiveError
from storage.language.tree import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

TYPE = "application/problem+json"
FOR_PROGRAMS = ("/api/", "/feeds/")  # addresses that programs read
_MISSING = "there is nothing with this name here"  # the same for what does not exist and for what may not be read
_FORBIDDEN = "this is not yours to do: it needs another role, or a token of scope act"
_SENTENCES = {404: _MISSING, 403: _FORBIDDEN}
_RETRY_S = 10


class RequestRefused(Exception):
    """A request that cannot be answered as it is: the sentence, and the parameter in which the mistake is.

    `position` counts letters from 0 in that parameter.
    """

    def __init__(self, status: int, detail: str, parameter: str | None = None, position: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.parameter = parameter
        self.position = position


def missing() -> RequestRefused:
    """There is no such thing, or this viewer may not read it."""
    return RequestRefused(404, _MISSING)


def misread(mistake: QueryError, parameter: str = "q") -> RequestRefused:
    """A query that cannot be read, with its place."""
    return RequestRefused(400, str(mistake), parameter, mistake.position)


def problem_details(
    status: int,
    detail: str,
    *,
    parameter: str | None = None,
    position: int | None = None,
    headers: "Mapping[str, str] | None" = None,
) -> Response:
    """The answer."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": visible(detail),
    }
    if parameter is not None:
        document["parameter"] = parameter
    if position is not None:
        document["position"] = position
    return Response(json_text(document), status, dict(headers or {}), TYPE)


def _by_refusal(_: "Request", refused: Exception) -> Response:
    found = cast("RequestRefused", refused)
    return problem_details(found.status, str(found), parameter=found.parameter, position=found.position)


def _by_status(request: "Request", refused: Exception) -> Response:
    found = cast("HTTPException", refused)
    headers = dict(found.headers or {})
    if found.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_find_methods(request))
        return problem_details(405, f"this address takes {headers['Allow']}", headers=headers)
    return problem_details(found.status_code, _SENTENCES.get(found.status_code, found.detail), headers=headers)


def _find_methods(request: "Request") -> list[str]:
    """What an address takes: one may be that of a list, and of an action too."""
    routes = (one for one in request.app.routes if one.matches(request.scope)[0] != Match.NONE)
    return sorted({method for route in routes for method in route.methods or ()})


def _by_mistake(_: "Request", mistake: Exception) -> Response:
    if isinstance(mistake, NotFound):
        return problem_details(404, _MISSING)
    return problem_details(400, str(mistake), parameter=cast("UserError", mistake).about)


def _by_archive(_: "Request", trouble: Exception) -> Response:
    return problem_details(503, str(trouble), headers={"Retry-After": str(_RETRY_S)})


def _by_bug(_: "Request", __: Exception) -> Response:
    return problem_details(500, "this failed because of a mistake in the program; the journal of `serve` says which")


REFUSALS: "Mapping[type[Exception], Callable[[Request, Exception], Response]]" = {
    RequestRefused: _by_refusal,
    HTTPException: _by_status,
    UserError: _by_mistake,
    ArchiveError: _by_archive,
    Exception: _by_bug,
}
