"""The inside of a child that reads for sources: a fork for each question, so that none can reach another's answer.

The process that lives reads nothing of what strangers wrote: the fork takes the document from standard input itself,
gives up everything else before it looks at it, and answers through a pipe of its own.
"""

import ctypes
import gc
import json
import os
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn, TypeAlias

Answering: TypeAlias = Callable[[Any, bytes, int], bytes]

_PIECE = 1 << 16
_FEW = 100_000  # objects, some 10 MB: most forks end before they would have to look for what to give back
_DIES_WITH_PARENT = 1  # prctl.h: PR_SET_PDEATHSIG


def serve(answer: Answering, prepare: Callable[[Any], None] = lambda _: None) -> None:
    """Answer questions until standard input ends, or until a fork dies.

    A question is one line of JSON: `order`, which comes from us, `cpu_s`, and the `size` of the document that follows.
    `prepare(order)` may load what the forks need; `answer(order, document, cpu_s)` runs in the fork and limits itself.
    An answer begins with the process id of the fork, which leads a group of its own, and comes in pieces, each after
    its length; the last is empty and followed by the exit code of the fork. Nothing outlives whoever asks.
    """
    _die_with_parent()
    gc.disable()
    while line := _read_line():
        question = json.loads(line)
        prepare(question["order"])
        gc.freeze()  # what the forks share stays shared
        code = _answer_in_fork(question, answer)
        _write(struct.pack("!Ii", 0, code))
        if code:
            return


def _die_with_parent() -> None:
    _libc().prctl(_DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


@cache
def _libc() -> ctypes.CDLL:
    """The C library, which the process that lives opens once for all forks."""
    return ctypes.CDLL(None)


def _read_line() -> bytes:
    """One line and not a byte more: what follows is the fork's."""
    line = bytearray()
    while (byte := os.read(0, 1)) and byte != b"\n":
        line += byte
    return bytes(line)


def _read(size: int) -> bytes:
    document = bytearray()
    while len(document) < size:
        piece = os.read(0, min(size - len(document), _PIECE))
        if not piece:
            break
        document += piece
    os.close(0)
    return bytes(document)


def _write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]


def _answer_in_fork(question: dict[str, Any], answer: Answering) -> int:
    readable, writable = os.pipe()
    parent = os.getpid()
    fork = os.fork()
    if fork == 0:
        os.close(readable)
        _be_fork(question, answer, writable, parent)
    os.close(writable)
    try:
        _write(struct.pack("!I", fork))
        while piece := os.read(readable, _PIECE):
            _write(struct.pack("!I", len(piece)) + piece)
    finally:
        os.close(readable)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(fork, signal.SIGKILL)  # and whatever it may have started
        _, status = os.waitpid(fork, 0)
    return os.waitstatus_to_exitcode(status)


def _be_fork(question: dict[str, Any], answer: Answering, pipe: int, parent: int) -> NoReturn:
    code = 1
    try:
        gc.set_threshold(_FEW)
        gc.enable()
        os.setpgid(0, 0)
        _die_with_parent()
        os.close(1)
        if os.getppid() == parent:
            left = memoryview(answer(question["order"], _read(question["size"]), question["cpu_s"]))
            while left:
                left = left[os.write(pipe, left) :]
            code = 0
    except BaseException:  # noqa: BLE001 - nothing of the process that lives may run here
        code = 1
    finally:
        os._exit(code)
