"""What `status` tells of files: their states, bytes against the caps, what waits to be read, what was given up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session, counted, sized, styled
from bot.cli.terminal.times import ago
from bot.documents.media import counts_json, waiting_json
from bot.foreign.text import one_line, visible
from storage.media import readings, summary
from storage.media.summary import STATES, Held, Holdings
from storage.records import NO_ROOM

if TYPE_CHECKING:
    from bot.config.model import MediaConfig
    from storage.archive.database import Reader
    from storage.media.readings import GivenUpFile

_LISTED = 5  # of what was given up; `media list` has all
_TOLD = 100
_MADE = {"transcript": "recording", "ocr": "picture"}


@dataclass(frozen=True, slots=True)
class FileReport:
    """All that `status` tells of files. `limits` are those of the config, None where it cannot be read."""

    held: Holdings
    given_up: tuple["GivenUpFile", ...] = ()
    limits: "MediaConfig | None" = None
    free: int | None = None  # bytes on the disk

    @property
    def stopped(self) -> str | None:
        """Why no file is fetched at the moment; None: nothing is in the way."""
        if self.limits is None:
            return None
        if self.free is not None and self.free <= self.limits.keep_free:
            return f"{sized(self.free)} are free on the disk, and [media] keep_free is {sized(self.limits.keep_free)}"
        if self.held.total.bytes >= self.limits.total:
            return f"[media] total ({sized(self.limits.total)}) is full"
        return None


NONE = FileReport(Holdings(Held(), {}))


def files(session: Session, reader: "Reader", free: int | None) -> FileReport:
    """Read it all."""
    return FileReport(
        summary.count_files(reader), tuple(readings.list_given_up(reader, limit=_TOLD)), _limits(session), free
    )


def _limits(session: Session) -> "MediaConfig | None":
    from bot.errors import UserError

    try:
        return session.config().media
    except UserError:
        return None  # `config check` tells what is wrong with it


def lines(session: Session, found: FileReport, now: int) -> Iterator[str]:
    """Two lines about all files, and one more where nothing is fetched."""
    most = None if found.limits is None else found.limits.total
    yield f"media       {_held(found.held.total, most) or 'none'}"
    if found.stopped is not None:
        yield f"            {styled(session, 'nothing is fetched', 'red')}: {found.stopped}"
    if found.held.total.files:
        yield f"reading     {_reading(found.held, now)}"


def of_source(found: FileReport, name: str) -> str | None:
    """One line about the files of one source; None where it has shown none."""
    held = found.held.sources.get(name)
    if held is None:
        return None
    full = found.limits is not None and held.bytes >= found.limits.per_source
    most = None if found.limits is None else found.limits.per_source
    return f"media: {_held(held, most)}" + (": used up, nothing more is fetched" if full else "")


def given_up(session: Session, found: FileReport) -> Iterator[str]:
    """One line for each of the last files that no engine could read."""
    for one in found.given_up[:_LISTED]:
        what = visible(f"{one.file.source}/{one.native_id}  {one.file.kind}: {one_line(one.reason)}")
        yield f"{styled(session, 'not read', 'yellow')}  {what}"
    if found.held.given_up > _LISTED:
        yield f"{found.held.given_up - _LISTED:,} more were not read: communique media list --state 'given up'"


def _held(held: Held, most: int | None) -> str:
    states = ", ".join(f"{held.files[state]:,} {state}" for state in STATES if held.files.get(state))
    cap = "" if most is None else f" of {sized(most)}"
    return f"{states}; {sized(held.bytes)}{cap}" if states else ""


def _reading(held: Holdings, now: int) -> str:
    parts = []
    if held.awaited:
        waiting = sum(one.files for one in held.awaited)
        kinds = ", ".join(counted(one.files, _MADE.get(one.made, one.made)) for one in held.awaited)
        parts.append(f"{counted(waiting, 'file')} to be read ({kinds}, since {ago(_oldest(held), now)})")
    if held.given_up:
        parts.append(f"{held.given_up:,} given up")
    if held.unread:
        parts.append(f"{held.unread:,} that no engine reads")
    return ", ".join(parts) or "nothing waits"


def _oldest(held: Holdings) -> int:
    return min(one.oldest_at for one in held.awaited)


def warnings(found: FileReport) -> Iterator[str]:
    """Name what keeps files away although posts go on."""
    for reason, count in found.held.no_room.items():
        yield f"{counted(count, 'file')} wait{'s' if count == 1 else ''} for room: {reason.removeprefix(NO_ROOM)}"
    if found.stopped is not None and not found.held.no_room:
        yield f"no file is fetched: {found.stopped}"


def document(found: FileReport) -> dict[str, object]:
    """The same in JSON."""
    limits = found.limits
    return {
        **counts_json(found.held.total, STATES, None if limits is None else limits.total),
        "disk_free": found.free,
        "keep_free": None if limits is None else limits.keep_free,
        "stopped": found.stopped,
        **waiting_json(found.held, found.given_up),
    }


def source_document(found: FileReport, name: str) -> dict[str, object]:
    """The files of one source in JSON."""
    most = None if found.limits is None else found.limits.per_source
    return counts_json(found.held.sources.get(name, Held()), STATES, most)
