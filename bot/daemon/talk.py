"""One line on stderr per event: no post can forge or break one."""

from datetime import UTC, datetime
from typing import TextIO

from bot.clock import SECOND, Clock
from bot.foreign import visible


class Talk:
    """Says one sentence a line, with the time before it unless the journal adds its own."""

    def __init__(self, err: TextIO, clock: Clock, *, stamps: bool) -> None:
        self._err = err
        self._clock = clock
        self._stamps = stamps

    def __call__(self, sentence: str) -> None:
        stamp = ""
        if self._stamps:
            stamp = datetime.fromtimestamp(self._clock.now() // SECOND, UTC).strftime("%H:%M:%SZ ")
        print(f"{stamp}{visible(sentence)}", file=self._err, flush=True)
