"""Writes to a terminal or a pipe past Python's own buffers: one that nobody reads holds up its writer, and no exit."""

import os
import select
from typing import TextIO


def write_out(stream: TextIO, text: str) -> None:
    """Write it all, however long that takes. Raises OSError, or ValueError for a closed stream.

    At the end of the process Python waits for whoever writes to its stdout or stderr: a thread that is stuck there
    would keep the process alive. One that is stuck in the system call does not.
    """
    try:
        descriptor = stream.fileno()
    except OSError:  # no file of the system: a program that calls us collects the words
        stream.write(text)
        stream.flush()
        return
    left = memoryview(text.encode(stream.encoding or "utf-8", "backslashreplace"))
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:  # another program has made the terminal that we share non-blocking
            select.select([], [descriptor], [])
