"""PURE: whether one text is a copy of another, quotes it, contradicts it, or is another statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from bot.events.aligning import Opcode, align
from bot.events.denials import count_denials, count_hedges, cut_out_emphasis, may_be_misread
from bot.events.naming import Found, find_names
from bot.events.numerals import find_values, is_roman, kind_of
from bot.events.replaced import LITTLE, find_weightless, is_end, is_head, is_misread, is_syllable, says_otherwise
from bot.events.words import ComparedWords
from storage.events.fingerprints import SHINGLE
from storage.frozen import dataclass

Verdict = Literal["copy", "quote", "contradiction", "other"]
_STRETCH = 16  # syllables; a word of an alphabet counts as two
_HEAD = 12  # syllables that two texts with the same long end say differently before it
_GLUE = 2  # tokens that two texts share by chance within what one of them adds
_EDGE = 4  # tokens at the very beginning or end that can still be at the same place
_SAME = 0.6  # of the words of two captions
_STEM = 4  # letters that forms of one word begin with
_LEAST = 8  # shingles of which a part has to be contained

# ComparedWords beside which a place is named: before it, and after it.
_BEFORE = frozenset(
    ("in", "at", "near", "from", "of", "to", "into", "towards", "outside", "around", "在", "于", "於", "ที่", "ใน")
)
_AFTER = frozenset(
    (
        *("village", "town", "township", "city", "district", "hill", "bridge", "camp", "base"),
        *("brigade", "battalion", "division", "regiment", "company", "squadron", "corps", "unit", "garrison"),
        *("မြို့", "ရွာ", "ကျေး", "ခ", "ရိုင်", "နယ်", "တောင်", "တိုင်း", "စ", "ခန်း"),  # Burmese, by its syllables
        *("镇", "鎮", "村", "市", "县", "縣", "区", "區", "寨", "山", "地"),
        *("以", "医", "醫", "桥", "橋", "港", "站", "州", "省"),
        *("hospital", "airport", "station", "river", "market", "school", "quarter", "port", "road"),
    )
)


@dataclass(frozen=True, slots=True)
class Nearness:
    """When two texts are nearly the same: by the Jaccard of their shingles, or by the part that is contained."""

    alike: float = 0.6
    contained: float = 0.7


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the later of two texts is to the first, and how near they are (0 to 1).

    `added` are ranges of the later one's tokens that the first does not have, for a quote. `differ` are the two
    values of a contradiction.
    """

    verdict: Verdict
    alike: float
    contained: float
    added: tuple[tuple[int, int], ...] = ()
    differ: tuple[str, str] | None = None


def compare(
    first: ComparedWords,
    later: ComparedWords,
    names: Mapping[tuple[str, ...], str] | None = None,
    near: Nearness | None = None,
    measured: tuple[float, float] | None = None,
) -> Likeness:
    """Compare two texts. `names` are the folded forms of terms, each with the name of its term.

    `measured` is what `measure` says of them, where it was asked before.

    Texts of fewer than SHORT tokens are copies only if they are equal; whether that is close in time, the caller
    knows.
    """
    near = near or Nearness()
    alike, contained = measured or measure(first, later)
    smaller = min(len(first.shingles), len(later.shingles))
    if first.tokens == later.tokens:
        return Likeness("copy" if first.tokens else "other", alike, contained)
    if first.short or later.short:
        return Likeness("other", alike, contained)
    if alike < near.alike and (contained < near.contained or smaller < _LEAST):
        return Likeness("other", alike, contained)
    changes = align(first.tokens, later.tokens)
    named = find_names(first.tokens, names or {}), find_names(later.tokens, names or {})
    differ = _find_contradiction(first.tokens, later.tokens, changes, *named)
    if differ is None:
        differ = _find_other_words(first.tokens, later.tokens, changes, *named)
    if differ is None and _turns_around(first.tokens, later.tokens, changes):
        differ = ("", "not")
    if differ is not None:
        return Likeness("contradiction", alike, contained, differ=differ)
    added = tuple(_added_stretches(first.tokens, later.tokens, changes))
    return Likeness("quote" if added else "copy", alike, contained, added)


