"""PURE: how often each source of a host is polled where the host cannot be asked as often as the config says."""

from collections.abc import Sequence

from bot.clock import DAY, HOUR
from storage.frozen import dataclass

JITTER = 1.125  # a pause between two requests is on average so much longer than its setting
_FOR_POLLS = 0.8  # of the requests; the others are for history, re-checks and second tries
_RAREST = 3  # the quietest source is polled at least every so many even shares
_RECENT = ((6 * HOUR, 4.0), (2 * DAY, 2.0))  # a post within that: so many times as important as none
_URGENT = 3.0
_DUE = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """One source: its interval by the config, and what makes it more important; times are microseconds."""

    name: str
    every: int
    silent_for: int | None = None  # since its last post
    is_urgent: bool = False  # a rule of high priority reads it alone
    has_rechecks: bool = False  # of its posts, due within the hour

    @property
    def weight(self) -> float:
        silent = self.silent_for
        news = next((times for within, times in _RECENT if silent is not None and silent <= within), 1.0)
        return (news + _DUE * self.has_rechecks) * (_URGENT if self.is_urgent else 1.0)


def is_too_much(intervals: Sequence[int], pause: int) -> bool:
    """Whether one host would be asked more often than its pause allows."""
    return pause * JITTER * sum(1 / every for every in intervals) > 1


def share_out(wishes: Sequence[Wish], pause: int) -> dict[str, int]:
    """The interval of each in microseconds: by weight, none shorter than its own, none left out."""
    budget = _FOR_POLLS / (pause * JITTER)
    least = budget / len(wishes) / _RAREST
    rates: dict[str, float] = {}
    others = list(wishes)
    while others:
        free = budget - sum(rates.values()) - least * len(others)
        total = sum(one.weight for one in others)
        shares = {one.name: least + free * one.weight / total for one in others}
        content = [one for one in others if shares[one.name] >= 1 / one.every]
        if not content:
            rates |= shares
            break
        rates |= {one.name: 1 / one.every for one in content}
        others = [one for one in others if one.name not in rates]
    return {one.name: max(round(1 / rates[one.name]), one.every) for one in wishes}
