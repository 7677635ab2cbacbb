"""PURE: warnings about an account that works: a wrong clock, updates that Telethon cannot read; one for each change."""

from datetime import datetime

from telethon.tl.alltlobjects import LAYER

from bot.clock import SECOND
from storage.frozen import dataclass

_WRONG_S, _RIGHT_S = 30, 20  # seconds: a clock is called wrong beyond the one, and right again within the other
_LAYER = (
    f"Telegram uses a newer API layer than the installed Telethon ({LAYER}): upgrade communique; "
    "updates that cannot be read are skipped, and channels are polled as before"
)


@dataclass(frozen=True, slots=True)
class AccountWarning:
    """One change. Notices file it under `about`; with `once` it is reported a single time, across restarts."""

    about: str
    sentence: str
    once: bool = False


class AccountWarnings:
    """The warnings in force. Each method returns what is to be reported, None if nothing has changed."""

    def __init__(self) -> None:
        self._unread = False
        self._ahead = 0  # seconds that our clock is before Telegram's, as last reported

    @property
    def reason(self) -> str:
        """All warnings in one line; empty if there is none."""
        return "; ".join(
            one for one in (_clock(self._ahead) if self._ahead else "", _LAYER if self._unread else "") if one
        )

    def note_unreadable(self) -> AccountWarning | None:
        """An update came that cannot be read."""
        known, self._unread = self._unread, True
        return None if known else AccountWarning("telegram language", _LAYER, once=True)

    def compare_clock(self, theirs: datetime, now: int) -> AccountWarning | None:
        """Compare Telegram's time, which has whole seconds, with `now`, ours in microseconds UTC."""
        ahead = round(now / SECOND - theirs.timestamp())
        if abs(ahead) <= (_RIGHT_S if self._ahead else _WRONG_S):
            wrong, self._ahead = self._ahead, 0
            return AccountWarning("telegram clock", "this machine's clock is right again") if wrong else None
        if self._ahead and abs(ahead - self._ahead) <= _WRONG_S:
            return None
        self._ahead = ahead
        return AccountWarning(
            "telegram clock", f"{_clock(ahead)}: set it (timedatectl set-ntp true); collecting continues"
        )


def _clock(ahead: int) -> str:
    return f"this machine's clock is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} Telegram's"
