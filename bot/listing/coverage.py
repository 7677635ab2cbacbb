"""What was watched of each source in a stretch of time: watched parts, blind ones, and gaps that are known."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.frozen import dataclass
from storage.sources.blindness import BlindStretch, list_stretches
from storage.sources.gaps import list_all_gaps
from storage.sources.states import list_sources

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.records import Gap, SourceRow

_WANTED = frozenset({"backfill", "first contact"})  # reasons of gaps that are no loss: history that was asked for


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """One source between two times, microseconds UTC.

    `blind` is cut to these times. `missing` are the gaps of that time, open or filled since.
    """

    source: "SourceRow"
    since: int
    until: int
    blind: tuple[BlindStretch, ...]
    missing: "tuple[Gap, ...]"

    @property
    def seen(self) -> int:
        """From when on it was watched at all, in this time."""
        met = self.source.first_contact_at
        return self.until if met is None else min(max(met, self.since), self.until)

    @property
    def blind_time(self) -> int:
        """How long it was blind, in microseconds."""
        return sum((one.until or self.until) - one.since for one in self.blind)

    @property
    def share(self) -> float | None:
        """Which part of the time since it was met it was watched, 0 to 1; None: it was not met before the end."""
        whole = self.until - self.seen
        return None if whole <= 0 else 1 - min(self.blind_time / whole, 1)

    @property
    def is_blind(self) -> bool:
        """Whether the last of its blind stretches has no end."""
        return any(one.until is None for one in self.blind)


def read_coverage(reader: "Reader", since: int, until: int, names: Sequence[str] = ()) -> list[WatchedSource]:
    """The coverage of each watched source of the archive, or of these; those that are blind now come first."""
    stretches: dict[str, list[BlindStretch]] = {}
    for one in list_stretches(reader, since, until):
        stretches.setdefault(one.source, []).append(one)
    found = [
        WatchedSource(
            source,
            since,
            until,
            tuple(stretches.get(source.name, ())),
            tuple(_of_time(list_all_gaps(reader, source.id), since, until)),
        )
        for source in list_sources(reader)
        if not names or source.name in names
    ]
    return sorted(found, key=lambda one: (not one.is_blind, one.source.name))


def _of_time(gaps: "Iterable[Gap]", since: int, until: int) -> "Iterable[Gap]":
    for gap in gaps:
        start, end = gap.from_at or gap.opened_at, gap.to_at or gap.opened_at
        if gap.reason not in _WANTED and start < until and end >= since:
            yield gap
