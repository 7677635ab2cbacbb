"""The pages `/alerts` and `/alerts/ID`: what became of each alert and why, and what has not arrived."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from bot.alerts.plan import describe_reason
from bot.documents.alert import addressee
from bot.documents.mute import describe_muted
from bot.documents.undelivered import explain_wait
from bot.web.entries import find_mutes
from bot.web.layout import page
from bot.web.room import read, room_of
from bot.web.viewer import viewer_of
from storage.alerts import matches, outbox, target_states, waiting
from storage.answers import verdicts
from storage.frozen import dataclass
from storage.posts import reading

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config.model import Config
    from bot.web.viewer import Viewer
    from storage.alerts.mutes import Mute
    from storage.alerts.target_states import TargetRow
    from storage.alerts.waiting import UndeliveredRow
    from storage.answers.verdicts import Said
    from storage.archive.database import Reader
    from storage.records import DeliveryRow, MatchRow, Story
    from storage.rows import PostRow

STATES = ("sent", "pending", "dead", "joined", "digested", "silenced", "silent", "unacked")
_SHOWN = 30  # alerts on a page
_UNDELIVERED = 10  # of the oldest that are listed above the rest


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert of a list, with what became of its messages."""

    match: "MatchRow"
    source: str
    deliveries: "list[DeliveryRow]"


@dataclass(frozen=True, slots=True)
class AlertList:
    """A page of alerts. `older` is the id at which the next page continues; None at the end."""

    alerts: list[AlertLine]
    older: int | None
    undelivered: "list[UndeliveredRow]"
    count: int
    troubled: "list[TargetRow]"
    mutes: "list[Mute]"


@dataclass(frozen=True, slots=True)
class AlertShown:
    """One alert with the post that it is about, the query of its rule, and what people think of it."""

    story: "Story"
    post: "PostRow"
    deliveries: "list[DeliveryRow]"
    said: "list[Said]"

    def quote(self) -> list[tuple[str, str, str]]:
        """What the rule found: the words before, the hit, and the words behind it."""
        found = []
        for hit in self.story.match.hits:
            text = self.story.texts.get(hit.text_id, "")
            before, after = text[: hit.start][-_AROUND:], text[hit.end :][:_AROUND]
            found.append((before, text[hit.start : hit.end][:_AROUND], after))
        return found[:_QUOTED]


_AROUND, _QUOTED = 120, 20


async def show_alerts(request: "Request") -> "Response":
    """List alerts, the newest first; of one rule, or of one state, if the address says so."""
    asked = request.query_params
    rule, state = asked.get("rule") or None, asked.get("state") or None
    state = state if state in STATES else None
    before = asked.get("before", "")
    room = room_of(request)
    found = await read(
        request,
        _list,
        rule,
        state,
        int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
        room.config,
        viewer_of(request),
        room.clock.now(),
    )

    def address(**changes: object) -> str:
        wanted = {"rule": rule, "state": state, **changes}
        return "/alerts?" + urlencode({name: value for name, value in wanted.items() if value is not None})

    return page(
        request, "alerts.html", found=found, rule=rule, state=state, states=STATES, address=address,
        wait=lambda row: explain_wait(row, room.clock.now()), why=describe_reason, addressee=addressee,
        muted=describe_muted,
    )  # fmt: skip


async def show_alert(request: "Request") -> "Response":
    """Show one alert."""
    found = await read(request, _read, request.path_params["alert"])
    if found is None:
        raise HTTPException(404)
    return page(request, "alert.html", found=found, why=describe_reason, addressee=addressee)


def _list(
    reader: "Reader",
    rule: str | None,
    state: str | None,
    before: int | None,
    config: "Config",
    viewer: "Viewer",
    now: int,
) -> AlertList:
    listed = matches.list_matches(
        reader,
        rule=rule,
        state=None if state == "unacked" else state,
        unacked=state == "unacked",
        below=before,
        limit=_SHOWN + 1,
    )
    lines = [AlertLine(match, source, outbox.list_deliveries(reader, match.id)) for match, source, _ in listed]
    return AlertList(
        lines[:_SHOWN],
        lines[_SHOWN - 1].match.id if len(lines) > _SHOWN else None,
        waiting.list_undelivered(reader, _UNDELIVERED),
        waiting.count_undelivered(reader),
        [one for one in target_states.read_targets(reader).values() if one.state != "ok"],
        find_mutes(reader, config, viewer, now),
    )


def _read(reader: "Reader", alert_id: int) -> AlertShown | None:
    story = matches.read_story(reader, alert_id)
    posts = [] if story is None else reading.read_posts(reader, [story.match.post_id])
    if story is None or not posts:
        return None
    return AlertShown(
        story, posts[0], outbox.list_deliveries(reader, alert_id), verdicts.list_verdicts(reader, alert_id)
    )
