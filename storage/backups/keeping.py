"""PURE: which backups stay: the newest of each of so many days, weeks and months, and always the newest of all."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from storage.frozen import dataclass

_FORM = re.compile(r"([1-9][0-9]{0,3})([dwm])")
_PERIODS = {"d": "%Y-%m-%d", "w": "%G-%V", "m": "%Y-%m"}  # UTC; weeks are those of ISO 8601


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks and months that have a backup keep their newest one."""

    days: int = 0
    weeks: int = 0
    months: int = 0

    def __str__(self) -> str:
        parts = ((self.days, "d"), (self.weeks, "w"), (self.months, "m"))
        return " ".join(f"{count}{unit}" for count, unit in parts if count)


def keep(text: str) -> Keep:
    """Read "7d 4w 12m". Raises ValueError with the right form."""
    found: dict[str, int] = {}
    for word in text.split():
        part = _FORM.fullmatch(word)
        if part is None or part[2] in found:
            break
        found[part[2]] = int(part[1])
    else:
        if found:
            return Keep(found.get("d", 0), found.get("w", 0), found.get("m", 0))
    raise ValueError('expected how many days, weeks and months, such as "7d 4w 12m"')


def superseded(moments: Sequence[int], kept: Keep) -> list[int]:
    """The moments (microseconds UTC) of the backups that may go, oldest first."""
    newest_first = sorted(set(moments), reverse=True)
    stay = set(newest_first[:1])
    for unit, count in (("d", kept.days), ("w", kept.weeks), ("m", kept.months)):
        periods: dict[str, int] = {}
        for moment in newest_first:
            period = datetime.fromtimestamp(moment / 1_000_000, UTC).strftime(_PERIODS[unit])
            periods.setdefault(period, moment)
        stay.update(list(periods.values())[:count])
    return [moment for moment in reversed(newest_first) if moment not in stay]
