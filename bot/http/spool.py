"""Bytes that are too many for memory: written piece by piece to a file without a name, and read as often as needed."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryFile

_PIECE = 1 << 16


class Spool:
    """A file in `directory` that nothing else can open and no death leaves behind. Whoever made it closes it."""

    def __init__(self, directory: Path | None) -> None:
        self._file = TemporaryFile(dir=directory, buffering=_PIECE)  # noqa: SIM115 - it is closed by `close`
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Raises OSError where the disk takes no more."""
        self._file.write(piece)
        self.size += len(piece)

    def pieces(self) -> Iterator[bytes]:
        """All that was written, in pieces of 64 kB."""
        self._file.flush()
        place = 0
        while piece := os.pread(self._file.fileno(), _PIECE, place):
            yield piece
            place += len(piece)

    async def stream(self) -> AsyncIterator[bytes]:
        """The same for a request; each piece is only read once the one before has left."""
        for piece in self.pieces():
            yield piece

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
