"""What `show` prints of the files of a post: the state of each, and machine texts with their times."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session, say, write_json, write_line
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from bot.listing.times import Zone, format_time
from storage.media import summary
from storage.media.summary import Holding
from storage.media.types import FILMS, PICTURES, SOUNDS
from storage.records import MediaRow, PostRow, TextRow

if TYPE_CHECKING:
    from storage.archive.database import Reader


def open_files(session: Session, post: PostRow, form: str | None) -> None:
    """Print the path of each stored file of the post; on a terminal, open it in the desktop's viewer.

    Only pictures, sounds and films are opened: a viewer would run a page or a playlist, and its author could see that.
    """
    stored = [(item, session.data_dir() / item.path) for item in post.media if item.path]
    if not stored:
        raise UserError("no file of this post is stored: `show` without --open prints the state of each")
    if form is not None:
        write_json(session, [str(path) for _, path in stored])
        return
    for item, path in stored:
        write_line(session, visible(str(path)))
        if not session.on_terminal:
            continue
        if item.sniffed in PICTURES | SOUNDS | FILMS:
            _open(path)
        else:
            say(session, f"not opened: the file is {item.sniffed}, which could run code of its author in a viewer")


def _open(path: Path) -> None:
    import shutil
    import subprocess

    viewer = shutil.which("xdg-open") or shutil.which("open")
    if viewer is not None:
        subprocess.run([viewer, str(path)], check=False, stdin=subprocess.DEVNULL)  # noqa: S603  our own path


def text_heading(text: TextRow, media: Sequence[MediaRow]) -> str:
    """Which engine made the text, of which file, and how sure it was; safe to print."""
    places = [place for place, item in enumerate(media, 1) if item.id == text.media_id]
    of = f"of file {places[0]}" if places and len(media) > 1 else None
    language = text.language if text.language != "und" else None
    made = " ".join(part for part in (text.kind, of, text.engine, language) if part)
    sure = "" if text.confidence is None else f", confidence {text.confidence:.2f}"
    return one_line(f"[{made}{sure}{', unreliable' if text.unreliable else ''}]")


def format_words(text: TextRow) -> Iterator[str]:
    """A machine text, its pieces with the times when they were spoken; text outside of pieces has no time."""
    if not text.segments:
        yield visible(text.text, newlines=True)
        return
    end = 0
    for piece in sorted(text.segments, key=lambda piece: (piece.start, piece.end)):
        if between := text.text[end : piece.start].strip():
            yield f"        {one_line(between)}"
        minutes, seconds = divmod(int(max(piece.start_s, 0)), 60)
        yield f"{minutes:>3}:{seconds:02}  {one_line(text.text[max(piece.start, end) : piece.end].strip())}"
        end = max(end, piece.end)
    if rest := text.text[end:].strip():
        yield f"        {one_line(rest)}"


def describe_files(reader: "Reader", post: PostRow, zone: Zone) -> Iterator[str]:
    """One line for each file."""
    known = summary.read_files_of_post(reader, post.id)
    for place, item in enumerate(post.media, 1):
        yield (f"{place}  " if len(post.media) > 1 else "") + _describe_file(item, known[item.id], zone)


def _describe_file(item: MediaRow, known: Holding, zone: Zone) -> str:
    held = item.bytes if item.size is None else item.size
    size = None if held is None else f"{held:,} bytes"
    length = None if item.duration_s is None else f"{item.duration_s:g} s"
    mime = item.mime if item.sniffed in (None, item.mime) else f"{item.sniffed} (declared as {item.mime or 'nothing'})"
    state = f"{item.state}: {item.reason}" if item.reason else item.state
    parts = (item.kind, mime, item.name, size, length, state, _describe_next(item, known, zone), item.path, item.sha256)
    return visible("  ".join(part for part in parts if part))


def _describe_next(item: MediaRow, known: Holding, zone: Zone) -> str | None:
    """The next step for the file, or the engine that read it."""
    if item.state == "pending":
        later = known.next_try_at if item.reason is not None else None
        return f"next try {format_time(later, zone, seconds=True)}" if later else "not fetched yet"
    if known.given_up is not None:
        return f"not read: {known.given_up}"
    if known.waits:
        return "waiting to be read"
    if known.read_by is None:
        return None
    return f"read by {known.read_by.partition(' ')[0]} {format_time(known.read_at, zone)}"
