"""Files as documents: how many there are in which state, what waits to be read, what was given up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.documents.counts import format_count, format_size
from bot.documents.media import counts_json, waiting_json
from storage.frozen import dataclass
from storage.media import readings, summary
from storage.media.stored import NO_ROOM
from storage.media.summary import STATES, Held, Holdings

if TYPE_CHECKING:
    from bot.config.caps import Caps
    from storage.archive.database import Reader
    from storage.media.readings import GivenUpFile

FILE_COLUMNS = (
    "source", "native_id", "url", "posted_at", "kind", "name", "state", "reason", "bytes", "sha256", "read_by",
    "read_at", "given_up",
)  # fmt: skip
_REPORTED = 100


@dataclass(frozen=True, slots=True)
class FileReport:
    """What `status` shows of files. `limits` are those of the config, None where it cannot be read."""

    held: Holdings
    given_up: tuple["GivenUpFile", ...] = ()
    limits: "Caps | None" = None
    free: int | None = None  # bytes on the disk

    @property
    def stopped(self) -> str | None:
        """Why no file is fetched at the moment; None if files are fetched."""
        if self.limits is None:
            return None
        if self.free is not None and self.free <= self.limits.keep_free:
            return f"less than [media] keep_free ({format_size(self.limits.keep_free)}) is left on the disk"
        if self.held.total.bytes >= self.limits.total:
            return f"[media] total ({format_size(self.limits.total)}) is full"
        return None


NO_FILES = FileReport(Holdings(Held(), {}))


def read_report(reader: "Reader", limits: "Caps | None", free: int | None) -> FileReport:
    """Read it all; `free` bytes are left on the disk."""
    given_up = tuple(readings.list_given_up(reader, limit=_REPORTED))
    return FileReport(summary.count_files(reader), given_up, limits, free)


def warn_of_files(found: FileReport) -> Iterator[str]:
    """Why files are not fetched although posts are."""
    for reason, count in found.held.no_room.items():
        yield f"{format_count(count, 'file')} wait{'s' if count == 1 else ''} for space: {reason.removeprefix(NO_ROOM)}"
    if found.stopped is not None and not found.held.no_room:
        yield f"no file is fetched: {found.stopped}"


def report_json(found: FileReport) -> dict[str, object]:
    """The same in JSON."""
    limits = found.limits
    return {
        **counts_json(found.held.total, STATES, None if limits is None else limits.total),
        "disk_free": found.free,
        "keep_free": None if limits is None else limits.keep_free,
        "stopped": found.stopped,
        **waiting_json(found.held, found.given_up),
    }


def source_report_json(found: FileReport, name: str) -> dict[str, object]:
    """The files of one source in JSON."""
    most = None if found.limits is None else found.limits.per_source
    return counts_json(found.held.sources.get(name, Held()), STATES, most)
