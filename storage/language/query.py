r"""PURE: the query language: what a person writes -> a tree, or one sentence that says what is wrong and where.

Lucene's syntax with AND between adjacent terms: words, "phrases", AND OR NOT + -, parentheses, prefix*, w?ldcard,
"a b"~5, a NEAR/5 b, a ONEAR/5 b, word~, /regex/, =exact, field:value and field:(a OR b), and @name for one of the
phrases that have this name.
Inside quotes only \" and \\ are special; outside, a backslash makes the next character a letter. NEAR binds
tightest, AND tighter than OR. `in:` ranges over the group it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from datetime import UTC, tzinfo
from types import MappingProxyType

from storage.language import fields, slips, terms
from storage.language.nearest import nearest
from storage.language.scope import scoped
from storage.language.tree import And, Fuzzy, Guarded, Node, Not, Or, Query, QueryError, Wild, Words

__all__ = ["Query", "QueryError", "parse", "warnings"]

_LONGEST = 20_000
_DEEPEST = 50
_MOST_FUZZY = 50
_QUOTES = '"“”„'
_SPECIAL = re.compile(rf"[{_QUOTES}\\]")  # what may mean something inside quotes
_GERSHAYIM = re.compile('(?<=[\u05d0-\u05ea])["”](?=[\u05d0-\u05ea])')
NO_TERMS: Mapping[str, Sequence[str]] = MappingProxyType({})
_OPERATORS = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR", "NOT": "NOT"}
_NEAR = ("NEAR", "ONEAR")


def parse(text: str, zone: tzinfo = UTC, terms: Mapping[str, Sequence[str]] = NO_TERMS) -> Query:
    """Read a query; dates in it are meant in `zone`, @name stands for one of the phrases of `terms` under that name.

    Raises QueryError, and nothing else for any string.
    """
    if len(text) > _LONGEST:
        raise QueryError(f"The query has {len(text):,} characters; {_LONGEST:,} is the most", _LONGEST)
    reading = _Reading(text, zone, terms)
    root = scoped(reading.read())
    named = tuple((name, terms[name]) for name in reading.named)
    return Query(text, root, named, tuple(reading.slips))


def warnings(query: Query) -> tuple[str, ...]:
    """What is allowed and yet probably not meant: slips, contradictions, keywords of one Burmese syllable."""
    return tuple(dict.fromkeys((*query.slips, *slips.find_contradictions(query.root), *_short(query.root))))


def _short(root: Node) -> Iterator[str]:
    """Keywords of one Burmese syllable, which are found inside many names."""
    return (
        f"{needle.strip()} is one syllable: it is found inside every name and word that has it as a whole syllable"
        for needle in _needles(root)
        if re.fullmatch("[\u1000-\u109f][^ \u1039]*", needle.strip())  # what is stacked is two syllables in one token
    )


def _needles(node: Node) -> list[str]:
    if isinstance(node, And | Or):
        return [needle for part in node.parts for needle in _needles(part)]
    if isinstance(node, Not):
        return []
    if isinstance(node, Guarded):
        return _needles(node.part)
    if isinstance(node, Wild):
        return [" ".join(node.tokens)]
    return list(node.needles) if isinstance(node, Words) else []


@dataclass(slots=True)
class _Group:
    """An open parenthesis: what has been read of it."""

    position: int
    name: str = ""  # of the field that everything in it is a value of
    negated: bool = False  # the group as a whole
    ways: list[list[Node]] = made(default_factory=lambda: [[]])  # joined by OR, each joined by AND
    operands: int = 0  # of the last way, those without letters too
    waiting: tuple[str, int] | None = None  # an operator that has no right side yet, and where
    negate: bool = False  # the next operand
    near: tuple[str, int] | None = None  # NEAR/5 between the last operand and the next, and where

    def add(self, node: Node | None) -> None:
        self.operands += 1
        self.waiting = None
        if node is not None:
            way = self.ways[-1]
            if self.near and way:
                way.append(self._near(way.pop(), node, *self.near))
            else:
                way.append(Not(node) if self.negate else node)
        self.negate, self.near = False, None

    def _near(self, left: Node, right: Node, how: str, position: int) -> Node:
        if self.negate:
            raise QueryError(f"{how} needs a term on its right that is not negated", position)
        if isinstance(left, Not):
            return Not(terms.near_each_other(left.part, right, how, position))
        return terms.near_each_other(left, right, how, position)

    def whole(self) -> Node | None:
        ways = [way[0] if len(way) == 1 else And(tuple(way)) for way in self.ways if way]
        return Or(tuple(ways)) if len(ways) > 1 else ways[0] if ways else None


class _Reading:
    """One query being read from left to right, without recursion."""

    def __init__(self, text: str, zone: tzinfo, known: Mapping[str, Sequence[str]]) -> None:
        self._text = text
        self._zone = zone
        self._known = known
        self.named: dict[str, None] = {}  # the terms that were asked for
        self.slips: dict[str, None] = {}  # what is probably not meant
        self._at = 0
        self._groups = [_Group(0)]
        self._no_regex = False
        self._fuzzy = 0  # words with ~
        self._before: tuple[str, int, _Group] | None = None  # the last bare word, where it ends, in which group

    def read(self) -> Node:
        while True:
            while self._peek().isspace():
                self._at += 1
            if self._at >= len(self._text):
                break
            self._step()
        if len(self._groups) > 1:
            raise QueryError("This parenthesis is never closed", self._groups[-1].position)
        self._complete(self._groups[0])
        root = self._groups[0].whole()
        if root is None:
            empty = not self._text.strip()
            raise QueryError("The query is empty" if empty else "There is no letter or digit to look for", 0)
        return root

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _step(self) -> None:
        char, after = self._peek(), self._peek(1)
        if char == "(":
            self._open("")
        elif char == ")":
            self._close()
        elif char in "+-!" and after and not after.isspace() and after not in "+-!)":
            self._prefix(char)
        else:
            self._term("")

    def _prefix(self, char: str) -> None:
        group = self._groups[-1]
        group.waiting = (char, self._at)
        group.negate ^= char != "+"
        self._at += 1

    def _open(self, name: str) -> None:
        if len(self._groups) > _DEEPEST:
            raise QueryError(f"Parentheses are more than {_DEEPEST} deep", self._at)
        outer = self._groups[-1]
        self._groups.append(_Group(self._at, name or outer.name, outer.negate))
        outer.negate = False
        self._at += 1

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise QueryError("This parenthesis was never opened", self._at)
        group = self._groups.pop()
        self._complete(group)
        self._groups[-1].negate = group.negated
        self._groups[-1].add(group.whole())
        self._at += 1

    def _complete(self, group: _Group) -> None:
        if group.waiting:
            name, position = group.waiting
            raise QueryError(f"{name} needs a term on its right", position)

    def _operator(self, name: str, position: int) -> None:
        group = self._groups[-1]
        if name != "NOT" and (not group.operands or group.waiting):
            raise QueryError(f"{name} needs a term on its left", position)
        group.waiting = (name, position)
        if name == "NOT":
            group.negate = not group.negate
        elif name == "OR":
            group.ways.append([])
            group.operands = 0
        elif name.startswith(_NEAR):
            group.near = name, position

    def _term(self, name: str) -> None:
        """A term, of the field `name` or of the group's; or an operator, or a field and what follows it."""
        start, char = self._at, self._peek()
        name = name or self._groups[-1].name
        if char in _QUOTES:
            self._leaf(name, self._quoted(), start, quoted=True)
        elif char == "/" and not name and (end := self._regex_end()):
            self._at = end
            self._groups[-1].add(terms.regex(self._text[start + 1 : end - 1], start + 1))
        elif char == "=" and not name and self._peek(1) in _QUOTES and self._peek(1):
            self._at += 1
            self._groups[-1].add(terms.as_written(self._quoted()))
        elif char in "[{" and name == "date":
            self._groups[-1].add(self._range())
        else:
            self._word(name, start)

    def _leaf(self, name: str, value: str, start: int, *, quoted: bool) -> None:
        node: Node | None
        if name == "from":
            node = terms.sender(value)
        elif name:
            node = fields.predicate(name, value, self._zone, start)
        elif quoted and self._peek() == "~" and (distance := self._digits(1)):
            self._at += 1 + len(distance)
            node = terms.near([self._part(word, start) for word in value.split()], int(distance[:5]), start)
        elif quoted and self._peek() == "~":
            self._at += 1
            self._note('"…"~ has no number: write "army lost"~5 for words that are near each other')
            node = self._phrase(value)
        else:
            node = self._phrase(value) if quoted else terms.words(value)
        self._groups[-1].add(node)

    def _digits(self, ahead: int) -> str:
        end = self._at + ahead
        while self._text[end : end + 1].isdecimal():
            end += 1
        return self._text[self._at + ahead : end]

    def _at_quote(self) -> bool:
        """Whether a quotation mark is here; between two Hebrew letters it is the sign of an abbreviation."""
        return self._peek() in _QUOTES and bool(self._peek()) and not _GERSHAYIM.match(self._text, self._at)

    def _quoted(self) -> str:
        """What is between quotes; moves behind them."""
        start, out = self._at, []
        self._at += 1
        while True:
            special = _SPECIAL.search(self._text, self._at)
            end = special.start() if special else len(self._text)
            out.append(self._text[self._at : end])
            self._at = end
            if self._at_quote():
                break
            char = self._peek()
            if not char:
                raise QueryError("This quotation mark is never closed", start)
            if char == "\\" and self._peek(1) and self._peek(1) in '"\\':
                self._at += 1
                char = self._peek()
            out.append(char)
            self._at += 1
        self._at += 1
        return "".join(out)

    def _regex_end(self) -> int:
        """Where a /regular expression/ ends that begins here; 0 if the slash is just a slash."""
        if self._no_regex:
            return 0
        place = self._at + 1
        while place < len(self._text):
            if self._text[place] == "\\":
                place += 1
            elif self._text[place] == "/" and place > self._at + 1:
                following = self._text[place + 1 : place + 2]
                if not following or following.isspace() or following in "()":
                    return place + 1
            place += 1
        self._no_regex = True  # nor does one end behind a later slash: looking once keeps a query of slashes cheap
        return 0

    def _range(self) -> Node:
        start = self._at
        end = min((place for close in "]}" if (place := self._text.find(close, start)) > 0), default=-1)
        parts = self._text[start + 1 : end].split(" TO ") if end > 0 else []
        if len(parts) != 2:
            raise QueryError("Write a range of dates as date:[2024-07-01 TO 2024-07-31], with * for an open end", start)
        self._at = end + 1
        low, high = (part.strip() for part in parts)
        closed = {"with_low": self._text[start] == "[", "with_high": self._text[end] == "]"}
        return fields.between(low, high, self._zone, start, **closed)

    def _word(self, name: str, start: int) -> None:
        """A bare word up to a space, a parenthesis or a quotation mark, unless a colon makes a field of it."""
        out: list[str] = []
        wild = escaped = False
        while (char := self._peek()) and not char.isspace() and char not in "()" and not self._at_quote():
            if char == "\\" and self._peek(1):
                self._at += 1
                out.append(self._peek())
                escaped = True
            elif char == ":" and not name and not escaped and self._field("".join(out), start):
                return  # the field has read its value
            else:
                wild |= char in "*?" and not name
                out.append(terms.STAND_IN.get(char, char) if not name else char)
            self._at += 1
        word = "".join(out)
        written = self._text[start : self._at]
        operator = self._operator_of(written)
        if operator and not self._text[:start].endswith(":"):
            self._operator(operator, start)
        elif name:
            self._leaf(name, word, start, quoted=False)
        elif written[0] == "@" and written[1:2].isalnum():
            self._groups[-1].add(self._named(written[1:], start))
        else:
            if not escaped:
                self._look_for_slips(written, start)
                if written[0] == "=" and len(written) > 1 and (wild or "~" in written):
                    self._note(f"= does nothing beside a wildcard or ~: {written}")
            found = terms.bare(word, start, wild=wild, exact=written[0] == "=")
            self._fuzzy += isinstance(found, Fuzzy)
            if self._fuzzy > _MOST_FUZZY:
                raise QueryError(f"{_MOST_FUZZY} words with ~ are the most in one query", start)
            self._groups[-1].add(found)
            self._join(written)

    def _operator_of(self, written: str) -> str | None:
        if re.fullmatch("O?NEAR/[0-9]{1,5}", written):
            return written
        if written in _NEAR:  # a word, unless it is between two terms
            group, behind = self._groups[-1], self._text[self._at :].strip()
            return written if group.operands and not group.waiting and behind and behind[0] != ")" else None
        return _OPERATORS.get(written)

    def _part(self, word: str, start: int) -> Node | None:
        """One word of "…"~5, which may be a term."""
        if word[0] == "@" and word[1:] in self._known:
            return self._named(word[1:], start)
        return terms.phrase(word)

    def _phrase(self, value: str) -> Node | None:
        for word in value.split():
            if word[0] == "@" and word[1:] in self._known:
                self._note(f"in quotes {word} is text: {word} NEAR/0 lost looks for the term beside a word")
        self._note(slips.find_phrase_slip(value))
        return terms.phrase(value)

    def _look_for_slips(self, written: str, start: int) -> None:
        left = self._groups[-1].operands > 0
        self._note(slips.find_slip(written, self._text[:start], self._text[self._at :], left=left))

    def _note(self, slip: str | None) -> None:
        if slip:
            self.slips[slip] = None

    def _named(self, name: str, start: int) -> Node | None:
        """One of the phrases of a term; a name that nobody has is no text, for a slip of the pen must not be silent."""
        if name in self._known:
            self.named[name] = None
            if found := terms.any_of(self._known[name]):
                return found
            raise QueryError(f"The term @{name} has no phrase with a letter or digit", start)
        near = nearest(name, self._known)
        hint = f"did you mean @{near}?" if near else "[[terms]] in the config define them."
        raise QueryError(f'There is no term @{name}: {hint} To look for it as text, quote "@{name}"', start)

    def _join(self, word: str) -> None:
        """Two bare words that fold to one when they are together (north eastern) are asked for in both ways."""
        before, self._before = self._before, (word, self._at, self._groups[-1])
        way = self._groups[-1].ways[-1]
        if (
            before
            and len(way) > 1
            and before[2] is self._groups[-1]
            and not self._text[before[1] : self._at - len(word)].strip()
        ):
            joined = terms.joined(before[0], word)
            if joined and isinstance(way[-1], Words) and isinstance(way[-2], Words):
                way[-2:] = [Or((joined, And((way[-2], way[-1]))))]

    def _field(self, word: str, start: int) -> bool:
        """Whether the word before this colon is a field; if so, its value is read."""
        name = word.lower()
        if name not in fields.NAMES:
            meant = fields.suggestion(word) if word.isalpha() else None
            if meant:
                hint = slips.meant_instead(word, meant)
                raise QueryError(f'There is no field {word}: {hint} To look for it, quote "{word}:"', start)
            self._note(slips.find_field_slip(word, self._text[self._at + 1 :]))
            return False
        self._at += 1
        if not self._peek() or self._peek().isspace() or self._peek() == ")":
            raise QueryError(f"{name}: needs a value right after the colon", start)
        if self._peek() == "(":
            self._open(name)
        else:
            self._term(name)
        return True
