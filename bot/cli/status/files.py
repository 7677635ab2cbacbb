"""What `status` shows of files: states, sizes and caps, what is waiting to be read, what was given up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session, style
from bot.documents.counts import format_count, format_size
from bot.documents.media import counts_json, waiting_json
from bot.foreign.text import one_line, visible
from bot.listing.times import format_age
from storage.frozen import dataclass
from storage.media import readings, summary
from storage.media.stored import NO_ROOM
from storage.media.summary import STATES, Held, Holdings

if TYPE_CHECKING:
    from bot.config.caps import Caps
    from storage.archive.database import Reader
    from storage.media.readings import GivenUpFile

_LISTED = 5  # files that were given up; `media list` has all
_REPORTED = 100
_MADE = {"transcript": "recording", "ocr": "picture"}


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


NONE = FileReport(Holdings(Held(), {}))


def read_report(session: Session, reader: "Reader", free: int | None) -> FileReport:
    """Read it all."""
    return FileReport(
        summary.count_files(reader), tuple(readings.list_given_up(reader, limit=_REPORTED)), _read_limits(session), free
    )


def _read_limits(session: Session) -> "Caps | None":
    from bot.config.caps import find_caps

    return find_caps(session.config_flag, session.environment)


def describe_files(session: Session, found: FileReport, now: int) -> Iterator[str]:
    """Two lines about all files, and one more where nothing is fetched."""
    most = None if found.limits is None else found.limits.total
    yield f"media       {_describe_held(found.held.total, most) or 'none'}"
    if found.stopped is not None:
        yield f"            {style(session, 'nothing is fetched', 'red')}: {found.stopped}"
    if found.held.total.files:
        yield f"reading     {_describe_reading(found.held, now)}"


def describe_source(found: FileReport, name: str) -> str | None:
    """One line about the files of one source; None where it has shown none."""
    held = found.held.sources.get(name)
    if held is None:
        return None
    full = found.limits is not None and held.bytes >= found.limits.per_source
    most = None if found.limits is None else found.limits.per_source
    return f"media: {_describe_held(held, most)}" + (" (full, nothing more is fetched)" if full else "")


def given_up(session: Session, found: FileReport) -> Iterator[str]:
    """One line for each of the last files that no engine could read."""
    for one in found.given_up[:_LISTED]:
        what = visible(f"{one.file.source}/{one.native_id}  {one.file.kind}: {one_line(one.reason)}")
        yield f"{style(session, 'not read', 'yellow')}  {what}"
    if found.held.given_up > _LISTED:
        yield f"{found.held.given_up - _LISTED:,} more were not read: communique media list --state 'given up'"


def _describe_held(held: Held, most: int | None) -> str:
    states = ", ".join(f"{held.files[state]:,} {state}" for state in STATES if held.files.get(state))
    cap = "" if most is None else f" of {format_size(most)}"
    return f"{states}; {format_size(held.bytes)}{cap}" if states else ""


def _describe_reading(held: Holdings, now: int) -> str:
    parts = []
    if held.awaited:
        waiting = sum(one.files for one in held.awaited)
        kinds = ", ".join(format_count(one.files, _MADE.get(one.made, one.made)) for one in held.awaited)
        parts.append(f"{format_count(waiting, 'file')} to be read ({kinds}, since {format_age(_oldest(held), now)})")
    if held.given_up:
        parts.append(f"{held.given_up:,} given up")
    if held.read_badly:
        badly = [format_count(files, _MADE.get(made, made)) for made, files in held.read_badly.items()]
        parts.append(f"{' and '.join(badly)} read badly")
    if held.unread:
        parts.append(f"{held.unread:,} not read by any engine")
    return ", ".join(parts) or "nothing is waiting"


def _oldest(held: Holdings) -> int:
    return min(one.oldest_at for one in held.awaited)


def find_warnings(found: FileReport) -> Iterator[str]:
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
