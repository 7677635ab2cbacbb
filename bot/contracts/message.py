"""PURE: what a target can show, and one message fitted to it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.foreign.graphemes import count_bytes, count_units
from storage.frozen import dataclass
from storage.records import DeliveryKind

if TYPE_CHECKING:
    from bot.http.spool import Spool


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file that goes with a message. `name` is made by us; `mime` is what its bytes show."""

    kind: str
    path: Path
    name: str
    mime: str
    size: int
    media_id: int = 0


@dataclass(frozen=True, slots=True)
class Shows:
    """What a target can show, so that render can fit a message to it.

    `units` is the greatest length in UTF-16 code units, or in bytes of UTF-8 with `in_bytes`; None where there is no
    limit. `file_bytes` is the largest file that it takes, 0 where it takes none, and `caption` the greatest length of
    the words beside one. `together` chooses which of some files go in one message, the first of them among those;
    None: files go along only where an alert is about one. `local` says that only the user of this machine sees it, so
    it may show paths of files. Without `words` it shows the document alone.
    """

    form: Literal["text", "html", "ansi", "json"]
    units: int | None = None
    replies: bool = False
    caption: int | None = None
    file_bytes: int = 0
    local: bool = False
    words: bool = True
    in_bytes: bool = False
    together: Callable[[Sequence[Attachment]], Sequence[Attachment]] | None = None

    def size(self, text: str) -> int:
        """The length of a text as the target counts it."""
        return count_bytes(text) if self.in_bytes else count_units(text)


@dataclass(frozen=True, slots=True)
class CopiesShown:
    """What a message says of the copies of its statement: lines of its text, and how many copies they count."""

    count: int = 0
    lines: tuple[str, ...] = ()


ButtonRows = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of buttons: the label of each, and the data that comes back when it is pressed."""


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered delivery. `id` never changes over retries; `plain` is the same words without markup.

    `body` is the whole document as JSON where that is too large for memory; then `document` lacks its posts.
    `headline` is the first words that were found, on one line, for targets with a title beside the text; "" without
    such words. `link` is the post's own address, if it is a plain one. `progress` is the receipt of an earlier attempt
    that reached only some of those it is for.
    """

    id: str
    kind: DeliveryKind
    text: str
    plain: str
    document: dict[str, object]
    body: "Spool | None" = None
    priority: str = "default"
    reply_to: str | None = None  # receipt of the first message about the post, where `Shows.replies`
    attachment: Attachment | None = None  # where `Shows.file_bytes`; `text` is then short enough for a caption
    album: tuple[Attachment, ...] = ()  # files that follow their alert, where `Shows.together`
    headline: str = ""
    link: str | None = None
    progress: str | None = None
    copies: CopiesShown = CopiesShown()
    buttons: ButtonRows = ()
    topic: int | None = None  # of the event, where the target is Topical
