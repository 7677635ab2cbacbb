"""The posts of the parts of a plan: all of them where they are few, those of a window, or those among others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from storage.archive.database import as_list
from storage.language.sequences import glob
from storage.search import prefilter
from storage.search.bounds import Rows
from storage.search.facts import OF_POST, RULES, WHOLE, WITH
from storage.search.plan import (
    EVERY_ID,
    All,
    Fact,
    IdRange,
    Ids,
    Plan,
    Some,
    both,
    invert,
    is_dear_plan,
    is_gathered,
    is_walked,
    words_of,
)

if TYPE_CHECKING:
    from storage.archive.database import Reader

MATCHING = "SELECT rowid AS id FROM posts_index WHERE posts_index MATCH :term AND rowid >= :low AND rowid < :high"
SOME = " LIMIT :most + 0"

_FEW = 100  # posts that are looked at faster than a set is taken to narrow them
_FEW_BEFORE_DEAR = 1_000  # the same where that set is gathered from very many words
_FEW_ROWS, _MOST_FEW = 2_000, 32_000  # of one part: they are taken at once; the more, the more posts are looked at
_GATHERED = 64_000  # the same of words that are gathered: to gather them takes longer than to take them
_MOST_WORDS = 600  # of an expression of which all posts may be taken
_ROWS_FOR_ONE = 50  # rows of the index that are read to spare a look at one post
_MOST_MATCHED = 100_000  # posts of a rule: more are no help


def read_ids(reader: Reader, ask: str, asked: Mapping[str, object]) -> list[int]:
    """The only column of an answer, in one row: to make a row of each takes twice as long."""
    found: list[int] = json.loads(reader.value(_AS_ONE.format(ask), asked))
    return found


class Parts:
    """The posts of parts of plans in one archive, at one moment. `versions` are those of the texts in the index.

    With `gathers` words that have to be gathered before the first post are gathered, once; before it nothing is known
    of them.
    """

    def __init__(self, reader: Reader, versions: tuple[int, ...], *, history: bool) -> None:
        self._reader = reader
        self._versions = as_list(versions)
        self._history = history
        self._known: dict[Plan, tuple[int, set[int] | None]] = {}
        self._matched: dict[Fact, Ids] = {}
        self.gathers = False

    def few(self, plan: Plan, most: int = 0) -> set[int] | None:
        """All posts of a plan, and maybe some others, asked for once, where they are few: not many more than `most`."""
        if isinstance(plan, All):
            known = [few for part in plan.parts if (few := self.few(part, most)) is not None]
            return set.intersection(*known) if known else None
        if isinstance(plan, Some):
            ways = []
            for part in plan.parts:
                if (few := self.few(part, most)) is None:
                    return None
                ways.append(few)
            return set().union(*ways)
        if isinstance(plan, IdRange) or plan.others:
            return None
        gathered = is_gathered(plan)
        if not self.gathers if gathered else words_of(plan) > _MOST_WORDS:
            return None
        most = _GATHERED if gathered else max(_FEW_ROWS, min(most, _MOST_FEW))
        tried, found = self._known.get(plan, (0, None))
        if found is None and tried < most:
            found = self._whole(plan, most)
            self._known[plan] = most, found
        return found

    def find(self, plan: Plan, low: int, high: int) -> Ids:
        """The posts of a plan in [low, high), which has no edge of a span inside; and a few more."""
        if isinstance(plan, All):
            known = EVERY_ID
            for part in sorted(plan.parts, key=self._dearness):
                if known.others:
                    known = both(known, self.find(part, low, high))
                else:
                    known = Ids(others=False, ids=self.narrow(part, set(known.ids)))
            return known
        if isinstance(plan, Some):
            known = Ids(others=False, ids=set())
            for part in plan.parts:
                known = invert(both(invert(known), invert(self.find(part, low, high))))
                if known == EVERY_ID:
                    break
            return known
        assert not isinstance(plan, IdRange), "a span has no edge here"
        few = self.few(plan)
        if few is None:
            return self._of_window(plan, low, high, -1)
        return Ids(plan.others, {post_id for post_id in few if low <= post_id < high})

    def narrow(self, plan: Plan, ids: set[int], but: Plan | None = None) -> set[int]:
        """Those of these posts that are in a plan, and maybe some others; `but` is a part that all of them are in."""
        if plan == but or len(ids) <= _FEW:
            return ids
        if isinstance(plan, All):
            for part in sorted(plan.parts, key=self._dearness):
                ids = self.narrow(part, ids, but)
            return ids
        if isinstance(plan, Some):
            left = ids
            for part in sorted(plan.parts, key=self._dearness):
                left = left - self.narrow(part, left)
            return ids - left
        assert not isinstance(plan, IdRange), "a span has no edge here"
        few = self.few(plan)
        if few is not None:
            found = Ids(plan.others, few)
        elif isinstance(plan, Fact) and plan.name in OF_POST and not (plan.name == "lang" and self._history):
            asked = {"ids": as_list(sorted(ids)), **self._values(plan)}
            found = Ids(plan.others, set(read_ids(self._reader, _AMONG.format(OF_POST[plan.name]), asked)))
        elif (self.gathers and is_gathered(plan)) or (len(ids) <= _FEW_BEFORE_DEAR and is_dear_plan(plan)):
            return ids
        else:
            found = self._of_window(plan, min(ids), max(ids) + 1, _ROWS_FOR_ONE * len(ids))
        return ids - found.ids if found.others else ids & found.ids

    def _of_window(self, plan: Rows | Fact, low: int, high: int, most: int) -> Ids:
        """The posts of one part in [low, high). One with so many rows narrows too little for what it costs."""
        asked: dict[str, object] = {"low": low, "high": high, "most": most}
        if isinstance(plan, Rows):
            found = read_ids(self._reader, MATCHING + SOME, asked | {"term": plan.text}) if plan.text else []
        elif plan.name == "old index":
            found = [one for ask, term in plan.values for one in self._reader.column(ask, asked | {"term": term})]
        elif plan.name in WITH:
            found = read_ids(self._reader, WITH[plan.name] + SOME, asked | self._values(plan))
        else:
            return self._of_posts(plan)
        return EVERY_ID if len(found) == most and not plan.others else Ids(plan.others, set(found))

    def _whole(self, plan: Rows | Fact, most: int) -> set[int] | None:
        asked: dict[str, object] = {"low": -prefilter.TOP, "high": prefilter.TOP, "most": most}
        if isinstance(plan, Rows):
            ask, asked = MATCHING + SOME, asked | {"term": plan.text}
        elif plan.name in WITH:
            ask, asked = WITH[plan.name] + SOME, asked | self._values(plan)
        elif plan.name in WHOLE:
            whole = self._of_posts(plan)
            return None if whole.others or len(whole.ids) >= most else set(whole.ids)
        else:
            return None
        if isinstance(plan, Fact) and self._reader.value(_HOW_MANY.format(ask), asked) == most:
            return None  # counting is five times as fast
        found = read_ids(self._reader, ask, asked)
        return set(found) if len(found) < most else None  # rows: one post may have several

    def _of_posts(self, fact: Fact) -> Ids:
        """Facts of which there is no index by post, events and rules: they are the same in each window."""
        if fact not in self._matched:
            values: tuple[object, ...] = fact.values
            if fact.name == "rule":
                names = self._reader.column(RULES)
                values = tuple(name for name in names if glob(str(fact.values[0]), name.casefold()))
            ids = self._reader.column(WHOLE[fact.name], {"values": as_list(values), "most": _MOST_MATCHED})
            known = len(ids) < _MOST_MATCHED
            self._matched[fact] = Ids(fact.others, set(ids)) if known else EVERY_ID
        return self._matched[fact]

    def _values(self, fact: Fact) -> dict[str, object]:
        return {"values": as_list(fact.values), "versions": self._versions}

    def _dearness(self, plan: Plan) -> int:
        """How late a part is asked for: what is rare comes first."""
        if self.few(plan) is not None:
            return 0
        return 4 if is_dear_plan(plan) else 1 if is_walked(plan) else 2 if isinstance(plan, Fact) else 3


_AS_ONE = "WITH found (id) AS ({}) SELECT json_group_array(id) FROM found"
_HOW_MANY = "SELECT count(*) FROM ({})"
_AMONG = "SELECT p.id FROM json_each(:ids) j CROSS JOIN posts p ON p.id = j.value WHERE {}"
