"""The page `/compare`: what two sources or two sides say about the same, side by side in the order of time."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bot.web.asking import Asking, read_asking
from bot.web.items import PostItem, list_posts
from bot.web.layout import page
from bot.web.pages.search import dates_of, point_at
from bot.web.room import read, room_of
from storage.frozen import dataclass
from storage.language.query import Query, QueryError, parse
from storage.language.tree import And, Is, Node
from storage.search.newest import find_newest, find_places
from storage.sources.names import read_sides, read_tags

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader

_SHOWN = 20  # posts of each column on a page
_FOR_EACH_S = 1.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose posts a column has: a source or a side of this name."""

    field: str
    name: str

    @property
    def key(self) -> str:
        """As an address has it: `side:junta`."""
        return f"{self.field}:{self.name}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Posts of both columns, the newest first, each with its column; `older` is where the next page begins."""

    posts: list[tuple[str, PostItem]]
    older: int | None


async def show_compare(request: "Request") -> "Response":
    """Show the form, and both columns once two voices are chosen."""
    asking = read_asking(request.query_params)
    sources, sides = await read(request, _list_voices)
    voices = {name: _choose(request.query_params.get(name, ""), sources, sides) for name in ("a", "b")}

    def address(before: int | None = None) -> str:
        asked = {"q": asking.q, **{name: one.key for name, one in voices.items() if one}, **asking.kept}
        return "/compare?" + urlencode({**asked, **({"before": before} if before else {})})

    found, mistake = None, None
    one, other = voices["a"], voices["b"]
    if one is not None and other is not None:
        try:
            query = parse(asking.q, dates_of(request), room_of(request).terms()) if asking.q else None
        except QueryError as wrong:
            mistake = point_at(asking, wrong)
        else:
            found = await read(request, _compare, query, (one, other), asking, room_of(request).clock.monotonic)
    return page(
        request, "compare.html", status=400 if mistake else 200, asking=asking, sources=sources, sides=sides,
        a=one, b=other, found=found, mistake=mistake, address=address,
    )  # fmt: skip


def _list_voices(reader: "Reader") -> tuple[list[str], list[str]]:
    return sorted(read_tags(reader)), sorted(read_sides(reader))


def _choose(wanted: str, sources: list[str], sides: list[str]) -> Voice | None:
    """The voice that an address names, with its field or, of a source first, without; None where there is none."""
    voices = [*(Voice("source", name) for name in sources), *(Voice("side", name) for name in sides)]
    return next((one for one in voices if wanted in (one.key, one.name)), None)


def _compare(
    reader: "Reader", query: Query | None, voices: tuple[Voice, Voice], asking: Asking, monotonic: Callable[[], float]
) -> Compared:
    found: dict[int, str] = {}
    reached = 0
    for column, voice in zip("ab", voices, strict=True):
        root: Node = Is(voice.field, voice.name.casefold())
        end = monotonic() + _FOR_EACH_S
        newest = find_newest(
            reader,
            root if query is None else And((query.root, root)),
            most=_SHOWN,
            before=asking.before,
            enough=lambda end=end: monotonic() > end,  # type: ignore[misc]
        )
        found |= dict.fromkeys(newest.ids, column)
        reached = max(reached, newest.reached or 0)
    ids = sorted((one for one in found if one >= reached), reverse=True)
    posts = list_posts(reader, list(find_places(reader, query or Query("", And(())), ids)))
    return Compared([(found[one.post.id], one) for one in posts], reached or None)
