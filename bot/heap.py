"""One heap for all threads of a process that runs for months, so that what one gave back is there for the others."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h of glibc: https://man7.org/linux/man-pages/man3/mallopt.3.html


def share_heap() -> None:
    """Call it before there is a second thread. Other C libraries than glibc keep their own way.

    glibc gives up to eight heaps per core to threads, and each grows to the most that was ever needed in it.
    """
    if hasattr(own := ctypes.CDLL(None), "mallopt"):
        own.mallopt(_M_ARENA_MAX, 1)
