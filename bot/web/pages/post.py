"""The page `/post/ID`: the words as published, and everything that the archive has beside them."""

from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.alerts.document import quote
from bot.alerts.plan import describe_reason
from bot.documents.citation import cite, cite_as_csl, title_of
from bot.documents.event import describe_copy
from bot.foreign.text import json_text
from bot.web.layout import page, say_of
from bot.web.post_view import WholePost, read_whole
from bot.web.room import read
from storage.archive.dictionaries import DamagedBytes
from storage.posts import reading

if TYPE_CHECKING:
    from starlette.requests import Request

    from storage.archive.database import Reader


async def show_post(request: "Request") -> Response:
    """Show a post; `?whole=1` shows long texts to their end."""
    whole = request.query_params.get("whole") == "1"
    found = await _find(request, whole=whole)
    here = _here(request, found)
    return page(
        request,
        "post.html",
        found=found,
        post=found.post,
        title=title_of(found.post),
        citation=cite(found.post, found.name, here),
        describe_reason=describe_reason,
        describe_copy=describe_copy,
        quote=quote,
    )


async def say_changed(request: "Request") -> Response:
    """Answer with a link that loads the post again, where it is not what is shown; else with nothing."""
    found = await _find(request, whole=False)
    if request.query_params.get("mark") == found.mark:
        return Response(status_code=204)
    return HTMLResponse(Markup('<a href="/post/{}">{}</a>').format(found.post.id, say_of(request)("fresh.post")))


async def find_by_number(request: "Request") -> Response:
    """Lead from the name of a source and the id of a post there to its page."""
    key = f"{request.path_params['source']}/{request.path_params['number']}"
    post_id = await read(request, reading.find_post, key)
    if post_id is None:
        raise HTTPException(404)
    return RedirectResponse(f"/post/{post_id}", 302)


async def cite_post(request: "Request") -> Response:
    """Answer with the post as one item of CSL JSON."""
    found = await _find(request, whole=False)
    item = cite_as_csl(found.post, found.name, _here(request, found))
    name = f"post-{found.post.id}.csl.json"
    return Response(
        json_text([item], indent=2) + "\n",
        media_type="application/vnd.citationstyles.csl+json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def send_raw(request: "Request") -> Response:
    """Answer with the bytes of one revision as they were received; no browser opens them."""
    post_id, sha256 = request.path_params["id"], request.path_params["sha256"]
    try:
        raw = await read(request, _read_raw, post_id, sha256)
    except DamagedBytes as damage:
        return page(request, "problem.html", status=500, kind="archive", sentence=f"The bytes {damage}.")
    if raw is None:
        raise HTTPException(404)
    headers = {
        "Content-Disposition": f'attachment; filename="post-{post_id}-{sha256[:12]}.bin"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(raw, media_type="application/octet-stream", headers=headers)


def _read_raw(reader: "Reader", post_id: int, sha256: str) -> bytes | None:
    from storage.posts.post_history import read_history

    if all(revision.raw_sha256 != sha256 for revision in read_history(reader, post_id).revisions):
        return None
    return reading.read_raw(reader, sha256)


async def _find(request: "Request", *, whole: bool) -> WholePost:
    found = await read(request, read_whole, request.path_params["id"], whole=whole)
    if found is None:
        raise HTTPException(404)
    return found


def _here(request: "Request", found: WholePost) -> str:
    return str(request.url.replace(path=f"/post/{found.post.id}", query="", fragment=""))
