"""What people ask for on pages: checked against what they may see, and written down for the daemon, each once."""

import asyncio
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from bot.alerts.muting import check_mute
from bot.answers.requested import ACTIONS, read_mute
from bot.errors import NotFound, UserError
from bot.foreign.text import one_line
from bot.listing.names import find_story
from bot.listing.running import find_daemon
from bot.web.entries import find_mutes, find_rules
from bot.web.room import read, room_of
from bot.web.viewer import require, viewer_of
from storage.people import requests
from storage.sources.names import read_tags

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from bot.config import Config
    from bot.web.access.gate import Gate
    from bot.web.viewer import Viewer
    from storage.archive.database import Reader
    from storage.people.requests import ActionRow

ARGUMENTS = ("alert", "mute", "rule", "source", "tag", "query", "target", "for", "why", "even_max")
_LONGEST = 2000  # characters of one of them
_LOOK_S = 0.1


def can_act(request: "HTTPConnection") -> bool:
    """Whether whoever asks may act here."""
    return room_of(request).gate is not None and viewer_of(request).may("desk")


def daemon_runs(request: "HTTPConnection") -> bool:
    """Whether somebody takes up what is asked for."""
    return bool(find_daemon(room_of(request).config.data_dir).running)


def make_key() -> str:
    """What makes a form sent twice one request."""
    return secrets.token_hex(12)


async def file_request(request: "HTTPConnection", what: str, given: Mapping[str, str], key: str) -> "ActionRow":
    """Write down what is asked for; the same key of the same person again is the same request.

    Raises UserError for what cannot be meant, QueryError for a query that cannot be read, HTTPException for somebody
    who may not act.
    """
    viewer, gate, room = require(request, "desk"), _gate_of(request), room_of(request)
    arguments = {name: given[name] for name in ARGUMENTS if given.get(name)}
    if what not in ACTIONS or not key:
        raise HTTPException(400)
    for name, value in arguments.items():
        if len(value) > _LONGEST:
            raise UserError(f"{name} is longer than {_LONGEST} letters", about=name)
    now = room.clock.now()
    await read(request, _expect_visible, what, arguments, viewer, room.config, now)

    def write() -> "ActionRow":
        with gate.people.writing() as writer:
            return requests.ask(writer, _key_of(viewer, key), viewer.name, what, arguments, now)

    return await gate.ask(write)


async def wait_for(request: "HTTPConnection", key: str, at_most: float) -> "ActionRow | None":
    """The request of this person with this key, once it is done or the time (seconds) is over; None without one."""
    gate, viewer = _gate_of(request), viewer_of(request)

    def look() -> "ActionRow | None":
        with gate.people.reading() as reader:
            return requests.find_request(reader, key)

    found = await gate.ask(look)
    for _ in range(int(at_most / _LOOK_S)):
        if found is None or found.done_at is not None:
            break
        await asyncio.sleep(_LOOK_S)
        found = await gate.ask(look)
    return found if found is not None and found.who == viewer.name else None


def _key_of(viewer: "Viewer", key: str) -> str:
    return sha256(f"{viewer.name}\0{key}".encode()).hexdigest()[:32]


def _gate_of(request: "HTTPConnection") -> "Gate":
    gate = room_of(request).gate
    if gate is None:
        raise HTTPException(404)
    return gate


def _expect_visible(
    reader: "Reader", what: str, given: Mapping[str, str], viewer: "Viewer", config: "Config", now: int
) -> None:
    """Raises UserError or QueryError for what this viewer cannot mean; what is hidden is as what never was."""
    if what == "mute":
        wanted = read_mute(given, viewer.name, now)
        if viewer.sources is not None:
            _expect_own(reader, given, viewer, config)
        check_mute(config, wanted)
    elif what == "unmute":
        known = find_mutes(reader, config, viewer, now, ended=True)
        if given.get("mute") not in {str(one.id) for one in known}:
            raise NotFound(f"there is no mute {one_line(given.get('mute', ''))}")
    else:
        written = given.get("alert", "")
        if not (written.isascii() and written.isdecimal() and len(written) < 19):
            raise NotFound(f"there is no alert {one_line(written)}")
        find_story(reader, int(written))


def _expect_own(reader: "Reader", given: Mapping[str, str], viewer: "Viewer", config: "Config") -> None:
    """Who reads some sources mutes one of these, and nothing of others with it."""
    source, rule = given.get("source", ""), given.get("rule")
    if not source or given.get("tag") or given.get("query"):
        raise UserError("name one source: you read only some, and mute only these", about="source")
    if source not in read_tags(reader):
        raise NotFound(f"there is no source {one_line(source)}")
    if rule and rule not in {one.name for one in find_rules(reader, config, viewer)}:
        raise NotFound(f"there is no rule {one_line(rule)}")
