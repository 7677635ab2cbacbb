"""Forms that change something: what they ask for (`/act`), what came of it (`/requests/KEY`), and how to mute."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from bot.errors import UserError
from bot.web.access.forms import form_of, own_address
from bot.web.acting import ARGUMENTS, daemon_runs, file_request, wait_for
from bot.web.entries import find_rules
from bot.web.layout import page
from bot.web.room import read, room_of
from bot.web.viewer import require
from storage.language.tree import QueryError
from storage.sources.names import read_tags

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config import Config
    from bot.web.viewer import Viewer
    from storage.archive.database import Reader

_PATIENCE_S = 2.0
LENGTHS = ("30m", "1h", "4h", "12h", "1d", "3d", "7d")


async def act(request: "Request") -> "Response":
    """Take a form, write down what it asks for, and lead to what came of it."""
    form = form_of(request)
    try:
        asked = await file_request(request, form.get("what", ""), form, form.get("key", ""))
    except QueryError as mistake:
        place = form.get("query", "")[mistake.position :][:40]
        raise UserError(f"{mistake}, at: {place}" if place else str(mistake)) from None
    return RedirectResponse(f"/requests/{asked.key}?back={quote(own_address(form.get('back', '')), safe='/')}", 303)


async def show_request(request: "Request") -> "Response":
    """Show what came of a request, or that nobody has taken it up."""
    require(request, "desk")
    found = await wait_for(request, request.path_params["key"], _PATIENCE_S)
    if found is None:
        raise HTTPException(404)
    back = own_address(request.query_params.get("back", ""))
    return page(request, "request.html", found=found, back=back, runs=daemon_runs(request))


async def ask_mute(request: "Request") -> "Response":
    """Ask what is to be muted, until when, and why."""
    viewer, config = require(request, "desk"), room_of(request).config
    given = {name: request.query_params.get(name, "") for name in ARGUMENTS}
    back = own_address(request.query_params.get("back", ""))
    known = await read(request, _suggest, config, viewer)
    return page(request, "mute.html", given=given, back=back, lengths=LENGTHS, known=known, runs=daemon_runs(request))


def _suggest(reader: "Reader", config: "Config", viewer: "Viewer") -> dict[str, list[str]]:
    """What can be muted, by field: names that this viewer may see. Who reads some sources mutes no tag and no words."""
    tags, rules = read_tags(reader), find_rules(reader, config, viewer)
    named = {"rule": [rule.name for rule in rules], "source": sorted(tags)}
    if viewer.sources is not None:
        return named | {"target": sorted({target for rule in rules for target in config.rule_targets(rule)})}
    sources = sorted({*tags, *(one.name for one in config.sources)})
    known = sorted({tag for one in config.sources for tag in one.tags})
    return named | {"source": sources, "tag": known, "query": [], "target": [one.name for one in config.targets]}
