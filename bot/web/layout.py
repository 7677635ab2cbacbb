"""Makes pages: templates that escape everything, times in the reader's zone, words of strangers set apart."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from bot.alerts.render import safe_link
from bot.documents.counts import format_size
from bot.foreign.text import one_line, visible
from bot.web import words
from bot.web.access.forms import csrf_field
from bot.web.acting import can_act, daemon_runs, make_key
from bot.web.assets import address
from bot.web.room import room_of
from bot.web.viewer import viewer_of
from storage.language.script import language

if TYPE_CHECKING:
    from starlette.requests import Request

MENU = (
    ("/", "now"),
    ("/search", "search"),
    ("/alerts", "alerts"),
    ("/coverage", "coverage"),
    ("/rules", "rules"),
    ("/files", "files"),
    ("/compare", "compare"),
    ("/help", "help"),
)
"""The pages in the menu: address, and the key of their name under `menu` in the catalogue."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def environment() -> Environment:
    """The templates, made once: everything that is put into them is escaped, and what is missing is an error."""
    made = Environment(
        loader=PackageLoader("bot.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = address
    made.globals["menu"] = MENU
    made.globals |= {"csrf_field": csrf_field, "can_act": can_act, "daemon_runs": daemon_runs, "make_key": make_key}
    made.filters["foreign"] = foreign
    made.filters["line"] = one_line
    made.filters["web_address"] = is_web_address
    made.filters["second"] = format_second
    made.filters["size"] = format_size
    made.filters["spoken"] = language
    return made


def compile_usual() -> None:
    """Compile the templates that readers ask for first: else the first of each page waits for it, and all others."""
    for name in ("now.html", "search.html", "post.html"):
        environment().get_template(name)


def foreign(text: str) -> str:
    """Words of strangers, with line feeds; what acts on a page or a reader unseen is written out."""
    return visible(text, newlines=True)


def is_web_address(url: str | None) -> bool:
    """Whether an address that strangers wrote may be a link: it leads to a page, and starts nothing here."""
    return safe_link(url) is not None


def format_second(second: float) -> str:
    """A moment of a recording: `0:07`, `1:02:03`."""
    whole = int(second)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def say_of(request: "Request") -> words.Phrasebook:
    """The words in the language of the reader."""
    return words.choose(request.headers.get("accept-language", ""))


def zone_of(request: "Request") -> tzinfo:
    """The zone of the reader: by `tz` in the address or the cookie, else that of the config, else UTC."""
    named = (request.query_params.get("tz"), request.cookies.get("tz"), room_of(request).config.defaults.timezone)
    return next((zone for name in named if name and (zone := find_zone(name))), UTC)


@lru_cache(maxsize=256)  # names come from addresses and cookies
def find_zone(name: str) -> tzinfo | None:
    """The zone of this name, None if there is none."""
    if name.upper() in {"UTC", "Z"}:
        return UTC
    try:
        return ZoneInfo(name[:64])
    except (KeyError, ValueError, OSError):
        return None


def in_zone(at: int, zone: tzinfo) -> datetime | None:
    """A time in microseconds UTC as people there write it; None beyond the years that calendars have."""
    try:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
    except (OverflowError, ValueError):
        return None


def time_tag(at: int | None, zone: tzinfo, form: str = "%Y-%m-%d %H:%M", unknown: str = "–") -> Markup:
    """A time for people, with the same in UTC in its title."""
    here = None if at is None else in_zone(at, zone)
    if here is None:
        return Markup("<span>{}</span>").format(unknown)
    utc = here.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc.isoformat().replace("+00:00", "Z"), utc.strftime("%Y-%m-%d %H:%M:%S UTC"), here.strftime(form)
    )


def page(request: "Request", template: str, /, *, status: int = 200, **values: object) -> HTMLResponse:
    """A page of the reading room, made of a template and values. `say`, `when`, `viewer`, `here` are always there."""
    zone, said = zone_of(request), say_of(request)

    def when(at: int | None, form: str = "%Y-%m-%d %H:%M", unknown: str = "–") -> Markup:
        return time_tag(at, zone, form, unknown)

    html = (
        environment()
        .get_template(template)
        .render(
            request=request,
            say=said,
            when=when,
            zone=zone,
            zone_name=str(zone),
            viewer=viewer_of(request),
            here=request.url.path,
            **values,
        )
    )
    return HTMLResponse(html, status, {"Content-Language": said.language, "Vary": "Accept-Language, Cookie"})