def may_share_enough(first: Sequence[str], later: ComparedWords, near: Nearness) -> bool:
    """Whether so many words of the first are in both that they can be near; False spares the shingles of both."""
    if first[:SHINGLE] == later.tokens[:SHINGLE]:
        return True  # most such are near
    known, least = later.vocabulary, min(near.alike, near.contained)
    most = sum(map(known.__contains__, first))
    if most >= least * (min(len(first), len(known)) - 2):
        return True
    smaller = min(len(frozenset(first)), len(known)) - 2  # a text has a shingle for each new token but two
    return most >= least * smaller


def may_be_near(first: Sequence[str], later: ComparedWords, near: Nearness | None = None) -> bool:
    """Whether texts can be near enough for `compare`; False spares the shingles of the first."""
    near, known = near or Nearness(), later.vocabulary
    if not may_share_enough(first, later, near):
        return False
    least = min(near.alike, near.contained) * min(len(frozenset(first)) - 2, len(later.shingles))
    here = [token in known for token in first]
    most = list(zip(here, here[1:], here[2:], strict=False)).count((True, True, True))
    return most >= least or tuple(first) == later.tokens


def measure(first: ComparedWords, later: ComparedWords) -> tuple[float, float]:
    """How near two texts are, twice from 0 to 1.

    The Jaccard of their shingles, and which part of the smaller one is contained in the other.
    """
    ours, theirs = len(first.shingles), len(later.shingles)
    shared = len(first.shingles & later.shingles)
    return shared / max(ours + theirs - shared, 1), shared / max(min(ours, theirs), 1)


def contradict(first: Sequence[str], later: Sequence[str], names: Mapping[tuple[str, ...], str]) -> bool:
    """Whether a few words beside one picture say what others do not: another number, date or term, or "not"."""
    if not first or not later:
        return False
    pairs = (
        (find_values(first), find_values(later)),
        (find_names(first, names), find_names(later, names)),
    )
    named = any(_find_difference([x for *_, x in one], [x for *_, x in other]) for one, other in pairs)
    return named or bool(count_denials(first)) != bool(count_denials(later))


def resemble(first: Sequence[str], later: Sequence[str], names: Mapping[tuple[str, ...], str]) -> bool:
    """Whether a source says the same with these few words as with those."""
    ours, theirs = set(first), set(later)
    return len(ours & theirs) >= _SAME * len(ours | theirs) and not contradict(first, later, names)


@lru_cache(maxsize=32)  # a text is compared with several, and those with the next one, too
def _values_of(tokens: tuple[str, ...]) -> list[Found]:
    return find_values(tokens)


def _find_contradiction(
    first: Sequence[str],
    later: Sequence[str],
    changes: Sequence[Opcode],
    ours: Sequence[Found],
    theirs: Sequence[Found],
) -> tuple[str, str] | None:
    """Two numbers, dates, terms or places that differ where the texts are otherwise in step.

    `ours` are the terms in the first, `theirs` those in the later one.
    """
    numbers, others = _values_of(tuple(first)), _values_of(tuple(later))
    here_at, there_at = _by_place(numbers), _by_place(others)
    for what, low, high, start, end in changes:
        if what == "equal":
            differ = _find_other_whole(here_at, there_at, range(low, high), start - low)
            if differ is not None:
                return differ
        if what != "replace":
            continue
        outside = low == 0 or high == len(first)
        here, there = _overlapping(numbers, low, high), _overlapping(others, start, end)
        if outside and max(high - low, end - start) > _EDGE:
            here, there = [list(filter(_is_number, values)) for values in (here, there)]
            differ = _find_difference(here, there)
            if differ is not None:
                return differ
            continue
        if _differ_by_letter(first, low, high, later[start:end]):
            return first[low], later[start]
        if _is_digit_misread("".join(first[low:high]), "".join(later[start:end])):
            continue
        if high - low == 1 and here and here == there:
            continue  # 3rd and third
        for one, other in (
            (here, there),
            (_overlapping(ours, low, high), _overlapping(theirs, start, end)),
            (_place(first, low, high, later[start:end]), _place(later, start, end, first[low:high])),
        ):
            differ = _find_difference(one, other)
            if differ is not None:
                return differ
    return _find_swap([*numbers, *ours], [*others, *theirs])


def _by_place(found: Sequence[Found]) -> dict[int, str]:
    """The number or other value of which each token is a part."""
    return {place: value for start, end, value in found for place in range(start, end)}


