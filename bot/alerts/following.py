"""Files that follow the alert about their post, as many in one message as its target takes together."""

from typing import TYPE_CHECKING

from bot.alerts.document import build_envelope, message_id
from bot.alerts.files import list_stored
from bot.alerts.lines import Span, draw_lines, keep_inert, plain_lines
from bot.alerts.material import read_alert
from bot.contracts.message import Attachment, Message, Shows
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from storage.media import following
from storage.media.following import FollowingFiles
from storage.posts import reading

if TYPE_CHECKING:
    from pathlib import Path

    from storage.archive.database import Reader, Writer
    from storage.records import DeliveryRow

_FIELD = 120  # UTF-16 units of a name


def compose_files(reader: "Reader", row: "DeliveryRow", data_dir: "Path | None", shows: Shows) -> Message:
    """The message with the next files of an alert, as a silent reply to it."""
    alert = FollowingFiles.read(row.payload).alert
    read = read_alert(reader, alert, row.target)
    files = find_files(reader, row, data_dir, shows)
    repeat = " (possible repeat)" if row.possible_repeat else ""
    what = "1 file" if len(files) == 1 else f"{len(files)} files"
    title = (
        Span(clip(one_line(read.story.match.rule), _FIELD), "bold"),
        Span(f" · {clip(one_line(read.post.source), _FIELD)}"),
        Span(repeat, "bold"),
        Span(f": {what} of alert {alert}", "own"),
    )
    lines = keep_inert([title], shows)
    return Message(
        id=message_id(row),
        kind=row.kind,
        text=draw_lines(lines, shows),
        plain=plain_lines(lines),
        document=build_envelope(row, {"alert": str(alert)}),
        priority="low",
        reply_to=following.find_receipt(reader, alert, row.target) if shows.replies else None,
        album=tuple(files),
    )


def find_files(reader: "Reader", row: "DeliveryRow", data_dir: "Path | None", shows: Shows) -> list[Attachment]:
    """The files that go into this message: of those that no earlier one had, the first ones that fit together."""
    known = FollowingFiles.read(row.payload)
    [post] = reading.read_posts(reader, [known.post])
    left = [file for file in list_stored(post, data_dir) if file.media_id not in known.done]
    fitting = [file for file in left if 0 < file.size <= shows.file_bytes]
    return list(shows.together(fitting)) if fitting and shows.together is not None else []


def drop_empty(writer: "Writer", row: "DeliveryRow", data_dir: "Path | None", shows: Shows, now: int) -> bool:
    """Settle a message with files if there is none to send; whether that was so."""
    if row.kind != "files" or find_files(writer, row, data_dir, shows):
        return False
    following.drop(writer, row.id, now)
    return True


def owe_files(writer: "Writer", row: "DeliveryRow", message: Message, shows: Shows, now: int) -> None:
    """A message was accepted: owe the files of its post that neither it nor an earlier one had.

    They go once to a target, with its first alert about the post.
    """
    if shows.together is None or row.kind not in {"match", "files"}:
        return
    if row.match_id is not None and following.has_files(writer, row.match_id, row.target):
        return
    had = {file.media_id for file in (message.attachment, *message.album) if file is not None}
    if row.kind == "files":
        known = FollowingFiles.read(row.payload)
        following.owe(writer, row.target, known.alert, had | known.done, known.until, now)
    elif row.match_id is not None:
        following.owe(writer, row.target, row.match_id, had, now + following.PATIENCE, now)
