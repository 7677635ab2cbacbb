"""Keeps some room on the disk of the archive, and gives it back when the disk is full, so that this can be recorded."""

import os
from pathlib import Path
from shutil import disk_usage

SIZE = 16 << 20  # bytes
ROOM = 3 * SIZE  # that must be free before they are taken again


class Reserve:
    """The file `reserve` in the data directory. The methods work on the disk: call them in a thread."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "reserve"

    def keep(self) -> bool:
        """Make the file if it is not there and there is room for it; whether it is there now."""
        try:
            if self._path.exists():
                return True
            if disk_usage(self._path.parent).free < ROOM:
                return False
            self._make()
        except OSError:
            return (
                False  # it is a help, not a need: whoever writes to the archive meets the same trouble and reports it
            )
        return True

    def release(self) -> bool:
        """Give the room back; False if there was none, or nothing can be changed there."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _make(self) -> None:
        unfinished = self._path.with_name("reserve.tmp")
        descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)  # really allocated, unlike a hole
            unfinished.rename(self._path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
