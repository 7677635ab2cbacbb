"""Writes one line on stderr per event: no post can forge or break one, and what lasts is not repeated."""

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from bot.clock import SECOND, Clock
from bot.foreign.text import visible
from bot.streams import write_out

CALM_S = 30.0  # without a failure, before something counts as working again
_PLACES = 3  # of a traceback that are shown, innermost last
_WAITING = 1_000  # lines that are kept for a stderr that nobody reads
_DRAIN_S = 2.0  # of an exit, for the last lines


class Journal:
    """Says one sentence a line, with the time before it unless the journal adds its own.

    A thread of its own writes: a stderr that nobody reads holds up nothing else. What found no room is counted, which
    is said when there is room again.
    """

    def __init__(self, err: TextIO, clock: Clock, *, stamps: bool) -> None:
        self._err = err
        self._clock = clock
        self._stamps = stamps
        self._lines: deque[str] = deque()
        self._left_out = 0
        self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __call__(self, sentence: str) -> None:
        line = self._stamped(sentence)
        with self._changed:
            if len(self._lines) >= _WAITING:
                self._left_out += 1
                return
            self._lines.append(line)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, daemon=True, name="journal")
                self._thread.start()

    def drain(self, seconds: float = _DRAIN_S) -> None:
        """Wait until all lines are written, but no longer: nobody may be reading."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._writing, seconds)

    def _stamped(self, sentence: str) -> str:
        stamp = ""
        if self._stamps:
            stamp = datetime.fromtimestamp(self._clock.now() // SECOND, UTC).strftime("%H:%M:%SZ ")
        return f"{stamp}{visible(sentence)}\n"

    def _write(self) -> None:
        while True:
            line = self._take()
            # A full disk under the log, or a reader that went away, must not stop the monitor.
            with suppress(OSError, ValueError):
                write_out(self._err, line)

    def _take(self) -> str:
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._lines or self._left_out)
            self._writing = True
            if self._lines:
                return self._lines.popleft()
            missed, self._left_out = self._left_out, 0
        what = "1 message was" if missed == 1 else f"{missed} messages were"
        return self._stamped(f"{what} not shown, because nothing read this output")


class LogLines(logging.Handler):
    """Says what libraries log as warnings: Python would write it to stderr itself, and wait there."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"{record.name}: {record.getMessage()}")


class Incident:
    """Something that breaks and recovers: each is said once, nothing in between. `recovered` is the last sentence."""

    def __init__(self, say: Callable[[str], None], clock: Clock, recovered: str) -> None:
        self._say = say
        self._clock = clock
        self._recovered = recovered
        self._said = ""
        self._last = 0.0

    def begin(self, sentence: str) -> None:
        """It failed; the same sentence is not said twice."""
        self._last = self._clock.monotonic()
        if sentence != self._said:
            self._said = sentence
            self._say(sentence)

    def end(self) -> None:
        """It worked, which counts once it has not failed for a while: half-broken things work now and then."""
        if self._said and self._clock.monotonic() - self._last >= CALM_S:
            self._said = ""
            self._say(self._recovered)


def describe_bug(error: BaseException) -> str:
    """An unexpected exception in one sentence: what, and the last places on its way."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(inner.__traceback__)]
    return f"{type(inner).__name__}: {inner} ({', '.join(places[-_PLACES:])}); please report it"
