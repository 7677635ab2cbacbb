"""Which kept texts have each fingerprint: the newest texts in memory and each in a row, all others in an index.

The fingerprints of one text lie all over the index: writing each text there by itself rewrites a page for every one of
them. So texts wait until there are many, and are moved there together, in the order of the index. What this process
remembers of those that wait, and of what it has moved since the index was empty, is believed only as long as `meta`
holds the mark of its last own change: a transaction that was undone, or another process, leaves another one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from threading import local
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

NEIGHBOURS = 100  # texts with one fingerprint that are looked at, the newest first: stock phrases are in thousands
_WARM = 5  # from which on a fingerprint may be in such a phrase
_MARK = "events_waiting_prints"  # in `meta`
_WAITING = 1 << 16  # fingerprints that are in memory: some eight megabytes
_SLOTS = (1 << 22) - 1  # of a fingerprint, the bits that say where `moved` remembers it
_SIZES = 1 << 14
_MANY = range(NEIGHBOURS)  # in the place of so many texts
_AT_ONCE = 10  # texts for each fingerprint that are read at first: most have fewer


@dataclass(frozen=True, slots=True)
class Sharing:
    """The texts that have each of these fingerprints, where there are any; NEIGHBOURS or more have the `hot` ones.

    `are_stock`: most of these fingerprints are in many statements, so that they alone would not find one of them.
    """

    prints: Collection[int]
    texts: Mapping[int, Collection[int]]
    hot: Collection[int]
    are_stock: bool


class _WaitingTexts(local):
    """What waits for the index, as this thread knows it: texts by fingerprint, and how many such pairs there are.

    `sizes` says of some texts how many fingerprints they have. `moved` has a mark for each fingerprint in the index,
    and by chance for others; None if it is not known which those are.
    """

    def __init__(self) -> None:
        self.mark: str | None = None
        self.texts: dict[int, tuple[int] | list[int]] = {}
        self.known: set[int] = set()
        self.pairs = 0
        self.sizes: dict[int, int] = {}
        self.moved: bytearray | None = None

    def add(self, text: int, prints: Collection[int]) -> None:
        if text in self.known:
            prints = [value for value in prints if text not in self.texts.get(value, ())]
        self.known.add(text)
        self.pairs += len(prints)
        shared = {value: self.texts[value] for value in self.texts.keys() & prints}
        self.texts.update(dict.fromkeys(prints, (text,)))  # one for all that this text alone has
        for value, texts in shared.items():
            self.texts[value] = texts = texts if isinstance(texts, list) else [*texts]
            texts.append(text)

    def drop(self, text: int, prints: Iterable[int]) -> None:
        """Forget a text; `prints` are all that it may have."""
        for value in prints:
            texts = self.texts.get(value, ())
            if text in texts:
                self.pairs -= 1
                self.texts[value] = [other for other in texts if other != text]
                if not self.texts[value]:
                    del self.texts[value]
        self.known.discard(text)
        self.sizes.pop(text, None)

    def may_be_moved(self, prints: Collection[int]) -> Collection[int]:
        """Those of these that the index may have."""
        moved = self.moved
        return prints if moved is None else [value for value in prints if moved[value & _SLOTS]]

    def move(self) -> Iterator[tuple[int, int]]:
        """All pairs in the order of the index, where they are then."""
        moved = bytearray(_SLOTS + 1) if self.moved is None else self.moved
        for value in sorted(self.texts):
            moved[value & _SLOTS] = 1
            for text in self.texts[value]:
                yield value, text
        self._clear()

    def forget(self) -> None:
        self.mark = self.moved = None
        self.sizes.clear()
        self._clear()

    def _clear(self) -> None:
        self.pairs = 0
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
        self.sizes = self._waiting.sizes
        self._asked: set[int] = set()
        self._index: dict[int, Collection[int]] = {}  # of those that are there; _MANY: of NEIGHBOURS texts or more
        self._new: list[tuple[int, bytes]] = []

    def read_ahead(self, prints: Iterable[int]) -> None:
        """Ask the index about these, all at once."""
        missing = frozenset(prints) - self._asked
        if missing:
            asked = self._waiting.may_be_moved(missing)
            if asked:
                self._index |= _read_index(self._writer, sorted(asked))
            self._asked |= missing

    def find(self, prints: Collection[int]) -> Sharing:
        """The texts that have these fingerprints."""
        self.read_ahead(prints)
        index, waiting = self._index, self._waiting.texts
        texts: dict[int, Collection[int]] = {value: waiting[value] for value in waiting.keys() & prints}
        for value in index.keys() & prints:
            texts[value] = {*index[value], *texts[value]} if value in texts else index[value]
        sizes = [*map(len, texts.values())]
        warm = sum(map(_WARM.__le__, sizes))
        hot = [value for value in texts if len(texts[value]) >= NEIGHBOURS] if warm and max(sizes) >= NEIGHBOURS else []
        for value in hot:
            del texts[value]
        return Sharing(prints, texts, hot, are_stock=2 * warm > len(prints))

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
            "INSERT INTO event_prints (fingerprint, text_id) VALUES (?, ?) ON CONFLICT DO NOTHING", self._waiting.move()
        )
        self._writer.execute("DELETE FROM event_waiting_prints")
        self._index.clear()
        self._asked.clear()
        self._waiting.mark = _change_mark(self._writer)


def forget_prints(writer: Writer, texts: Mapping[int, Collection[int]]) -> None:
    """Let these texts be found no more; with each come all fingerprints that it may have."""
    if not texts:
        return
    waiting = _load(writer)
    writer.execute_many(
        "DELETE FROM event_prints WHERE fingerprint = ? AND text_id = ?",
        sorted((value, text) for text, prints in texts.items() for value in waiting.may_be_moved(prints)),
    )
    ids = {"ids": as_list(texts)}
    if writer.execute(f"DELETE FROM event_waiting_prints WHERE text_id {in_list('ids')}", ids).rowcount:
        waiting.mark = None  # until it is written
        for text, prints in texts.items():
            waiting.drop(text, prints)
        waiting.mark = _change_mark(writer)


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
        if not writer.value("SELECT EXISTS (SELECT 1 FROM event_prints)"):
            _memory.moved = bytearray(_SLOTS + 1)
        _memory.mark = mark
    if len(_memory.sizes) > _SIZES:
        _memory.sizes.clear()
    return _memory


def _change_mark(writer: Writer) -> str:
    mark = os.urandom(8).hex()
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :mark) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _MARK, "mark": mark},
    )
    return mark


def _read_index(reader: Reader, prints: Collection[int]) -> dict[int, Collection[int]]:
    """The texts that have each fingerprint, where there are any; _MANY for those that NEIGHBOURS or more have."""
    most = len(prints) * _AT_ONCE
    rows = reader.rows(f"{_PAIRS} LIMIT :most + 0", {"prints": as_list(prints), "most": most})
    found: dict[int, Collection[int]] = {}
    if len(rows) == most:  # stock phrases: those of thousands are not read to the end
        hot = reader.column(
            "SELECT j.value FROM json_each(:prints) j WHERE EXISTS"
            " (SELECT 1 FROM event_prints p WHERE p.fingerprint = j.value LIMIT 1 OFFSET :most + 0)",
            {"prints": as_list(prints), "most": NEIGHBOURS - 1},
        )
        found = dict.fromkeys(hot, _MANY)
        rows = reader.rows(_PAIRS, {"prints": as_list(value for value in prints if value not in found)})
    texts: dict[int, list[int]] = {}
    for value, text in rows:
        texts.setdefault(value, []).append(text)
    return found | texts


_PAIRS = "SELECT j.value, p.text_id FROM json_each(:prints) j CROSS JOIN event_prints p ON p.fingerprint = j.value"


def _pack(prints: Collection[int]) -> bytes:
    """Eight bytes each, the least first, on every machine."""
    return struct.pack(f"<{len(prints)}q", *prints)


def _unpack(packed: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(packed) // 8}q", packed)
