"""What programs do by the API: alerts taken up and judged, mutes begun and ended; asked for as on the pages."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.documents.as_json import iso
from bot.errors import NotFound, UserError
from bot.foreign.text import json_text
from bot.web.access.forms import form_of
from bot.web.acting import ARGUMENTS, file_request, make_key, wait_for
from bot.web.api.refusals import RequestRefused, misread, missing
from storage.frozen import dataclass
from storage.language.tree import QueryError

if TYPE_CHECKING:
    from starlette.requests import Request

    from storage.people.requests import ActionRow

_PATIENCE_S = 2.0
_LONGEST_KEY = 200
KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class ApiAction:
    """One address that changes something: what it does, the name of the id in it, and the fields that it takes."""

    path: str
    what: str
    meaning: str
    about: str = ""
    fields: tuple[str, ...] = ()


ACTIONS = (
    ApiAction("/alerts/{id}/ack", "ack", "Take up the event of an alert.", "alert"),
    ApiAction("/alerts/{id}/useful", "useful", "Say that what the rule found was useful.", "alert"),
    ApiAction("/alerts/{id}/noise", "noise", "Say that what the rule found was noise.", "alert"),
    ApiAction("/mutes", "mute", "Mute alerts for a time.", "", ARGUMENTS[2:]),
    ApiAction("/mutes/{id}/end", "unmute", "End a mute.", "mute"),
)


def list_action_routes(root: str) -> list[BaseRoute]:
    """The routes of all of them."""
    return [Route(f"{root}{one.path}", _answer_of(one), methods=["POST"]) for one in ACTIONS]


def _answer_of(action: ApiAction) -> Any:
    async def answer(request: "Request") -> Response:
        given = await _read_fields(request, action)
        if action.about:
            given[action.about] = request.path_params["id"]
        key = request.headers.get(KEY, "") or make_key()
        if len(key) > _LONGEST_KEY:
            raise RequestRefused(400, f"{KEY} is longer than {_LONGEST_KEY} letters")
        try:
            asked = await file_request(request, action.what, given, f"api {key}")
        except NotFound:
            raise missing() from None
        except QueryError as mistake:
            raise misread(mistake, "query") from None
        except UserError as mistake:
            raise RequestRefused(400, str(mistake), mistake.about) from None
        found = await wait_for(request, asked.key, _PATIENCE_S) or asked
        status = 202 if found.done_at is None else 200 if found.outcome == "ok" else 409
        return Response(json_text(request_json(found)), status, media_type="application/json")

    return answer


def request_json(asked: "ActionRow") -> dict[str, object]:
    """What was asked for, and what came of it."""
    return {
        "what": asked.what,
        "arguments": dict(asked.arguments),
        "by": asked.who,
        "asked_at": iso(asked.asked_at),
        "done_at": iso(asked.done_at),
        "outcome": asked.outcome,
        "said": asked.said,
    }


async def _read_fields(request: "Request", action: ApiAction) -> dict[str, str]:
    """The fields of a form or of a JSON object; an unknown one is a mistake. Raises RequestRefused."""
    given: Mapping[str, object] = form_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        given = _read_object(await request.body())
    unknown = next((name for name in given if name not in (*action.fields, "form")), None)
    if unknown is not None:
        raise RequestRefused(
            400, f"there is no field {unknown[:40]}: {', '.join(action.fields) or 'none'}", unknown[:40]
        )
    odd = next((name for name, value in given.items() if not _is_text(value)), None)
    if odd is not None:
        raise RequestRefused(400, f"{odd} is not a text", odd)
    return {name: ("true" if value else "") if isinstance(value, bool) else str(value) for name, value in given.items()}


def _is_text(value: object) -> bool:
    """Whether it can be written down: JSON can also name halves of letters."""
    return isinstance(value, bool) or (isinstance(value, str) and value.encode(errors="replace").decode() == value)


def _read_object(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise RequestRefused(400, "the body is no JSON object")
    return found
