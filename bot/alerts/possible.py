"""PURE: what doubtful machine text may say: words of a rule that are too long to be there by chance."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from bot.rules import RuleMatch, RuleSet
from storage.frozen import dataclass
from storage.language.distance import distance
from storage.language.fold import fold_with_places
from storage.language.match import Document, DocumentText
from storage.language.tree import Guarded, Node, Words, leaves
from storage.records import Hit

_EXACT, _NEARLY = 3, 4  # syllables that must be there as the rule says, or nearly so
_WRONG = 0.15  # share of letters that may be wrong, left out or too many
_VOWELS = re.compile("[aeiouyæœøαεηιουωаеёиіїоуыэюяє]+")
_ALPHABET = re.compile("[a-zæœøßðþα-ωа-џґ]")
_APART = " \ue001 "  # private use: a token of no text


@dataclass(frozen=True, slots=True)
class Possible:
    """What a rule may have found. `telling`: long enough for an alert."""

    version: str
    hits: tuple[Hit, ...]
    telling: bool


def find_possible(document: Document, ruleset: RuleSet, sure: Iterable[str]) -> dict[str, Possible]:
    """By rule, what those that are not `sure` find if doubtful words count as well."""
    known = set(sure)
    found = {match.rule: _exactly(match, document) for match in ruleset.match(document) if match.rule not in known}
    for rule, possible in _nearly(document, ruleset):
        if rule not in known and not (rule in found and found[rule].telling):
            found[rule] = possible
    return found


def count_syllables(words: str) -> int:
    """Syllables of folded words, roughly: vowels of an alphabet; one of each syllable, and of each Chinese character.

    Numbers have none: a wrong digit looks like a right one.
    """
    return sum(map(_syllables, re.findall(r"[^\s\-+']+", words)))


def _syllables(token: str) -> int:
    if not any(letter.isalpha() for letter in token):
        return 0
    if _ALPHABET.search(token):
        return max(1, len(_VOWELS.findall(token)))
    return 1


# Words as the rule says -----------------------------------------------------------------------------------------------


def _exactly(match: RuleMatch, document: Document) -> Possible:
    texts = {text.text_id: text for text in document.texts}
    doubted = [hit for hit in match.hits if _is_doubted(texts[hit.text_id], hit.start)]
    telling = any(count_syllables(fold_with_places(hit.form)[0]) >= _EXACT for hit in doubted)
    return Possible(match.version, match.hits, telling)


def _doubts(text: DocumentText) -> bool:
    return text.unreliable or bool(text.doubtful)


def _is_doubted(text: DocumentText, place: int) -> bool:
    return text.unreliable or any(start <= place < end for start, end in text.doubtful)


# Words nearly as the rule says ----------------------------------------------------------------------------------------


def _nearly(document: Document, ruleset: RuleSet) -> Iterator[tuple[str, Possible]]:
    """Rules that hold if words which are nearly in a doubtful text are taken for the words themselves."""
    places: dict[str, list[Hit]] = {}
    for text in document.texts:
        if _doubts(text):
            _Letters(text).find(_load_needles(ruleset), places)
    if not places:
        return
    read = _APART.join(("", *places, ""))
    texts = [replace(text, folded=f"{read}{text.folded}") if _doubts(text) else text for text in document.texts]
    for match in ruleset.match(replace(document, texts=tuple(texts))):
        found = {
            hit
            for needle, kinds in _needles(match.loaded.query.root)
            for hit in places.get(needle, ())
            if hit.kind in kinds
        }
        if found:
            in_order = sorted(found, key=lambda hit: (hit.text_id, hit.start, -hit.end))
            yield match.rule, Possible(match.version, tuple(in_order), telling=True)


def _needles(node: Node) -> Iterator[tuple[str, frozenset[str]]]:
    """Words of a query that are recognized with some letters wrong, and the kinds of text that they are for."""
    for leaf in leaves(node):
        parts = leaves(leaf.part) if isinstance(leaf, Guarded) else [leaf]
        for part in parts:
            if isinstance(part, Words):
                for needle in part.needles:
                    if needle.endswith(" ") and count_syllables(needle) >= _NEARLY:
                        yield needle.strip(), leaf.kinds


@dataclass(frozen=True, slots=True)
class _Needle:
    """Words as a rule has them, without what separates them; `wrong` of their letters may be wrong."""

    words: str
    letters: str
    wrong: int

    @classmethod
    def of(cls, words: str) -> "_Needle":
        letters = re.sub(r"[ \-+']", "", words)
        return cls(words, letters, int(len(letters) * _WRONG))

    def pieces(self) -> Iterator[tuple[int, str]]:
        """One more than letters that may be wrong, each with its place: one of them is whole."""
        size = -(-len(self.letters) // (self.wrong + 1))
        for offset in range(0, len(self.letters), size):
            yield offset, self.letters[offset : offset + size]


class _Needles:
    """The needles of all rules: one pass over a text finds the pieces of all of them."""

    def __init__(self, needles: Iterable[_Needle]) -> None:
        from ahocorasick_rs import AhoCorasick

        calls: dict[str, list[tuple[_Needle, int]]] = {}
        for needle in needles:
            for offset, piece in needle.pieces():
                calls.setdefault(piece, []).append((needle, offset))
        self._calls = list(calls.values())
        self._automaton = AhoCorasick(calls) if calls else None

    def find_whole(self, letters: str) -> Iterator[tuple[_Needle, int]]:
        """Needles of which a piece is in the letters, each with the place where it then begins."""
        found = self._automaton.find_matches_as_indexes(letters, overlapping=True) if self._automaton else ()
        for piece, place, _ in found:
            for needle, offset in self._calls[piece]:
                yield needle, place - offset


@lru_cache(maxsize=2)  # the rules until now, and those after a reload
def _load_needles(ruleset: RuleSet) -> _Needles:
    words = {words for rule in ruleset.rules for words, _ in _needles(rule.query.root)}
    return _Needles(map(_Needle.of, sorted(words)))


class _Letters:
    """A text as letters without spaces, which machines misplace, and where each token is in the raw text."""

    def __init__(self, text: DocumentText) -> None:
        folded, self._spans = fold_with_places(text.text)
        tokens = [token.strip("+'") for token in folded.replace("-", " ").split()]
        self._text = text
        self._letters = "".join(tokens)
        self._ends = list(accumulate(map(len, tokens)))
        self._starts = [0, *self._ends[:-1]]

    def find(self, needles: _Needles, places: dict[str, list[Hit]]) -> None:
        """Add where words are nearly, in what is doubtful: the best of places that overlap."""
        near: dict[str, set[tuple[int, int, int]]] = {}
        for needle, begin in needles.find_whole(self._letters):
            near.setdefault(needle.words, set()).update(self._near(needle, begin))
        for words, found in near.items():
            taken: list[tuple[int, int]] = []
            for _, first, last in sorted(found):
                start, end = self._spans[first][0], self._spans[last][1]
                if _is_doubted(self._text, start) and all(end <= low or start >= high for low, high in taken):
                    taken.append((start, end))
                    hit = Hit(self._text.text_id, self._text.kind, start, end, self._text.text[start:end])
                    places.setdefault(words, []).append(hit)

    def _near(self, needle: _Needle, begin: int) -> Iterator[tuple[int, int, int]]:
        """How many letters are wrong, and the first and last token, of words that begin near that place."""
        word, wrong = needle.letters, needle.wrong
        for first in self._between(self._starts, begin - wrong, begin + wrong):
            start = self._starts[first]
            for last in self._between(self._ends, start + len(word) - wrong, start + len(word) + wrong):
                apart = distance(word, self._letters[start : self._ends[last]], wrong)
                if apart <= wrong:
                    yield apart, first, last

    @staticmethod
    def _between(places: Sequence[int], low: int, high: int) -> range:
        return range(bisect_left(places, low), bisect_left(places, high + 1))
