"""The pages `/export` and `/export/file`: an answer as a file for another program, made of what its reader may read."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from bot.errors import UserError
from bot.export import FORMATS
from bot.export.making import Order, export
from bot.export.packing import pack
from bot.listing.times import Zone, parse_span
from bot.web.access.gate import is_still_let_in
from bot.web.asking import Asking, read_asking
from bot.web.layout import page, say_of, zone_of
from bot.web.pages.search import dates_of, point_at
from bot.web.room import read, room_of
from bot.web.viewer import viewer_of
from storage.language.query import Query, QueryError, parse
from storage.search.selection import Selection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader

MOST = 100_000  # posts; larger exports are made by the command
_PATIENCE_S = 30.0
_PLACES = BoundedSemaphore(2)  # exports at a time: the other threads stay free for pages
_ENDINGS = {"ftm": "ftm.json", "timeline": "json"}


async def show_export(request: "Request") -> "Response":
    """Show the form: the formats, and what is exported."""
    return _form(request, read_asking(request.query_params), None)


async def send_export(request: "Request") -> "Response":
    """Make an export and send it: one file, or with its manifest and where there are several files a ZIP."""
    asking = read_asking(request.query_params)
    chosen = request.query_params.get("format", "")
    if chosen not in FORMATS:
        raise UserError("choose one of the formats of the page /export")
    try:
        order = Order(chosen, _written(asking), _select(request, asking), most=MOST)
    except QueryError as mistake:
        return _form(request, asking, mistake)
    packed = request.query_params.get("zip") == "1"
    room = room_of(request)
    if not _PLACES.acquire(blocking=False):
        sentence = say_of(request)("export.busy")
        return page(request, "problem.html", status=503, kind="bad", sentence=sentence)
    try:
        folder = Path(tempfile.mkdtemp(prefix="communique-export-"))
        try:
            file = await read(request, _make, room.config.data_dir, order, folder, room.clock.monotonic, packed=packed)
            await _expect_let_in(request)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    finally:
        _PLACES.release()
    done_with = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(file, filename=file.name, media_type="application/octet-stream", background=done_with)


async def _expect_let_in(request: "Request") -> None:
    if not await is_still_let_in(request):
        raise HTTPException(403)


def _make(
    reader: "Reader", data_dir: Path, order: Order, folder: Path, monotonic: Callable[[], float], *, packed: bool
) -> Path:
    end = monotonic() + _PATIENCE_S

    def looking(_: int) -> None:
        if monotonic() > end:
            raise UserError("the search takes too long for a page: narrow it, or use `communique export`")

    done = export(reader, data_dir, replace(order, looking=looking), folder / _name(order.format))
    if done.path.is_file() and not packed:
        return done.path
    file = folder / f"{done.path.name}.zip"
    with file.open("xb") as out:
        pack(done, out)
    return file


def _name(chosen: str) -> str:
    return f"posts.{_ENDINGS.get(chosen, chosen)}"


def _written(asking: Asking) -> str | None:
    return asking.as_rule(whole=True) or None


def _select(request: "Request", asking: Asking) -> Selection:
    """What the form asks for, of what whoever asks may read. Raises QueryError and UserError."""
    room, zone, written = room_of(request), zone_of(request), _written(asking)
    terms = room.terms() if written and "@" in written else {}
    query: Query | None = parse(written, dates_of(request), terms) if written else None
    given = {name: request.query_params.get(name, "").strip() or None for name in ("since", "until")}
    if day := asking.chosen.get("day"):
        given = {"since": given["since"] or day, "until": given["until"] or day}
    since, until = parse_span(given["since"], given["until"], Zone(zone, zone), room.clock.now())
    return Selection(query, since, until, may_read=viewer_of(request).sources)


def _form(request: "Request", asking: Asking, mistake: QueryError | None) -> "Response":
    return page(
        request,
        "export.html",
        status=200 if mistake is None else 400,
        asking=asking,
        mistake=None if mistake is None else point_at(asking, mistake),
        formats=FORMATS,
        chosen=request.query_params.get("format", "csv"),
        since=request.query_params.get("since", ""),
        until=request.query_params.get("until", ""),
        most=MOST,
    )
