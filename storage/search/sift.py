"""Leaves out posts that surely are no answers by what is read faster than a post: its row, expressions, case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.archive.packed_words import FOLDED
from storage.language.readable import are_legible, legible
from storage.language.regex import compiled, without_edges
from storage.language.tree import FILES, And, Exact, From, Is, Node, Not, Regex, Words
from storage.language.version import FOLD_VERSION
from storage.language.written import may_hold
from storage.posts.ids import TEXT_BITS
from storage.search.bounds import Scope
from storage.search.phrases import SHORTEST_PREFIX

if TYPE_CHECKING:
    from storage.archive.database import Reader

IN_LANGUAGE = (  # posts `p`: the language of the only current text is that of the post
    "(p.language = :{name} OR p.texts > 1 AND EXISTS (SELECT 1 FROM texts t WHERE t.post_id = p.id AND t.current = 1"
    " AND t.language = :{name}))"
)


class Sieve:
    """What each answer of a query has, and what none has, as far as the index does not tell.

    The name of a file is read without its extension, which costs more than it spares: it always passes. So does all
    where only reliable words count, because what is doubtful is blanked there; and the language where earlier words do.
    """

    def __init__(self, reader: Reader, root: Node, scope: Scope) -> None:
        self._reader = reader
        self._current = 0 if scope.history else 1
        parts = [] if scope.reliable else list(_necessary(root))
        self._facts = [part for part in parts if isinstance(part, From) or (_speaks_of(part) and not scope.history)]
        self._beginnings = [part for part in parts if isinstance(part, Words)]
        self._leaves = [part for part in parts if isinstance(part, Regex | Exact)]

    def left(self, post_ids: list[int]) -> list[int]:
        """Those that may be answers, in the same order."""
        for part in self._facts:
            if post_ids:
                post_ids = self._of_row(part, post_ids)
        for words in self._beginnings:
            if post_ids:
                found = self._beginning(words, post_ids)
                post_ids = [post_id for post_id in post_ids if post_id not in found]
        for leaf in self._leaves:
            if post_ids:
                found = self._with(leaf, post_ids)
                post_ids = [post_id for post_id in post_ids if post_id in found]
        return post_ids

    def _of_row(self, part: Node, post_ids: list[int]) -> list[int]:
        """Posts of a language, or of all others; or those with an author or a forward at all."""
        of = part.part if isinstance(part, Not) else part
        condition = IN_LANGUAGE.format(name="language") if isinstance(of, Is) else _NAMED
        asked = {"ids": as_list(post_ids), "language": of.value if isinstance(of, Is) else ""}
        return self._reader.column(_OF_ROW.format("NOT" if isinstance(part, Not) else "", condition), asked)

    def _beginning(self, words: Words, post_ids: list[int]) -> set[int]:
        """Posts in which these words surely are, by folded texts: hyphens and marks in them only hide some."""
        asked: dict[str, object] = {
            "ids": as_list(post_ids),
            "kinds": as_list(sorted(words.kinds - FILES)),
            "version": FOLD_VERSION,
            **{f"needle{number}": needle for number, needle in enumerate(words.needles)},
        }
        has_one = " OR ".join(
            f"instr(' ' || {FOLDED.format('')}, :needle{number})" for number in range(len(words.needles))
        )
        return set(self._reader.column(f"{_FOLDED} AND ({has_one})", asked))

    def _with(self, leaf: Regex | Exact, post_ids: list[int]) -> set[int]:
        may_have = _test(leaf)
        rows = self._reader.rows(_TEXTS, {"ids": as_list(post_ids), "current": self._current})
        found = {post_id for post_id, kind, _ in rows if kind == "file" and kind in leaf.kinds and leaf.kinds != FILES}
        texts = [(post_id, text) for post_id, kind, text in rows if kind in leaf.kinds and post_id not in found]
        for start in range(0, len(texts), _TOGETHER):
            part = texts[start : start + _TOGETHER]
            has_it = may_have([text for _, text in part])
            found.update(post_id for (post_id, _), has in zip(part, has_it, strict=True) if has)
        return found


_TOGETHER = 32  # texts
_TEXTS = (  # as bytes: an expression reads nothing else
    "SELECT j.value, t.kind, CAST(t.text AS BLOB) FROM json_each(:ids) j CROSS JOIN texts t NOT INDEXED "
    f"ON t.id >= j.value << {TEXT_BITS} AND t.id < (j.value + 1) << {TEXT_BITS} WHERE t.current >= :current"
)
# Not by the index of versions: nearly all texts are of this one.
_FOLDED = (
    f"SELECT post_id FROM texts WHERE post_id {in_list('ids')} AND current = 1 AND +fold_version = :version "
    f"AND kind {in_list('kinds')}"
)
_OF_ROW = "SELECT p.id FROM json_each(:ids) j CROSS JOIN posts p ON p.id = j.value WHERE {} {} ORDER BY j.key"
_NAMED = "(p.author IS NOT NULL OR p.forward IS NOT NULL)"


def _speaks_of(node: Node) -> bool:
    """Whether a part asks for a language, or for another one."""
    of = node.part if isinstance(node, Not) else node
    return isinstance(of, Is) and of.field == "lang"


def _necessary(node: Node) -> Iterator[Regex | Exact | Is | From | Not | Words]:
    """What each answer has: expressions, words with their case, a language, a name; and words that none has."""
    if isinstance(node, And):
        for part in node.parts:
            yield from _necessary(part)
    elif isinstance(node, Regex | Exact | From) or (isinstance(node, Is | Not) and _speaks_of(node)):
        yield node
    elif isinstance(node, Not) and isinstance(node.part, Words) and any(map(_is_short, node.part.needles)):
        yield node.part


def _is_short(needle: str) -> bool:
    """Whether it is the beginning of a word, and so short a one that the index cannot tell where it is."""
    return needle[-1] != " " and len(needle.rsplit(maxsplit=1)[-1]) < SHORTEST_PREFIX


def _test(leaf: Regex | Exact) -> Callable[[list[bytes]], Iterator[bool]]:
    """Whether each of some raw texts may have it."""
    if isinstance(leaf, Exact):
        return lambda texts: (may_hold(_decoded(text), leaf.written) for text in texts)
    search = compiled(without_edges(leaf.source) if leaf.edges else leaf.source).search
    return lambda texts: (search(text) is not None for text in _legible(texts))


def _legible(texts: list[bytes]) -> list[bytes]:
    """The texts as expressions see them."""
    return texts if are_legible(texts) else [legible(_decoded(text)).encode() for text in texts]


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")
