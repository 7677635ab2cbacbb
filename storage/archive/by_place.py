"""PURE: statements for many rows, with values by place: the driver looks up each name again for every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, object] | Sequence[object]
_NAME = re.compile(r":([a-z]\w*)")  # no statement has a colon before a letter in a text


def by_place(statement: str, rows: Iterable[Values]) -> tuple[str, Iterator[Sequence[object]]]:
    """The statement with a place for each of its :names, and the rows as it takes them."""
    placed, take = _read(statement)
    return placed, map(take, rows)


@lru_cache(maxsize=256)
def _read(statement: str) -> tuple[str, Callable[[Any], Sequence[object]]]:
    names = _NAME.findall(statement)
    if not names:  # it has places already
        return statement, tuple
    take: Any = itemgetter(*names)
    return _NAME.sub("?", statement), take if len(names) > 1 else lambda row: (take(row),)
