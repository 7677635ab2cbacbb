"""Which kept texts have each fingerprint: the newest texts in memory and each in a row, all others in an index.

The fingerprints of one text lie all over the index: writing each text there by itself rewrites a page for every one of
them. So texts wait until there are many, and are moved there together, in the order of the index. What this process
remembers of those that wait is believed only as long as `meta` holds the mark of its last own change: a transaction
that was undone, or another process, leaves another one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import local
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

NEIGHBOURS = 100  # texts with one fingerprint that are looked at, the newest first: stock phrases are in thousands
_WARM = 5  # from which on a fingerprint may be in such a phrase
_MARK = "events_waiting_prints"  # in `meta`
_WAITING = 1 << 14  # fingerprints that are in memory: a few megabytes
_AT_ONCE = 10  # texts for each fingerprint that are read at first: most have fewer


@dataclass(frozen=True, slots=True)
class Sharing:
    """The texts that have each of these fingerprints, where there are any; NEIGHBOURS or more have the `hot` ones."""

    prints: Collection[int]
    texts: Mapping[int, Collection[int]]
    hot: Collection[int]

    @property
    def are_stock(self) -> bool:
        """Whether most of these fingerprints are in many statements, so that they alone would not find one of them."""
        warm = len(self.hot) + sum([len(texts) >= _WARM for texts in self.texts.values()])
        return 2 * warm > len(self.prints)


class _WaitingTexts(local):
    """What waits for the index, as this thread knows it: texts by fingerprint, and how many such pairs there are."""

    def __init__(self) -> None:
        self.mark: str | None = None
        self.texts: dict[int, list[int]] = {}
        self.known: set[int] = set()
        self.pairs = 0

    def add(self, text: int, prints: Collection[int]) -> None:
        if text in self.known:
            prints = [value for value in prints if text not in self.texts.get(value, ())]
        self.known.add(text)
        self.pairs += len(prints)
        for value in prints:
            texts = self.texts.get(value)
            if texts is None:
                self.texts[value] = [text]
            else:
                texts.append(text)

    def forget(self) -> None:
        self.mark, self.pairs = None, 0
        self.texts.clear()
        self.known.clear()


_memory = _WaitingTexts()


class Prints:
    """The fingerprints of all kept texts, within one transaction. What was added is written by `write`.

    What the index has is remembered here, for nothing else changes it meanwhile.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting = _load(writer)
        self._asked: set[int] = set()
        self._index: dict[int, list[int] | None] = {}  # of those that are there; None: of NEIGHBOURS texts or more
        self._new: list[tuple[int, bytes]] = []

    def read_ahead(self, prints: Iterable[int]) -> None:
        """Ask the index about these, all at once."""
        missing = frozenset(prints) - self._asked
        if missing:
            self._index |= _read_index(self._writer, sorted(missing))
            self._asked |= missing

    def find(self, prints: Collection[int]) -> Sharing:
        """The texts that have these fingerprints."""
        self.read_ahead(prints)
        index, waiting = self._index, self._waiting.texts
        texts: dict[int, Collection[int]] = {}
        hot: list[int] = []
        for value in [value for value in prints if value in index or value in waiting]:
            old, new = index.get(value, ()), waiting.get(value, ())
            both = {*old, *new} if old and new else old or new
            if old is None or len(both) >= NEIGHBOURS:
                hot.append(value)
            else:
                texts[value] = both
        return Sharing(prints, texts, hot)

    def find_newest(self, value: int) -> list[int]:
        """The newest texts that have a fingerprint, NEIGHBOURS at most."""
        old = self._writer.column(
            "SELECT text_id FROM event_prints WHERE fingerprint = :value ORDER BY text_id DESC LIMIT :most + 0",
            {"value": value, "most": NEIGHBOURS},
        )
        return sorted({*old, *self._waiting.texts.get(value, ())}, reverse=True)[:NEIGHBOURS]

    def add(self, text: int, prints: Collection[int]) -> None:
        """Let a text be found by these."""
        self._waiting.mark = None  # until it is written
        self._waiting.add(text, prints)
        self._new.append((text, _pack(prints)))

    def write(self) -> None:
        """Write down what was added."""
        if not self._new:
            return
        self._writer.execute_many(
            "INSERT INTO event_waiting_prints (text_id, prints) VALUES (?, ?)"
            " ON CONFLICT (text_id) DO UPDATE SET prints = CAST(prints || excluded.prints AS BLOB)",
            self._new,
        )
        self._new.clear()
        self._waiting.mark = _change_mark(self._writer)

    def move(self) -> None:
        """Move what waits into the index, once that is much; nothing of what was found before is valid then."""
        if self._waiting.pairs < _WAITING:
            return
        self.write()
        self._writer.execute_many(
            "INSERT INTO event_prints (fingerprint, text_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ((value, text) for value in sorted(self._waiting.texts) for text in self._waiting.texts[value]),
        )
        self._writer.execute("DELETE FROM event_waiting_prints")
        self._index.clear()
        self._asked.clear()
        self._waiting.forget()
        self._waiting.mark = _change_mark(self._writer)


