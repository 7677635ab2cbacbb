"""Stored files as answers: their type by their bytes, parts of them on request; only sound, film and pictures open."""

import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from bot.web.room import room_of
from bot.web.viewer import viewer_of
from storage.media.shelf import path_of
from storage.media.summary import find_stored_file
from storage.media.types import FILMS, PICTURES, SOUNDS, ending

if TYPE_CHECKING:
    from starlette.requests import Request

_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes=([0-9]{0,30})-([0-9]{0,30})", re.IGNORECASE)
_PIECE = 1 << 16
_OPENED = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
SHOWN = PICTURES | SOUNDS | FILMS
# whatever its bytes are: it may load nothing, run nothing, and belongs to no site
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


async def answer_file(request: "Request", digest: str) -> Response | None:
    """The file with this SHA-256, or the part that was asked for; None where this viewer has no such file.

    Raises HTTPException (416) for a part beyond its end.
    """
    room = room_of(request)
    if not _SHA256.fullmatch(digest):
        return None
    found = await room.reading.read(viewer_of(request), find_stored_file, digest)
    if found is None:
        return None
    path = room.config.data_dir / path_of(digest)
    size = await to_thread.run_sync(_measure, path)
    if size is None:
        return None
    etag = f'"{digest}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": _disposition(digest, found.name, found.sniffed),
        "Cache-Control": "private, no-cache",  # its bytes never change, but who may have them does
    }
    part = _read_range(request, size, etag)
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    if part is not None and part[0] >= part[1]:
        raise HTTPException(
            416, f"the file ends before that: it has {size} bytes", {"Content-Range": f"bytes */{size}"}
        )
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    kind = found.sniffed or "application/octet-stream"
    pieces = _read_pieces(path, start, end if request.method == "GET" else start)
    return StreamingResponse(pieces, 200 if part is None else 206, headers, kind)


def _read_range(request: "Request", size: int, etag: str) -> tuple[int, int] | None:
    """The one part that is asked for, [start, end); None for all of it, also where several parts are asked for.

    An empty part lies beyond the end. See RFC 9110, 14.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    wanted = request.headers.get("if-range")
    if asked is None or asked[1] == asked[2] == "" or (wanted is not None and wanted != etag):
        return None
    if not asked[1]:
        return max(size - int(asked[2]), 0), size if int(asked[2]) else 0
    start, end = int(asked[1]), int(asked[2]) + 1 if asked[2] else max(size, int(asked[1]) + 1)
    if end <= start:
        return None  # no part at all, as 5-3
    return start, min(end, size)


def _measure(path: Path) -> int | None:
    """How large a file is; None where there is none."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


async def _read_pieces(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    if start >= end:
        return
    descriptor = os.open(path, _OPENED)
    try:
        while start < end:
            piece = await to_thread.run_sync(os.pread, descriptor, min(_PIECE, end - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece
    finally:
        os.close(descriptor)


def _disposition(digest: str, name: str | None, sniffed: str | None) -> str:
    """Whether it is shown or only kept, and its name, which strangers wrote: nothing in it ends the header."""
    kept = (name or f"{digest[:16]}.{ending(sniffed or '')}").replace("/", "_").replace("\\", "_")[:200]
    how = "inline" if sniffed in SHOWN else "attachment"
    return f"{how}; filename*=UTF-8''{quote(kept.encode('utf-8', 'replace'), safe='')}"
