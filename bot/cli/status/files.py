"""What `status` shows of files: states, sizes and caps, what is waiting to be read, what was given up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session, style
from bot.documents.counts import format_count, format_size
from bot.foreign.text import one_line, visible
from bot.listing.files import FileReport
from bot.listing.times import format_age
from storage.media.summary import STATES, Held, Holdings

if TYPE_CHECKING:
    pass

_LISTED = 5  # files that were given up; `media list` has all
_MADE = {"transcript": "recording", "ocr": "picture"}


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
