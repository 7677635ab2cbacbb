"""Files that never change while the program runs: style, script, fonts, each with its hash in its address."""

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED = (".css", ".js", ".svg", ".txt")  # fonts are packed already
_FOREVER = "public, max-age=31536000, immutable"


def _walk(folder: Traversable, above: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in folder.iterdir():
        if one.is_dir():
            found |= _walk(one, f"{above}{one.name}/")
        elif PurePosixPath(one.name).suffix in _TYPES:
            found[above + one.name] = one.read_bytes()
    return found


_INSIDE = re.compile(rb"url\(([^)]+)\)")


@cache
def _read_all() -> dict[str, bytes]:
    found = _walk(files("bot.web") / "static")

    def stamped(name: re.Match[bytes]) -> bytes:
        inside = name[1].decode()
        return f"url({inside}?v={_stamp(found[inside])})".encode()

    return {name: _INSIDE.sub(stamped, data) if name.endswith(".css") else data for name, data in found.items()}


@cache
def _hash(name: str) -> str:
    return _stamp(_read_all()[name])


def _stamp(data: bytes) -> str:
    return sha256(data).hexdigest()[:12]


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_read_all()[name], mtime=0)


def address(name: str) -> str:
    """The address of a file, which changes with its bytes."""
    return f"/static/{name}?v={_hash(name)}"


async def serve_asset(request: "Request") -> Response:
    """Answer with one of the files; a browser that asks by the hash keeps it for good."""
    name = request.path_params["name"]
    found = _read_all().get(name)
    if found is None:
        raise HTTPException(404)
    kept = _FOREVER if request.query_params.get("v") == _hash(name) else "no-cache"
    headers = {"Cache-Control": kept, "ETag": f'"{_hash(name)}"', "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if name.endswith(_PACKED) and "gzip" in request.headers.get("accept-encoding", ""):
        found = _packed(name)
        headers["Content-Encoding"] = "gzip"
    return Response(found, media_type=_TYPES[PurePosixPath(name).suffix], headers=headers)
