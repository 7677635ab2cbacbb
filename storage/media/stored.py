"""Files as most of the program needs them: the states that one can be in, and those that we have. Cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.records import MediaKind

State = Literal["too big", "gone", "refused"]
NO_ROOM: Final = "waits for room: "  # how the reason of a file that a cap or the disk keeps away begins
FILES = (
    "SELECT m.id, m.post_id, s.name AS source, m.kind, m.sniffed AS mime, m.size, m.path, m.sha256, m.name, "
    "m.duration_s FROM media m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id"
)


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A file that we have; `mime` is what its bytes show, `path` counts from the data directory."""

    id: int
    post_id: int
    source: str
    kind: MediaKind
    mime: str
    size: int
    path: str
    sha256: str
    name: str | None
    duration_s: float | None


def find_stored(reader: Reader, media_id: int) -> StoredMedia | None:
    """One file by its row; None if we have not got it."""
    row = reader.one(f"{FILES} WHERE m.id = :id AND m.state = 'stored'", {"id": media_id})
    return None if row is None else StoredMedia(**dict(row))