def _find_other_whole(
    here: Mapping[int, str], there: Mapping[int, str], places: range, shift: int
) -> tuple[str, str] | None:
    """Two values that share a token of a stretch that is equal: the hundred of 一百零五 and of 一百五十."""
    for place, one in here.items():
        other = there.get(place + shift) if place in places else None
        if other is not None and one != other and kind_of(one) == kind_of(other):
            return one, other
    return None


def _is_number(value: str) -> bool:
    return kind_of(value) == "number"


def _differ_by_letter(first: Sequence[str], low: int, high: int, instead: Sequence[str]) -> bool:
    """Whether one token of each is a Roman number, or the letter of a number: Phase I and V, 14a and 14b."""
    if high - low != 1 or len(instead) != 1:
        return False
    one, other = first[low], instead[0]
    if {one, other} == {"i", "l"}:  # a misreading
        return False
    lettered = low > 0 and first[low - 1].isdecimal() and max(len(one), len(other)) == 1
    return (is_roman(one) and is_roman(other)) or (lettered and (one + other).isalpha())


def _is_digit_misread(here: str, there: str) -> bool:
    """Whether a letter was read for a digit: 1O for 10."""
    mixed = not (here.isdecimal() and there.isdecimal())
    return mixed and any(map(str.isdecimal, here)) and any(map(str.isdecimal, there)) and may_be_misread(here, there)


def _find_difference(first: Sequence[str], later: Sequence[str]) -> tuple[str, str] | None:
    """A value that only one has where the other has another of its kind."""
    if not first or not later or first == later:
        return None
    if len(first) == len(later) == 1:
        [one], [other] = first, later
        differ = kind_of(one) == kind_of(other) and one.removeprefix("month ") != other.removeprefix("month ")
        return (one, other) if differ else None
    ours, theirs = Counter(first), Counter(later)
    missing, instead = ours - theirs, theirs - ours
    if not missing or not instead or _without_month(missing) == _without_month(instead):
        return None
    for one in missing:
        for other in instead:
            if kind_of(one) == kind_of(other):
                return one, other
    return None


def _without_month(values: Counter[str]) -> Counter[str]:
    """November is 11, however a date is written."""
    return Counter({value.removeprefix("month "): count for value, count in values.items()})


def _find_swap(first: Sequence[Found], later: Sequence[Found]) -> tuple[str, str] | None:
    """Two values of both texts that come in another order: 3 dead and 11 wounded, 11 dead and 3 wounded."""
    both = {name for *_, name in first} & {name for *_, name in later}
    ours, theirs = (
        [name for *_, name in sorted(values) if name in both and not name.startswith("month ")]
        for values in (first, later)
    )
    fewer, more = sorted((ours, theirs), key=len)
    left = iter(more)
    wrong = next((name for name in fewer if name not in left), None)
    return None if wrong is None else (wrong, wrong)


def _find_other_words(
    first: Sequence[str],
    later: Sequence[str],
    changes: Sequence[Opcode],
    ours: Sequence[Found],
    theirs: Sequence[Found],
) -> tuple[str, str] | None:
    """Words in the place of others that say something else, but for a head and an end that are the channel's own."""
    for low, high, begin, stop in _replaced(changes):
        gone, come = first[low:high], later[begin:stop]
        if not gone or not come or not says_otherwise(gone, come):
            continue
        here, there = _overlapping(ours, low, high), _overlapping(theirs, begin, stop)
        if here and here == there:
            continue  # two names of one term
        at_start, at_end = min(low, begin) <= _GLUE, high == len(first) or stop == len(later)
        if at_start and min(_weigh(gone), _weigh(come)) >= _HEAD:
            continue  # another head, which makes it a quote
        if (at_start and (is_head(gone) or is_head(come))) or (at_end and (is_end(gone) or is_end(come))):
            continue
        if at_end and (_is_cut_word(come, gone) or _is_cut_word(gone, come)):
            continue
        return " ".join(gone), " ".join(come)
    return None


def _is_cut_word(left: Sequence[str], whole: Sequence[str]) -> bool:
    return len(left) == 1 and "".join(whole).startswith(left[0])


