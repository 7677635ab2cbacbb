"""The pages `/files` and `/files/SHA256`: which files there are, and one with the posts that show it."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from bot.documents.counts import format_size
from bot.web.layout import page
from bot.web.room import read
from storage.frozen import dataclass
from storage.media import shown
from storage.media.summary import STATES
from storage.posts import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader
    from storage.media.shown import FileLine
    from storage.rows import TextRow

KINDS = ("photo", "video", "voice", "audio", "document", "round", "sticker")
_SHOWN = 50  # files on a page
_POSTS = 50  # that a file's page lists
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAYED = {"image": "picture", "audio": "sound", "video": "film"}
_DRAWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})


@dataclass(frozen=True, slots=True)
class ContentShown:
    """One content: the posts that show it, and what engines read in it or heard."""

    posts: "list[FileLine]"
    texts: "list[TextRow]"
    more: bool

    @property
    def file(self) -> "FileLine":
        """What the oldest post says of it."""
        return self.posts[0]

    @property
    def form(self) -> str | None:
        """How a page can show it, by its bytes: a picture, sound or film; None for what is only handed out."""
        return form_of(self.file.sniffed)


def form_of(sniffed: str | None) -> str | None:
    """How a page can show bytes of this type; drawings with scripts (SVG) and documents: not at all."""
    kind = (sniffed or "").partition("/")[0]
    return None if kind == "image" and sniffed not in _DRAWN else _PLAYED.get(kind)


async def show_files(request: "Request") -> "Response":
    """List files, the newest first; of a kind, a state or a source, if the address says so."""
    chosen = _choose(request.query_params)
    before = request.query_params.get("before", "")
    found = await read(
        request,
        shown.list_newest,
        **chosen,
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
        limit=_SHOWN + 1,
    )

    def address(**changes: object) -> str:
        wanted = {**chosen, **changes}
        return "/files?" + urlencode({name: value for name, value in wanted.items() if value is not None})

    return page(
        request, "files.html", files=found[:_SHOWN], older=found[_SHOWN - 1].id if len(found) > _SHOWN else None,
        chosen=chosen, address=address, kinds=KINDS, states=STATES, size=format_size, form=form_of,
    )  # fmt: skip


def _choose(params: "Mapping[str, str]") -> dict[str, str | None]:
    kind, state = params.get("kind"), params.get("state")
    return {
        "kind": kind if kind in KINDS else None,
        "state": state if state in STATES else None,
        "source": (params.get("source") or "")[:200] or None,
    }


async def show_file(request: "Request") -> "Response":
    """Show one content by its SHA-256."""
    sha256 = request.path_params["sha256"]
    found = None
    if _SHA256.fullmatch(sha256):
        found = await read(request, _read, sha256)
    if found is None:
        raise HTTPException(404)
    return page(request, "file.html", found=found, size=format_size, sha256=sha256)


def _read(reader: "Reader", sha256: str) -> ContentShown | None:
    posts = shown.find_content(reader, sha256, limit=_POSTS + 1)
    if not posts:
        return None
    ids = {one.id for one in posts}
    texts: dict[tuple[str, str], TextRow] = {}
    for post in reading.read_posts(reader, dict.fromkeys(one.post_id for one in posts)):
        for text in post.texts:
            if text.media_id in ids and text.engine is not None:
                texts.setdefault((text.kind, text.text), text)
    return ContentShown(posts[:_POSTS], list(texts.values()), len(posts) > _POSTS)
