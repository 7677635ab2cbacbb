"""PURE: what one visit to a site leaves for the next, and how far a list leads back to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, field

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Visit:
    """What the next visit must know.

    `etag` and `modified` are of the last page, which came whole at `full_at`; `since` is when the first contact was (0
    where an older version made it); `known` are marks of items, `tries` how often the page of one failed, `texts` marks
    of the last two different texts of one page, the newest last. `seen` is the mark of the text that was shown last, on
    so many `visits`. While it `flickers`, no visit is conditional. `newest` is the latest time that an item had, and
    `shown` are the addresses of a short list, which cannot prove by itself that it leads back to what was known.
    """

    asked: str = ""
    etag: str = ""
    modified: str = ""
    full_at: int = 0
    since: int = 0
    known: tuple[str, ...] = ()
    tries: dict[str, int] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    seen: str = ""
    visits: int = 0
    flickers: bool = False
    newest: int = 0
    shown: tuple[str, ...] = ()

    @classmethod
    def read(cls, cursor: str | None, asked: str) -> "Visit":
        """A cursor of ours; of another page, or of another kind of source, it means a first visit."""
        try:
            fields = json.loads(cursor or "{}")
        except ValueError:
            fields = {}
        if not isinstance(fields, dict) or fields.get("asked") != asked:
            return cls(asked)
        lists = {name: tuple(fields.get(name, ())) for name in ("known", "texts", "shown")}
        return cls(**{name: value for name, value in fields.items() if name in cls.__dataclass_fields__} | lists)

    def write(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))


SHORT = 8  # items of a list, at most, that is short
_PINNED = 3  # items at the top of a list that may be there for another reason than their time


def reaches_back(known: Sequence[bool], times: Sequence[int | None]) -> bool:
    """Whether a list, newest first, leads down to what was known; for each item, if it is known and when it is from.

    A few known items above all new ones may be pinned there: they prove nothing, unless the lowest new one is older.
    """
    if all(known):
        return True
    first = known.index(False)
    if any(known[first:]):
        return True
    last, newest = times[-1], max((at for at in times[:first] if at is not None), default=None)
    if last is not None and newest is not None and last != newest:
        return last < newest
    return first > _PINNED
