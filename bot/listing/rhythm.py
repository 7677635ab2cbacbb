"""What is usual for a source, as people read it: its habit in sentences, and how its posts are spread over the week."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from bot.clock import DAY, SECOND
from bot.documents.counts import format_count
from bot.documents.lengths import format_length
from bot.foreign.text import one_line

if TYPE_CHECKING:
    from bot.intake.habit import Habit
    from bot.intake.watched import Past
    from storage.archive.database import Reader
    from storage.records import SourceRow

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_past(reader: "Reader", row: "SourceRow", since: int, now: int) -> "tuple[Past, int]":
    """What is known of the past of a source, and up to when."""
    from bot.intake.watched import Past
    from storage.posts.ids import first_id
    from storage.sources import rhythm

    since = max(since, 0)
    found = rhythm.read_past(reader, row.id, since, first_id(since // SECOND), now)
    until = max((end for _, end in found.rounds), default=found.first_contact_at or now)
    return Past.of(found.posts, found.rounds, found.missing, found.first_contact_at), until


def count_hours(past: "Past", since: int, zone: tzinfo | None) -> list[list[int]]:
    """Posts by day of the week and hour, since then."""
    hours = [[0] * 24 for _ in WEEKDAYS]
    for at in past.posts:
        if at >= since:
            here = (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
            hours[here.weekday()][here.hour] += 1
    return hours


def describe_habit(name: str, habit: "Habit", usual: "int | str", zone: str) -> Iterator[str]:
    """Its habit in sentences."""
    watched = f"{habit.watched / DAY:.0f} watched days"
    yield f"{one_line(name)}: {format_count(habit.posts, 'post')} in {watched} of the last 17 weeks"
    if usual == "off":
        yield 'its silence is not reported: `usual = "off"`'
    elif isinstance(usual, int):
        yield f"a silence of more than {format_length(usual)} is reported, as `usual` says"
    elif habit.longest is None or habit.limit is None:
        yield "no habit is known yet: that takes 30 posts and 14 watched days"
    else:
        longest, limit = format_length(habit.longest), format_length(habit.limit)
        yield f"longest silence in eight watched weeks: {longest}; more than {limit} is reported"
        yield f"usual times ({zone}): {', '.join(map(str, habit.slots)) or 'none'}"
