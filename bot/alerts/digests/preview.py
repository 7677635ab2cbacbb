"""What a target's next digests would say now: of what is held so far, and of the window of its timetable so far."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from bot.alerts.digests.compose import compose
from bot.alerts.digests.due import ORDINARY
from bot.alerts.digests.material import read_material
from bot.alerts.hours import find_quiet
from bot.contracts.message import Message, Shows
from storage.alerts import digest_contents, schedules
from storage.alerts.digest_rows import DigestedRow, DigestRow
from storage.alerts.holding import find_expected
from storage.frozen import dataclass
from storage.records import DeliveryRow, DigestKind

if TYPE_CHECKING:
    from bot.alerts.digests.due import DigestPlan
    from bot.alerts.render import Rendering
    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class ComingDigest:
    """One digest as it would be now. `due` is when it comes, microseconds UTC; None: as soon as it can."""

    kind: DigestKind
    due: int | None
    message: Message


def preview(
    reader: "Reader", target: str, plan: "DigestPlan", rendering: "Rendering", shows: Shows, now: int
) -> list[ComingDigest]:
    """The next digests of a target, the one that comes first at the front; of two at once, what is held."""
    row = DeliveryRow(0, None, target, "digest", "pending", now, 0, now)
    found = []
    for due, digest, alerts in (*_held(reader, target, plan, now), *_scheduled(reader, target, plan, now)):
        message = compose(reader, row, read_material(reader, digest, alerts), rendering, shows)
        found.append(ComingDigest(digest.kind, due, message))
    return sorted(found, key=lambda one: one.due or 0)


def _held(
    reader: "Reader", target: str, plan: "DigestPlan", now: int
) -> Iterator[tuple[int | None, DigestRow, list[DigestedRow]]]:
    for kind in get_args(DigestKind):
        alerts = digest_contents.list_held(reader, target, kind)
        if alerts:
            quiet = find_quiet(plan.quiet.get(target, ()), now, max(one.priority for one in alerts))
            window = min(now, *(one.at for one in alerts)), now
            expected = find_expected(reader, target, kind) if kind == "limit" else None
            due = max(quiet.end if quiet else 0, expected or 0)
            yield due if due > now else None, DigestRow(0, target, kind, *window, now, 0, len(alerts)), alerts


def _scheduled(
    reader: "Reader", target: str, plan: "DigestPlan", now: int
) -> Iterator[tuple[int | None, DigestRow, list[DigestedRow]]]:
    for covered in schedules.read_covered(reader):
        if covered.target == target and target in plan.timetables:
            alerts = digest_contents.list_between(reader, target, covered.last, None)
            window = min(covered.until, now), now
            digest = DigestRow(0, target, "scheduled", *window, now, 0, len(alerts), covered.last)
            due = plan.find_next(covered)
            quiet = find_quiet(plan.quiet.get(target, ()), due, ORDINARY)
            yield due if quiet is None or quiet.endless else quiet.end, digest, alerts