def _replaced(changes: Sequence[Opcode]) -> Iterator[tuple[int, int, int, int]]:
    """The changes, as one where only one token between two of them is equal."""
    last: list[int] = []
    for what, low, high, begin, stop in changes:
        if what == "equal" and (high - low > 1 or not last):
            if last:
                yield last[0], last[1], last[2], last[3]
            last = []
        elif what != "equal":
            last = [low, high, begin, stop] if not last else [last[0], high, last[2], stop]
    if last:
        yield last[0], last[1], last[2], last[3]


def _turns_around(first: Sequence[str], later: Sequence[str], changes: Sequence[Opcode]) -> bool:
    """Whether one text says "not" where the other does not, or moves a word to where it means something else.

    What the later one only adds at its beginning or end is no contradiction: it is shown as the words of a quote.
    """
    moved: tuple[set[str], set[str]] = (set(), set())
    for what, low, high, begin, stop in changes:
        if what == "equal":
            continue
        gone, come = first[low:high], later[begin:stop]
        inside = low > 0 and high < len(first) and begin > 0 and stop < len(later)
        if max(len(gone), len(come)) <= _EDGE and (inside or what == "replace"):
            turned = count_denials(gone) != count_denials(come) or bool(count_hedges(gone)) != bool(count_hedges(come))
            if turned and not may_be_misread("".join(gone), "".join(come)):
                return True
            for words, seen in zip((gone, come), moved, strict=True):
                seen.update(words if inside else ())
        elif count_denials(gone, strong=True) > count_denials(come, strong=True) or _denies_all_of(gone, later):
            return True
    return any(_says_much(word) for word in moved[0] & moved[1])


def _denies_all_of(gone: Sequence[str], later: Sequence[str]) -> bool:
    """Whether a short stretch says "not one" of something that the other text speaks of, in whatever form."""
    if _weigh(gone) > _STRETCH:
        return False
    known = {token[:_STEM] for token in later}
    shared = {
        token
        for token in cut_out_emphasis(gone) or ()
        if token[:_STEM] in known and token not in find_weightless() and (is_syllable(token) or len(token) >= _STEM)
    }
    return _weigh(list(shared)) > 1  # one syllable is shared by chance


def _overlapping(found: Sequence[Found], low: int, high: int) -> list[str]:
    return [name for start, end, name in found if start < high and low < end]


def _place(tokens: Sequence[str], low: int, high: int, instead: Sequence[str]) -> list[str]:
    """The stretch as a place, if a word beside it says that one is named, and it is no misreading of the other."""
    beside = (low > 0 and tokens[low - 1] in _BEFORE) or (high < len(tokens) and tokens[high] in _AFTER)
    if not beside or high - low > _EDGE or _says_little(tokens[low:high]) or is_misread(tokens[low:high], instead):
        return []
    if all(map(str.isdecimal, (*tokens[low:high], *instead))):
        return []  # numbers, which find_values reads
    return [" ".join(tokens[low:high])]


def _says_much(word: str) -> bool:
    """Whether it matters where a word is: not of "to", of a date, or of one syllable of many."""
    return len(word) > 2 and not is_syllable(word) and word not in _BEFORE | LITTLE and not find_values((word,))


def _says_little(tokens: Sequence[str]) -> bool:
    return all(token in LITTLE for token in tokens)


def _added_stretches(
    first: Sequence[str], later: Sequence[str], changes: Sequence[Opcode]
) -> Iterator[tuple[int, int]]:
    """What the later text adds in one stretch that is long enough to say something of its own."""
    start = end = since = come = gone = -1
    for what, low, high, begin, stop in [*changes, ("equal", len(first), 0, 0, _STRETCH)]:
        if what == "equal" and stop - begin > _GLUE:
            instead = since <= _GLUE and min(come, gone) >= _HEAD
            denied = come > gone and _denies_more(later[start:end], first[since:low])
            if start >= 0 and (come - gone >= _STRETCH or instead or denied):
                yield start, end
            start = -1
        elif what != "equal":
            if start < 0:
                start, since, come, gone = begin, low, 0, 0
            come, gone, end = come + _weigh(later[begin:stop]), gone + _weigh(first[low:high]), stop


def _denies_more(later: Sequence[str], first: Sequence[str]) -> bool:
    return count_denials(later) > count_denials(first)


def _weigh(tokens: Sequence[str]) -> int:
    """How much these tokens say: a word as much as two syllables."""
    return sum(1 if is_syllable(token) else 2 for token in tokens)
