"""PURE: the one evaluator: whether a query holds on a post. Rules and search both use it.

A post is one document: AND and NOT range over all its texts, a phrase or a stretch of nearness never leaves one text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, lru_cache

from storage.frozen import dataclass
from storage.language import sequences
from storage.language.file_names import stem
from storage.language.fold import CLOSED, fold, fold_with_places
from storage.language.readable import legible
from storage.language.regex import compiled, with_edges
from storage.language.sequences import Row
from storage.language.tree import (
    FILES,
    And,
    Exact,
    From,
    Fuzzy,
    Guarded,
    HasText,
    Is,
    Leaf,
    Near,
    Node,
    Not,
    Or,
    Regex,
    When,
    Wild,
    Words,
)
from storage.language.words import PLURAL, POSSESSIVE
from storage.language.written import Written, may_hold


@dataclass(frozen=True, slots=True)
class DocumentText:
    """One text of a post, raw and folded."""

    text_id: int
    kind: str
    text: str
    folded: str
    language: str
    confidence: float | None
    unreliable: bool = False  # machine text that is no ground for an alert by itself
    doubtful: tuple[tuple[int, int], ...] = ()  # pieces of the raw text that are none
    again: bool = False  # machine text of a file that had been read before


@dataclass(frozen=True, slots=True)
class Document:
    """One post as queries see it.

    `texts` are the current ones (old ones too where history is searched); `posted_at` the time that `date:` asks for,
    microseconds UTC; `rules` the names of rules that have matched it.
    """

    post_id: int
    source: str
    tags: frozenset[str]
    side: str | None
    author: str | None
    forwarded_from: str | None
    language: str
    has: frozenset[str]
    posted_at: int | None
    texts: tuple[DocumentText, ...]
    rules: frozenset[str] = frozenset()
    handle: str | None = None  # the public name of the channel at its platform
    event: int | None = None  # the statement of which it is the first post, or a copy


def only_reliable(document: Document) -> Document:
    """The post without what machines made and doubt; the same object if there is nothing of that."""
    texts = tuple(_without_doubtful(text) for text in document.texts if not text.unreliable)
    return document if texts == document.texts else replace(document, texts=texts)


def _without_doubtful(text: DocumentText) -> DocumentText:
    """The text with line breaks in place of what is doubtful, so that all places stay."""
    if not text.doubtful:
        return text
    raw = text.text
    for start, end in text.doubtful:
        raw = raw[:start] + "\n" * (end - start) + raw[end:]
    return replace(text, text=raw, folded=fold(raw), doubtful=())


class Sheet:
    """One text in the forms that leaves are looked for in. Each form begins and ends with a space."""

    def __init__(self, text: DocumentText) -> None:
        body = text.folded
        if CLOSED in body:
            body = body.partition(f" {CLOSED}")[0]
        self.text = text
        self.kind = text.kind
        self.hyphens = "-" in body
        self._body = body
        self.plain = _unmarked(f" {body.replace('-', ' ')} " if self.hyphens else f" {body} ")

    @cached_property
    def closed(self) -> str:
        """The tokens with each hyphenated compound as one."""
        return _unmarked(f" {self._body.replace('-', '')} ") if self.hyphens else self.plain

    @cached_property
    def exact(self) -> str:
        """The tokens with their marks."""
        return f" {self._body.replace('-', ' ')} "

    @cached_property
    def placed(self) -> tuple[str, list[tuple[int, int]]]:
        """The text folded, and where each token is in it: once, however many rules ask where their words are."""
        return fold_with_places(self.text.text)

    @cached_property
    def written(self) -> Written:
        """The tokens as they were written."""
        return Written(self.text.text)

    def rows(self, *, written: bool) -> tuple[Row, ...]:
        """The tokens with their marks; then, if the text has hyphens, those of the closed form."""
        open_ = Row(self.exact.split(), self.written if written else None)
        return (open_, Row(self.closed.split())) if self.hyphens else (open_,)

    @cached_property
    def tokens(self) -> tuple[Row, ...]:
        """The rows of leaves that ask for nothing that is written in another way."""
        return self.rows(written=False)

    @cached_property
    def tokens_as_written(self) -> tuple[Row, ...]:
        """The rows of leaves that do."""
        return self.rows(written=True)

    @cached_property
    def legible(self) -> str:
        """The text that regular expressions see."""
        return legible(self.text.text)

    @cached_property
    def edged(self) -> str:
        """The same with word edges marked."""
        return with_edges(self.legible)


def _unmarked(text: str) -> str:
    if PLURAL in text:
        text = text.replace(PLURAL, "")
    return text.replace(POSSESSIVE, "") if POSSESSIVE in text else text


class PreparedDocument:
    """One post laid out for many queries."""

    __slots__ = ("_names", "document", "sheets")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.sheets = [Sheet(text if text.kind != "file" else _without_extension(text)) for text in document.texts]
        self._names: list[Sheet] | None = None

    @property
    def names(self) -> list[Sheet]:
        """The names of files with their extensions."""
        if self._names is None:
            self._names = [Sheet(text) for text in self.document.texts if text.kind == "file"]
        return self._names

    def among(self, kinds: frozenset[str]) -> list[Sheet]:
        """The texts that a leaf ranges over."""
        return self.names if kinds == FILES else [sheet for sheet in self.sheets if sheet.kind in kinds]


def _without_extension(text: DocumentText) -> DocumentText:
    name = stem(text.text)
    return text if name == text.text else replace(text, text=name, folded=fold(name))


def holds(node: Node, reading: PreparedDocument) -> bool:
    """Whether the post is what this part of a query asks for."""
    if isinstance(node, Words):
        return _has_words(node, reading)
    if isinstance(node, And):
        for part in node.parts:  # noqa: SIM110  a generator at each node would double the time of 10,000 rules
            if not holds(part, reading):
                return False
        return True
    if isinstance(node, Or):
        for part in node.parts:  # noqa: SIM110  as above
            if holds(part, reading):
                return True
        return False
    if isinstance(node, Not):
        return not holds(node.part, reading)
    if isinstance(node, Exact | Guarded | Wild | Fuzzy | Near | Regex):
        return any(_has(node, sheet) for sheet in reading.among(node.kinds))
    if isinstance(node, HasText):
        return any(sheet.kind in node.kinds for sheet in reading.sheets)
    return _is(node, reading.document)


def _has_words(leaf: Words, reading: PreparedDocument) -> bool:
    kinds = leaf.kinds
    for sheet in reading.sheets if kinds != FILES else reading.names:
        if sheet.kind in kinds:
            for needle in leaf.needles:
                if needle in sheet.plain or (sheet.hyphens and needle in sheet.closed):
                    return True
            for needle in leaf.marked:
                if needle in sheet.exact:
                    return True
    return False


def _has(leaf: Leaf, sheet: Sheet) -> bool:
    if isinstance(leaf, Regex):
        return compiled(leaf.source).search(sheet.edged if leaf.edges else sheet.legible) is not None
    if isinstance(leaf, Exact):
        here = leaf.folded in sheet.plain and may_hold(sheet.text.text, leaf.written)
        return here and leaf.written in sheet.written.form
    if isinstance(leaf, Guarded) and not _may_have(leaf.part, sheet):
        return False
    if isinstance(leaf, Wild | Fuzzy) and not (
        sequences.may_have(leaf, sheet.exact) or (sheet.hyphens and sequences.may_have(leaf, sheet.closed))
    ):
        return False
    rows = sheet.tokens_as_written if sequences.asks_as_written(leaf) else sheet.tokens
    return any(next(iter(sequences.found(leaf, row)), None) is not None for row in rows)


def _may_have(part: Node, sheet: Sheet) -> bool:
    """Whether the words of a guarded part are there at all: its guards cost more."""
    if isinstance(part, Or):
        return any(_may_have(way, sheet) for way in part.parts)
    needles = part.needles if isinstance(part, Words) else (part.folded,) if isinstance(part, Exact) else ()
    return any(needle in sheet.plain or needle in sheet.closed for needle in needles)


def _is(node: Is | From | When, document: Document) -> bool:
    if isinstance(node, When):
        at = document.posted_at
        return at is not None and (node.start is None or at >= node.start) and (node.end is None or at < node.end)
    if isinstance(node, From):
        names = (_plain(name) for name in (document.author, document.forwarded_from) if name)
        return any(needle in name for name in names for needle in node.needles)
    if node.field == "lang":
        return node.value == document.language or any(node.value == text.language for text in document.texts)
    if node.field == "id":
        return int(node.value) == document.post_id
    if node.field == "event":
        return int(node.value) == document.event
    return any(sequences.glob(node.value, name) for name in _names(node.field, document))


def _names(field: str, document: Document) -> Iterable[str]:
    """What a post is called in this respect, case folded."""
    values: Iterable[str | None] = {
        "source": (document.source, document.handle),
        "tag": document.tags,
        "side": (document.side,),
        "has": document.has,
        "rule": document.rules,
    }[field]
    return (value.casefold() for value in values if value)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return Sheet(DocumentText(0, "", name, fold(name), "", None)).plain
