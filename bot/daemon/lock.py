"""One owner per data directory: a lock that dies with its process and names its pid."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.config.paths import lock_in
from bot.errors import AlreadyRunning, UserError


class Lock:
    """Held for the life of the process. Entering raises AlreadyRunning with the pid of the holder, or UserError."""

    def __init__(self, data_dir: Path) -> None:
        self._path = lock_in(data_dir)
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UserError(f"{self._path} cannot be opened ({why}): nothing can be collected there") from None
        # `holder` looks by taking the lock shared for a moment: a refusal counts only when it lasts.
        for pause in (0.05, 0.1, 0.2, None):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if pause is None:
                    pid = _pid(descriptor)
                    os.close(descriptor)
                    who = f"process {pid}" if pid else "another process"
                    raise AlreadyRunning(f"already running: {who} holds {self._path.parent}") from None
                time.sleep(pause)
        with suppress(OSError):  # on a full disk the lock holds all the same, only nobody can read whose it is
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _pid(descriptor: int) -> int | None:
    words = os.pread(descriptor, 32, 0).split()
    return int(words[0]) if words and words[0].isdigit() else None


def holder(data_dir: Path) -> int | None:
    """The pid of the process that holds the data directory, None if nobody does (0 if its pid is not readable)."""
    try:
        descriptor = os.open(lock_in(data_dir), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(descriptor) or 0
    else:
        return None
    finally:
        os.close(descriptor)
