"""Writes one line on stderr per event: no post can forge or break one, and what lasts is not repeated."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from bot.clock import SECOND, Clock
from bot.foreign.text import visible

CALM_S = 30.0  # without a failure, before something counts as working again
_PLACES = 3  # of a traceback that are shown, innermost last


class Journal:
    """Says one sentence a line, with the time before it unless the journal adds its own."""

    def __init__(self, err: TextIO, clock: Clock, *, stamps: bool) -> None:
        self._err = err
        self._clock = clock
        self._stamps = stamps

    def __call__(self, sentence: str) -> None:
        stamp = ""
        if self._stamps:
            stamp = datetime.fromtimestamp(self._clock.now() // SECOND, UTC).strftime("%H:%M:%SZ ")
        # A full disk under the log, or a reader that went away, must not stop the monitor.
        with suppress(OSError, ValueError):
            print(f"{stamp}{visible(sentence)}", file=self._err, flush=True)


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