def forget_prints(writer: Writer, texts: Mapping[int, Iterable[int]]) -> None:
    """Let these texts be found no more; with each come all fingerprints that it may have."""
    if not texts:
        return
    writer.execute_many(
        "DELETE FROM event_prints WHERE fingerprint = ? AND text_id = ?",
        [(value, text) for text, prints in texts.items() for value in prints],
    )
    ids = {"ids": as_list(texts)}
    if writer.execute(f"DELETE FROM event_waiting_prints WHERE text_id {in_list('ids')}", ids).rowcount:
        _change_mark(writer)


def forget_all_prints(writer: Writer) -> None:
    """Let no text be found."""
    for table in ("event_prints", "event_waiting_prints"):
        writer.execute(f"DELETE FROM {table}")
    _change_mark(writer)


def _load(writer: Writer) -> _WaitingTexts:
    mark = writer.value("SELECT value FROM meta WHERE key = :key", {"key": _MARK})
    if mark is None or mark != _memory.mark:
        _memory.forget()
        for text, prints in writer.rows("SELECT text_id, prints FROM event_waiting_prints"):
            _memory.add(text, frozenset(_unpack(prints)))
        _memory.mark = mark
    return _memory


def _change_mark(writer: Writer) -> str:
    mark = os.urandom(8).hex()
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :mark) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _MARK, "mark": mark},
    )
    return mark


def _read_index(reader: Reader, prints: Collection[int]) -> dict[int, list[int] | None]:
    """The texts that have each fingerprint, where there are any; None for those that NEIGHBOURS or more have."""
    most = len(prints) * _AT_ONCE
    rows = reader.rows(f"{_PAIRS} LIMIT :most + 0", {"prints": as_list(prints), "most": most})
    found: dict[int, list[int] | None] = {}
    if len(rows) == most:  # stock phrases: those of thousands are not read to the end
        hot = reader.column(
            "SELECT j.value FROM json_each(:prints) j WHERE EXISTS"
            " (SELECT 1 FROM event_prints p WHERE p.fingerprint = j.value LIMIT 1 OFFSET :most + 0)",
            {"prints": as_list(prints), "most": NEIGHBOURS - 1},
        )
        found = dict.fromkeys(hot)
        rows = reader.rows(_PAIRS, {"prints": as_list(value for value in prints if value not in found)})
    texts: dict[int, list[int]] = {}
    for value, text in rows:
        texts.setdefault(value, []).append(text)
    return found | {value: None if len(of) >= NEIGHBOURS else of for value, of in texts.items()}


_PAIRS = "SELECT j.value, p.text_id FROM json_each(:prints) j CROSS JOIN event_prints p ON p.fingerprint = j.value"


def _pack(prints: Collection[int]) -> bytes:
    """Eight bytes each, the least first, on every machine."""
    return struct.pack(f"<{len(prints)}q", *prints)


def _unpack(packed: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(packed) // 8}q", packed)
