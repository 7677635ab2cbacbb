"""What a rule or a search would have found, as pages show it: counted within a limit of time, with the newest posts."""

from collections import Counter
from collections.abc import Callable
from datetime import date, tzinfo
from typing import TYPE_CHECKING

from bot.listing.replay import find_fired
from bot.web.items import PostItem, list_posts
from bot.web.layout import in_zone
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from storage.archive.database import Reader
    from storage.language.query import Query
    from storage.search.search import FoundPost

_SAMPLES, _MOST = 5, 100_000
_PATIENCE_S = 4.0


@dataclass(frozen=True, slots=True)
class PageReplay:
    """What would have matched; before `reached_at`, if that is a time (microseconds UTC), nothing was read."""

    posts: int
    days: Counter[date]
    sources: list[tuple[str, int]]
    samples: list[PostItem]
    reached_at: int | None


class _TimeIsOver(Exception):
    """A replay took too long."""


def replay(
    reader: "Reader",
    rule: "RuleConfig | None",
    query: "Query",
    span: tuple[int, int],
    zone: tzinfo,
    monotonic: Callable[[], float],
) -> PageReplay:
    """Run a query on what was collected in [span), in the scope of a rule if there is one; days are those of `zone`."""
    end, fired, reached = monotonic() + _PATIENCE_S, list["FoundPost"](), None

    def looking(post_id: int) -> None:
        nonlocal reached
        if monotonic() > end:
            reached = (post_id >> 16) * 1_000_000
            raise _TimeIsOver

    try:
        for found in find_fired(reader, rule, query, span, looking):
            fired.append(found)
            if len(fired) >= _MOST:
                reached = found.at
                break
    except _TimeIsOver:
        pass
    return PageReplay(
        len(fired),
        Counter(here.date() for one in fired if (here := in_zone(one.at, zone)) is not None),
        Counter(one.source for one in fired).most_common(),
        list_posts(reader, fired[:_SAMPLES]),
        reached,
    )
