"""The texts by which copies find their event, while posts are placed: read for many at once, written together.

Most posts are the first of their event, and nothing that is kept is like them. Such an event is written only when
something asks for what may be in it, or at the end. Whatever else writes, or reads in a way of its own, calls `write`
before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import chain
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.events import members
from storage.events.members import Candidate, Membership, digest_words
from storage.events.prints import Prints, Sharing
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Writer
    from storage.events.steps import Arrived

_CANDIDATES = 12  # by each of two measures
_LIKELY = 500  # texts whose words are read before they are asked for


@dataclass(frozen=True, slots=True)
class KeptText:
    """Words that are kept as text `id`, and the fingerprints by which they are found."""

    id: int
    tokens: tuple[str, ...]
    prints: Collection[int]


class KeptTexts:
    """All texts that are kept, within one transaction."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._prints = Prints(writer)
        self._digests = _Known(writer, "event_words", "digest")
        self._origins = _Known(writer, "event_origins", "origin")
        self._sizes = self._prints.sizes
        self._tokens: dict[int, tuple[str, ...]] = {}
        self._opened: list[tuple[Arrived, Membership | None]] = []
        self._kept: list[tuple[object, ...]] = []
        self._noted: list[dict[str, object]] = []
        self._unwritten: set[int] = set()  # texts

    def read_ahead(
        self, origins: Iterable[str], texts: Collection[tuple[str, ...]], prints: Collection[Collection[int]]
    ) -> None:
        """Read what will be asked about these messages, the words of these texts, and their fingerprints."""
        self._origins.read_ahead(origins)
        self._digests.read_ahead(map(digest_words, texts))
        together = frozenset().union(*prints)
        self._prints.read_ahead(together)
        shared = Counter(chain.from_iterable(self._prints.find(together).texts.values()))
        self._read_sizes(shared)
        likely = [text for text, count in shared.items() if count * 4 >= self._sizes.get(text, 1 << 30)]
        self.read_tokens(likely[:_LIKELY])

    def find_by_origin(self, origin: str, at: int) -> tuple[int, int] | None:
        """As in `members`."""
        if not self._origins.may_have(origin):
            return None
        self.write()
        return members.find_by_origin(self._writer, origin, at)

    def find_equal(
        self, tokens: tuple[str, ...], source_id: int, at: int, within: int, *, again: bool = False
    ) -> Candidate | None:
        """As in `members`."""
        if not self._digests.may_have(digest_words(tokens)):
            return None
        self.write()
        return members.find_equal(self._writer, tokens, source_id, at, within, again=again)

    def find_sharing(self, prints: Collection[int]) -> Sharing:
        """The kept texts that have these fingerprints."""
        return self._prints.find(prints)

    def list_near(self, sharing: Sharing, every: Collection[int], at: int) -> list[int]:
        """The texts that share the most fingerprints, a quarter of the smaller text's at least.

        `every` are the numbers of all shingles of the text, of which `sharing` has some: where most of those are in
        stock phrases, the shingles that are not find the statement.
        """
        shared, own = self._count_shared(sharing, every)
        self._read_sizes(shared)
        near = [text for text, count in shared.items() if count * 4 >= min(self._sizes.get(text, 1 << 30), own)]
        if len(near) > _CANDIDATES:
            if not self._unwritten.isdisjoint(near):
                self.write()
            near = members.list_open(self._writer, near, at)
            by_part = sorted(near, key=lambda text: (-shared[text] / self._sizes[text], -text))[:_CANDIDATES]
            by_share = sorted(near, key=lambda text: (-shared[text], -text))[:_CANDIDATES]
            near = [*by_part, *by_share]
        return near

    def read_tokens(self, texts: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """The words of these texts, as far as they are kept."""
        wanted = frozenset(texts)
        missing = wanted - self._tokens.keys()
        if missing:
            self._tokens |= members.read_tokens(self._writer, missing)
        return {text: self._tokens[text] for text in wanted if text in self._tokens}

    def read_candidates(
        self, texts: Collection[int], source_id: int, at: int, *, again: bool = False
    ) -> list[Candidate]:
        """As in `members`."""
        if not self._unwritten.isdisjoint(texts):
            self.write()
        return members.read_candidates(self._writer, texts, source_id, at, again=again)

    def _count_shared(self, sharing: Sharing, every: Collection[int]) -> tuple[Counter[int], int]:
        """How many fingerprints each text shares, and how many of them could be shared."""
        rare = [*sharing.texts.values()]
        if sharing.are_stock:
            more = self.find_sharing(frozenset(every).difference(sharing.prints))
            rare += [texts for texts in more.texts.values() if texts]
        shared = Counter(chain.from_iterable(rare))
        if sharing.are_stock and sharing.hot:
            shared.update(self._prints.find_newest(min(sharing.hot)))
        return shared, max(min(len(rare), len(sharing.prints)), 1)

    def _read_sizes(self, texts: Iterable[int]) -> None:
        missing = [text for text in texts if text not in self._sizes]
        if missing:
            rows = self._writer.rows(
                f"SELECT text_id, prints FROM event_words WHERE text_id {in_list('texts')}", {"texts": as_list(missing)}
            )
            self._sizes.update(map(tuple, rows))

    def open_event(
        self, arrived: Arrived, quotes: Membership | None, texts: Iterable[KeptText], origins: Collection[str]
    ) -> None:
        """Let a post be the first of an event that these texts and messages find; `quotes` says which it repeats."""
        self._opened.append((arrived, quotes))
        for text in texts:
            self._keep(text, arrived.post_id, arrived.collected_at)
        self._noted += [
            members.origin_row(one, arrived.post_id, arrived.post_id, arrived.collected_at) for one in origins
        ]
        self._origins.add(origins)

    def keep(self, text: KeptText, event_id: int, at: int) -> None:
        """Let copies of these words find an event that is written."""
        self._keep(text, event_id, at)
        self.write()
        self._sizes.pop(text.id, None)  # it may have been kept before
        self._tokens.pop(text.id, None)

    def _keep(self, text: KeptText, event_id: int, at: int) -> None:
        self._kept.append(members.words_row(text.id, event_id, text.tokens, len(text.prints), at))
        self._tokens.setdefault(text.id, text.tokens)
        self._digests.add((digest_words(text.tokens),))
        self._unwritten.add(text.id)
        if text.prints:
            self._sizes.setdefault(text.id, len(text.prints))
            self._prints.add(text.id, text.prints)

    def note_origins(self, origins: Collection[str], post_id: int, event_id: int, at: int) -> None:
        """Let forwards of these messages find an event that is written."""
        members.note_origins(self._writer, [members.origin_row(one, post_id, event_id, at) for one in origins])
        self._origins.add(origins)

    def write(self) -> None:
        """Write all that is new."""
        if self._opened:
            members.open_events(self._writer, self._opened)
        members.keep_words(self._writer, self._kept)
        self._prints.write()
        members.note_origins(self._writer, self._noted)
        for written in (self._opened, self._kept, self._noted, self._unwritten):
            written.clear()

    def close(self) -> None:
        """Write all that is new, and tidy up; ask nothing more then."""
        self.write()
        self._prints.move()


class _Known:
    """Which values of a column there are, read for many at once. One too many costs a question."""

    def __init__(self, writer: Writer, table: str, column: str) -> None:
        self._writer = writer
        self._question = f"SELECT {column} FROM {table} WHERE {column} {in_list('values')}"
        self._asked: set[str] = set()
        self._there: set[str] = set()

    def read_ahead(self, values: Iterable[str]) -> None:
        missing = frozenset(values) - self._asked
        if missing:
            self._there.update(self._writer.column(self._question, {"values": as_list(missing)}))
            self._asked |= missing

    def may_have(self, value: str) -> bool:
        if value not in self._asked:
            self.read_ahead((value,))
        return value in self._there

    def add(self, values: Iterable[str]) -> None:
        self._there.update(values)
