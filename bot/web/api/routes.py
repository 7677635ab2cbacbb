"""The routes of the API, made from the table of its addresses."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Match, Route

from bot.web.api.actions import list_action_routes
from bot.web.api.answers import FORMS, JSON, answer_document, answer_list, answer_text, choose_form
from bot.web.api.asking import read_asked
from bot.web.api.endpoints import DOCUMENTS, LISTS, DocumentEndpoint, ListEndpoint
from bot.web.api.openapi import write_description
from bot.web.api.refusals import FOR_PROGRAMS, missing
from bot.web.api.stream import answer_stream
from bot.web.files import answer_file
from bot.web.room import read, room_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

    Answer = Callable[[Request], Awaitable[Response]]

ROOT = "/api/v1"


def _list_of(endpoint: ListEndpoint) -> "Answer":
    async def answer(request: "Request") -> "Response":
        suffix = request.path_params.get("form", "")
        if suffix and suffix not in FORMS:
            raise missing()
        form = choose_form(request, suffix)
        asked = read_asked(request, room_of(request), endpoint.parameters)
        return await answer_list(request, endpoint.look, endpoint.columns, asked, form)

    return answer


def _document_of(endpoint: DocumentEndpoint) -> "Answer":
    async def answer(request: "Request") -> "Response":
        asked = read_asked(request, room_of(request), endpoint.parameters)
        document = await read(request, endpoint.look, asked, *request.path_params.values())
        return answer_document(request, document, asked)

    return answer


async def _describe(request: "Request") -> "Response":
    return answer_text(request, write_description(), JSON)


async def _give_file(request: "Request") -> "Response":
    found = await answer_file(request, request.path_params["sha256"])
    if found is None:
        raise missing()
    return found


def _routes() -> "list[BaseRoute]":
    found: list[BaseRoute] = [
        Route(f"{ROOT}/openapi.json", _describe),
        Route(f"{ROOT}/files/{{sha256}}", _give_file),
        Route(f"{ROOT}/stream", answer_stream),
    ]
    found += list_action_routes(ROOT)
    for listed in LISTS:
        found += [Route(f"{ROOT}{listed.path}{end}", _list_of(listed)) for end in ("", ".{form}")]
    for one in DOCUMENTS:
        path = one.path.replace("{number}", "{number:path}")
        found.append(Route(f"{ROOT}{path}", _document_of(one)))
    return found


API: "tuple[BaseRoute, ...]" = tuple(_routes())


def is_taken(scope: "Scope") -> bool:
    """Whether an address of the API takes this method; True for every other address."""
    if not scope["path"].startswith(FOR_PROGRAMS):
        return True
    return any(route.matches(scope)[0] == Match.FULL for route in API)
