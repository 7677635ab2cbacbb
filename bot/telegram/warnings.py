"""PURE: what is odd about an account that works: a wrong clock, words that nobody here knows; told on change."""

from dataclasses import dataclass
from datetime import datetime

from telethon.tl.alltlobjects import LAYER

from bot.clock import SECOND

_WRONG_S, _RIGHT_S = 30, 20  # seconds: a clock is called wrong beyond the one, and right again within the other
_LANGUAGE = (
    f"Telegram speaks a newer language than this Telethon (layer {LAYER}): upgrade communique; "
    "what it cannot read is passed over, and channels are polled as before"
)


@dataclass(frozen=True, slots=True)
class AccountWarning:
    """One change, for people: `about` is what notices call it; `once` says that it is told once for ever."""

    about: str
    sentence: str
    once: bool = False


class AccountWarnings:
    """What is known to be odd now; each method returns what is to be told, None where nothing has changed."""

    def __init__(self) -> None:
        self._unread = False
        self._ahead = 0  # seconds of our clock before Telegram's, as told last

    @property
    def reason(self) -> str:
        """Everything that is odd, in one line; empty where nothing is."""
        return "; ".join(
            words for words in (_clock(self._ahead) if self._ahead else "", _LANGUAGE if self._unread else "") if words
        )

    def note_unreadable(self) -> AccountWarning | None:
        """Something came that cannot be read."""
        known, self._unread = self._unread, True
        return None if known else AccountWarning("telegram language", _LANGUAGE, once=True)

    def compare_clock(self, theirs: datetime, now: int) -> AccountWarning | None:
        """A reply of Telegram's told its time, which has whole seconds; `now` is ours, in microseconds UTC."""
        ahead = round(now / SECOND - theirs.timestamp())
        if abs(ahead) <= (_RIGHT_S if self._ahead else _WRONG_S):
            told, self._ahead = self._ahead, 0
            return AccountWarning("telegram clock", "this machine's clock is right again") if told else None
        if self._ahead and abs(ahead - self._ahead) <= _WRONG_S:
            return None
        self._ahead = ahead
        return AccountWarning(
            "telegram clock", f"{_clock(ahead)}: set it (timedatectl set-ntp true); collecting goes on"
        )


def _clock(ahead: int) -> str:
    return f"this machine's clock is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} Telegram's"
