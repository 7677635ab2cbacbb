"""Whether the terminal that the process was started in is still there."""

import os
import signal


class Terminal:
    """The controlling terminal. One that was never there, or does not matter (nohup), is never gone."""

    def __init__(self) -> None:
        self._needed = _is_open() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def is_gone(self) -> bool:
        """Whether it was closed since the process started."""
        return self._needed and not _is_open()


def _is_open() -> bool:
    try:
        # tty(4): the kernel refuses it to a process that has no controlling terminal, or whose terminal hung up
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True
