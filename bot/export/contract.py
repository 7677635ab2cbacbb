"""What every format of an export gets and gives."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.rows import PostRow
    from storage.sources.coverage import CoveredSource


class Place(Protocol):
    """Where an export is written: files of a directory that appears as a whole, or one stream."""

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file, written in order; `name` may have folders, and is safe on every system."""

    def path(self, name: str) -> Path:
        """Where a package of another author writes a new file by itself; then it is taken in by `add`."""

    def scratch(self) -> Path:
        """A directory for the work itself: nothing in it is exported."""

    def add(self, name: str) -> None:
        """Take in a file that was written under `path`."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is exported. `pages` are the posts, the oldest first, a few hundred at once; it may be gone through once.

    `title` says in words what was asked for. `names` and `addresses` find source and id at the source of other posts by
    their id or their address, as far as they may be read; `reader` is asked for nothing but posts that the pages hold.
    """

    title: str
    count: int
    pages: "Callable[[], Iterator[list[PostRow]]]"
    sources: "tuple[CoveredSource, ...]"
    names: Callable[[set[int]], Mapping[int, tuple[str, str]]]
    addresses: Callable[[set[str]], Mapping[str, tuple[str, str]]]
    reader: "Reader"
    data_dir: Path
    version: str


@dataclass(frozen=True, slots=True)
class Format:
    """One format. `write` is called once with what there is and where it goes, and raises OSError for the disk.

    `file` is the name of its only file; None: it makes a directory. A format that `streams` writes nothing but that
    file, in order, so that it can go to stdout. `package` must be installed. The same material gives the same bytes.
    """

    write: Callable[[Material, Place], None]
    file: str | None = None
    streams: bool = False
    package: str | None = None
