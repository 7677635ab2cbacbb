"""Decides what the world answers to one request: pages, files, a feed, a redirect or a fault. No sockets."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import field
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

from bot.world.feeds import atom
from bot.world.files import ogg, png
from bot.world.pages import landing_page, list_page, post_page
from bot.world.state import World
from storage.frozen import dataclass

_HTML = "text/html; charset=utf-8"
_LIST = re.compile(r"/s/(\w+)")
_POST = re.compile(r"/(\w+)/([0-9]{1,10})")
_FEED = re.compile(r"/feed/([\w-]+)\.atom")
_FILE = re.compile(r"/file/([\w-]+\.(?:png|ogg))")


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed GET; header names are in lower case."""

    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorldReply:
    """A whole reply; its body takes `seconds`; with `never` it is not sent at all."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    never: bool = False


def answer(world: World, request: Request) -> WorldReply:
    """The reply of the world to one request."""
    parts = urlsplit(request.target)
    site = f"http://{request.headers.get('host', '127.0.0.1')}"
    asked = parse_qs(parts.query)
    if found := _LIST.fullmatch(parts.path):
        reply = _list(world, found[1], asked, site)
    elif found := _FEED.fullmatch(parts.path):
        reply = _feed(world, found[1], request, site)
    elif found := _FILE.fullmatch(parts.path):
        reply = _file(world, found[1])
    elif found := _POST.fullmatch(parts.path):
        reply = _post(world, found[1], int(found[2]), site)
    else:
        reply = _landing(world, parts.path.strip("/"))
    return _packed(reply) if world.gzip and "gzip" in request.headers.get("accept-encoding", "") else reply


def _list(world: World, handle: str, asked: Mapping[str, list[str]], site: str) -> WorldReply:
    elsewhere = WorldReply(302, headers={"Location": f"{site}/{handle}"})
    if not world.has(handle):
        return elsewhere
    faults = world.count_request(handle)
    if faults.preview_off or faults.closed:
        return elsewhere
    if broken := _broken(faults.status, faults.retry_after, hang=faults.hang):
        return broken
    before, after = (_number(asked.get(way, [""])[0]) for way in ("before", "after"))
    view = world.show_page(handle, before=before, after=after)
    return WorldReply(200, list_page(view, site, world.clock.now()).encode(), {"Content-Type": _HTML}, faults.slow)


def _landing(world: World, handle: str) -> WorldReply:
    """The page about a name; of a name that nobody has, it shows no title."""
    known = world.has(handle)
    page = (world.channel(handle).faults.closed if known else "") or landing_page(handle, known=known)
    return WorldReply(200, page.encode(), {"Content-Type": _HTML})


def _post(world: World, handle: str, number: int, site: str) -> WorldReply:
    if not world.has(handle):
        return _landing(world, handle)
    faults = world.count_request(handle)
    if faults.closed:
        return _landing(world, handle)
    if broken := _broken(faults.status, faults.retry_after, hang=faults.hang):
        return broken
    page = post_page(world.channel(handle), world.show_message(handle, number), site, world.clock.now())
    return WorldReply(200, page.encode(), {"Content-Type": _HTML}, faults.slow)


def _feed(world: World, name: str, request: Request, site: str) -> WorldReply:
    found = world.feed(name)
    if found is None:
        return WorldReply(404, b"no such feed\n", {"Content-Type": "text/plain"})
    title, entries = found
    body = atom(name, title, entries, site)
    changed = formatdate(max((entry.at for entry in entries), default=0) // 1_000_000, usegmt=True)
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"Content-Type": "application/atom+xml; charset=utf-8", "ETag": tag, "Last-Modified": changed}
    if request.headers.get("if-none-match") == tag:
        return WorldReply(304, b"", headers)
    return WorldReply(200, body, headers)


def _file(world: World, name: str) -> WorldReply:
    picture = name.endswith(".png")
    body = world.file(name) or (png(name) if picture else ogg())
    return WorldReply(200, body, {"Content-Type": "image/png" if picture else "audio/ogg"})


def _broken(status: int | None, retry_after: int | None, *, hang: bool) -> WorldReply | None:
    if hang:
        return WorldReply(200, never=True)
    if status is None:
        return None
    headers = {"Content-Type": "text/plain"} | ({"Retry-After": str(retry_after)} if retry_after is not None else {})
    return WorldReply(status, b"the world is out of order\n", headers)


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None


def _packed(reply: WorldReply) -> WorldReply:
    if not reply.body or reply.never:
        return reply
    body = gzip.compress(reply.body, 6, mtime=0)
    return WorldReply(reply.status, body, reply.headers | {"Content-Encoding": "gzip"}, reply.seconds)
