"""The pages `/rules` and `/rules/NAME`: what each rule looks for and finds, and what people think of it."""

from datetime import UTC
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from bot.clock import DAY
from bot.listing.rules import count_lately
from bot.rules.as_written import find_written
from bot.rules.outline import lines, outline
from bot.web.entries import find_rules
from bot.web.layout import page, zone_of
from bot.web.replaying import replay
from bot.web.room import read, room_of
from bot.web.viewer import viewer_of
from storage.alerts import matches
from storage.alerts.rules import list_names
from storage.answers.verdicts import VerdictCounts
from storage.frozen import dataclass
from storage.language.query import parse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config.model import RuleConfig
    from bot.web.room import ReadingRoom
    from bot.web.viewer import Viewer
    from storage.archive.database import Reader
    from storage.records import MatchRow

REPLAYS = (7, 30, 90)  # days that a reader can try a rule on
_NEWEST = 30  # matches of a rule that its page lists


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule of the config as a list shows it: where it alerts, what it found and is worth."""

    rule: "RuleConfig"
    targets: tuple[str, ...]
    found: int
    judged: VerdictCounts


async def show_rules(request: "Request") -> "Response":
    """List the rules of the config."""
    room = room_of(request)
    rules = await read(request, _list, room, viewer_of(request))
    return page(request, "rules.html", rules=rules)


async def show_rule(request: "Request") -> "Response":
    """Show one rule: of the config, or one that it no longer has but that found something."""
    room, name = room_of(request), request.path_params["name"]
    known = await read(request, _list, room, viewer_of(request))
    line = next((one for one in known if one.rule.name == name), None)
    newest = await read(request, _newest, name)
    if line is None and not newest:
        raise HTTPException(404)
    days = next((one for one in REPLAYS if request.query_params.get("replay") == str(one)), None)
    replayed = None
    if line is not None and days is not None:
        now, query = room.clock.now(), parse(line.rule.query, UTC, room.terms())
        span = (now - days * DAY, now)
        replayed = await read(request, replay, line.rule, query, span, zone_of(request), room.clock.monotonic)
    return page(
        request,
        "rule.html",
        name=name,
        line=line,
        outline=_outline(line.rule, room) if line else [],
        newest=newest,
        more=len(newest) == _NEWEST,
        days=days,
        replayed=replayed,
        replays=REPLAYS,
    )


def _list(reader: "Reader", room: "ReadingRoom", viewer: "Viewer") -> list[RuleLine]:
    """Every rule that this viewer may see."""
    counts, judged = count_lately(reader, room.clock.now())
    return [
        RuleLine(
            rule,
            tuple(room.config.rule_targets(rule)),
            counts.get(rule.name, 0),
            judged.get(rule.name, VerdictCounts()),
        )
        for rule in find_rules(reader, room.config, viewer)
    ]


def _newest(reader: "Reader", name: str) -> "list[tuple[MatchRow, str, str | None]]":
    return list(matches.list_matches(reader, rule=name, limit=_NEWEST)) if name in list_names(reader) else []


def _outline(rule: "RuleConfig", room: "ReadingRoom") -> list[str]:
    query = parse(rule.query, UTC, room.terms())
    return list(lines(outline(query.root), find_written(query)))
