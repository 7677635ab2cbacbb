"""Documents as answers: JSON, JSON lines or CSV, as asked; a list is read page by page, and never whole in memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import Response, StreamingResponse

from bot.documents.forms import write_form
from bot.foreign.text import json_text
from bot.web.access.gate import NotLetIn, is_still_let_in
from bot.web.api.asking import MOST, USUAL, ApiRequest
from bot.web.api.refusals import RequestRefused
from bot.web.room import room_of
from bot.web.viewer import viewer_of
from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.requests import Request

    from storage.archive.database import Reader

JSON = "application/json"
FORMS = {"json": JSON, "jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}
_NAMES = {  # of each form in Accept; among equals the first form is chosen
    "json": ("application/json",),
    "jsonl": ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines"),
    "csv": ("text/csv",),
}
_PIECE = 100  # documents of a page of a list that has no end: who reads slowly keeps one in memory
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A part of a list; `after` is where the next part begins, None at the end."""

    documents: Sequence[Document]
    after: str | None


PageReader = Callable[["Reader", ApiRequest, str | None, int], ListPage]


def choose_form(request: "Request", suffix: str) -> str:
    """The form that a request wants: by its suffix, else by Accept (RFC 9110, 12.5.1). Raises RequestRefused, 406."""
    if suffix:
        return suffix
    wanted = _read_accept(",".join(request.headers.getlist("accept")))
    best = max(_NAMES, key=lambda form: _weigh(form, wanted))
    if wanted and not _weigh(best, wanted)[0]:
        raise RequestRefused(406, "it is given as application/json, application/x-ndjson or text/csv")
    return best


def _weigh(form: str, wanted: Mapping[str, tuple[float, int]]) -> tuple[float, int, int]:
    """How much a form is wanted: what names it most exactly says so; among equals what is named exactly, then first."""
    names = _NAMES[form]
    for exactness, named in ((2, names), (1, (f"{names[0].partition('/')[0]}/*",)), (0, ("*/*",))):
        if found := [wanted[name] for name in named if name in wanted]:
            weight, place = max(found)
            return weight, exactness, -place
    return 0.0, 0, 0


def _read_accept(header: str) -> dict[str, tuple[float, int]]:
    """The weight of each type that is named, and its place."""
    found: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(header[:1000].split(",")):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        written = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if kind:
            found.setdefault(kind, (_read_weight(written), place))
    return found


def _read_weight(written: str) -> float:
    try:
        weight = float(written)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def answer_text(request: "Request", text: str, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """A whole answer with its ETag; 304 for who has it already."""
    body = text.encode()
    sent = {"ETag": f'"{sha256(body).hexdigest()[:32]}"', **(headers or {})}
    if is_known(request, sent["ETag"]):
        return Response(status_code=304, headers=sent)
    return Response(body, 200, sent, media_type)


def is_known(request: "Request", etag: str) -> bool:
    """Whether the other side has this already (RFC 9110, 13.1.2)."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]


def answer_document(request: "Request", document: Document, asked: ApiRequest) -> Response:
    """One document."""
    chosen = _choose(document, _check_fields(asked.fields, tuple(document)))
    return answer_text(request, json_text(chosen), JSON)


async def answer_list(
    request: "Request", look: PageReader, columns: Sequence[str], asked: ApiRequest, form: str
) -> Response:
    """A list, or a page of it: JSON has a page, the other forms have all."""
    fields = _check_fields(asked.fields, columns)
    chosen = fields or tuple(columns)
    name = request.url.path.rstrip("/").rpartition("/")[2].partition(".")[0]
    headers = {"Vary": "Accept, Authorization, Cookie"}
    if form == "csv":
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    if form == "json" and (asked.limit or 0) > MOST:
        raise RequestRefused(400, f"limit is at most {MOST} in JSON; JSON lines and CSV give all", "limit")
    left = (asked.limit or USUAL) if form == "json" else asked.limit
    size = MOST if form == "json" else _PIECE
    first = await _read_page(request, look, asked, asked.text("cursor"), size if left is None else min(left, size))
    whole = first.after is None or (left is not None and len(first.documents) >= left)
    following = _next_address(request, first.after)
    if form == "json":
        if following:
            headers["Link"] = f'<{following}>; rel="next"'
        items = [_choose(one, fields) for one in first.documents]
        return answer_text(request, json_text({"items": items, "next": following}), JSON, headers)
    if whole:
        if following:
            headers["Link"] = f'<{following}>; rel="next"'
        text = "".join(write_form(form, (_choose(one, fields) for one in first.documents), chosen))
        return answer_text(request, text, FORMS[form], headers)
    pieces = _write_pages(request, look, asked, first, (form, fields, chosen, left))
    return StreamingResponse(pieces, 200, headers, FORMS[form])


async def _write_pages(
    request: "Request",
    look: PageReader,
    asked: ApiRequest,
    first: ListPage,
    how: tuple[str, Sequence[str], Sequence[str], int | None],
) -> AsyncIterator[str]:
    """All pages, one in memory at a time; each is read by itself, so that a slow reader holds nothing open."""
    form, fields, chosen, left = how
    page, is_first = first, True
    del first
    while True:
        pieces = write_form(form, (_choose(one, fields) for one in page.documents), chosen)
        if form == "csv" and not is_first:
            next(iter(pieces))  # the header
        for piece in pieces:
            yield piece
        left = None if left is None else left - len(page.documents)
        if page.after is None or left == 0:
            return
        if not await is_still_let_in(request):
            raise NotLetIn("Whoever asked for this list may no longer read it.")
        page, is_first = await _read_page(request, look, asked, page.after, min(left or _PIECE, _PIECE)), False


async def _read_page(request: "Request", look: PageReader, asked: ApiRequest, after: str | None, size: int) -> ListPage:
    return await room_of(request).reading.read(viewer_of(request), look, asked, after, size)


def _next_address(request: "Request", after: str | None) -> str | None:
    if after is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{quote(request.url.path)}?{urlencode([*kept, ('cursor', after)])}"


def _check_fields(fields: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for field in fields:
        if field not in known:
            raise RequestRefused(400, f"there is no field {field[:40]!r}: {', '.join(known)}", "fields")
    return tuple(dict.fromkeys(fields))


def _choose(document: Document, fields: Sequence[str]) -> Document:
    return {field: document[field] for field in fields} if fields else document
