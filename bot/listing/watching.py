"""Whether the sources are watched at this moment: how many without a gap and since when, and which are not."""

from typing import TYPE_CHECKING

from storage.frozen import dataclass
from storage.sources.states import UNWATCHED
from storage.state_names import OK
from storage.status import Watch, read_watches

if TYPE_CHECKING:
    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class BlindNow:
    """A source that is not watched; `since` is when it last was, None if never. Microseconds UTC."""

    name: str
    since: int | None
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class WatchedNow:
    """`watched` sources are watched without a gap since `since`; the others are `blind`, or `paused` by a person."""

    watched: int
    since: int | None
    blind: tuple[BlindNow, ...]
    paused: tuple[str, ...]


def read_watched(reader: "Reader", now: int) -> WatchedNow:
    """The sources of the config as they are watched now."""
    watches = [watch for watch in read_watches(reader, counted=False) if watch.enabled]
    good = [watch for watch in watches if not watch.paused and _is_watched(watch, now)]
    blind = [watch for watch in watches if not watch.paused and not _is_watched(watch, now)]
    return WatchedNow(
        len(good),
        max((watch.stretch_from for watch in good if watch.stretch_from is not None), default=None),
        tuple(
            BlindNow(one.name, one.last_ok_at, "not polled" if one.state == OK else one.state, one.reason)
            for one in blind
        ),
        tuple(watch.name for watch in watches if watch.paused),
    )


def _is_watched(watch: Watch, now: int) -> bool:
    """The last rounds went well, and the next one is not overdue: as storage.sources.blindness sees it."""
    return watch.outcome == OK and now <= watch.next_poll_at + UNWATCHED
