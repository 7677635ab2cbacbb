"""Two statements that face each other, as commands print them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.alerts.document import quote
from bot.foreign.text import one_line, undated
from bot.listing.times import Zone, format_time

if TYPE_CHECKING:
    from storage.rows import Statement


def describe_facing(found: "tuple[Statement, Statement]", zone: Zone) -> Iterator[str]:
    """Both sides with their times and their passages, a line each."""
    first, second = found
    yield f"alert {second.match_id} faces alert {first.match_id} (rule {one_line(second.rule)})"
    for one in found:
        at = format_time(one.posted_at, zone, seconds=True, unknown=undated(one.posted_raw))
        marks = (" (edited since)" if one.edited else "") + (" (deleted since)" if one.gone else "")
        yield f"  {one_line(f'{one.side}, {one.source}, {at}{marks}: {quote(one)}')}"
