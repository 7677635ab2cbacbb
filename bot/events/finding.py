"""Finds the statements whose words are nearly those of a post, and keeps its own so that copies find it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from bot.events.likeness import Likeness, Nearness, compare, may_be_near, may_share_enough, measure
from bot.events.naming import TermNames
from bot.events.trimming import Published, is_whole_of
from bot.events.words import SIGNED_POSTS, ComparedWords, list_tokens, make_words, read_words
from storage.events import steps
from storage.events.kept import KeptText
from storage.events.members import Candidate, Membership
from storage.frozen import dataclass
from storage.language.fold import remember
from storage.posts.ids import TEXT_BITS, text_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.archive.database import Writer
    from storage.events.kept import KeptTexts
    from storage.events.prints import Sharing
    from storage.events.steps import Arrived, PlacingStep

_MOSTLY = 0.8  # of a sentence that is in a statement: it is quoted, with "they wrote" before it
_COMPARED = 10  # statements that are compared word by word, the nearest first
_SENTENCE = re.compile(r"(?<=[.!?။。！？])\s*|\n+")
_WHOLE = 1 << TEXT_BITS - 2  # from this number on a kept text has its signature
READ = 1 << TEXT_BITS - 1  # and from this one on it was read in a file


@dataclass(frozen=True, slots=True)
class EventRules:
    """What is the same event: how near, and which words are names that make two statements of one text.

    `names` are folded forms of terms, each with the name of its term. `wait` (microseconds) holds the message about a
    first statement, so that it can name the first copies.
    """

    near: Nearness = field(default_factory=Nearness)
    names: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    wait: int = 0


def read_names(phrases: Mapping[str, Sequence[str]]) -> TermNames:
    """The forms of terms as they are compared; a form of two terms names none."""
    found: dict[tuple[str, ...], str] = {}
    for term, forms in phrases.items():
        for form in forms:
            tokens = tuple(list_tokens(form))
            found[tokens] = term if found.get(tokens, term) == term else ""
    return TermNames({tokens: term for tokens, term in found.items() if tokens and term})


@dataclass(frozen=True, slots=True)
class SaidWords:
    """A text, its compared words, and what shares their fingerprints."""

    text: str
    words: ComparedWords
    sharing: Sharing


def words_of(one: Arrived, earlier: steps.EarlierTexts) -> ComparedWords:
    """The compared words of a revision; a service message is no statement and has none."""
    if one.service:
        return make_words(())
    if one.folded is not None:
        remember(one.text, one.folded)
    return read_words(one.text, earlier.read(one, SIGNED_POSTS))


def texts_of(one: Arrived, words: ComparedWords, sharing: Sharing) -> list[KeptText]:
    """What is kept of a revision, so that copies of its words find its event."""
    number = min(one.number, _WHOLE - 1)
    found = [kept_text(text_id(one.post_id, number), words, sharing)] if words.tokens else []
    if words.whole:
        found.append(KeptText(text_id(one.post_id, _WHOLE + number), words.whole, ()))
    return found


def kept_text(number: int, words: ComparedWords, sharing: Sharing) -> KeptText:
    """Words as text `number`, found by `sharing`, which are their fingerprints; among stock phrases by each shingle."""
    return KeptText(number, words.tokens, frozenset(words.numbers) if sharing.are_stock else sharing.prints)


def keep(texts: KeptTexts, one: Arrived, event: int, words: ComparedWords) -> None:
    """Let copies of a revision's words find its event."""
    for text in texts_of(one, words, texts.find_sharing(words.prints)):
        texts.keep(text, event, one.collected_at)


def keep_first(writer: Writer, texts: KeptTexts, step: PlacingStep, posts: Iterable[int]) -> None:
    """Let copies find these posts, which are statements of their own now."""
    for post_id in posts:
        one = steps.read_arrived(writer, post_id, step.after)
        if one is not None:
            keep(texts, one, post_id, words_of(one, steps.EarlierTexts(writer)))


def find_near(
    writer: Writer, texts: KeptTexts, rules: EventRules, one: Arrived, said: SaidWords, at: int
) -> Iterable[Membership]:
    """The event of the statement that is nearest to these words, as a copy or as a quote of it."""
    text, words = said.text, said.words
    found = texts.list_near(said.sharing, words.numbers, at)
    if len(found) > _COMPARED:  # those that nothing can join take no place of others
        found = [open_one.text_id for open_one in texts.read_candidates(found, one.source_id, at, again=words.stamped)]
    firsts = texts.read_tokens(found)
    may_be = may_be_near if len(firsts) > _COMPARED else may_share_enough
    compared = [(number, make_words(tokens)) for number, tokens in firsts.items() if may_be(tokens, words, rules.near)]
    measured = [(measure(first, words), number, first) for number, first in compared]
    near: tuple[Candidate, Likeness] | None = None
    whole = False
    for measures, number, first in sorted(measured, key=_by_nearness)[:_COMPARED]:
        likeness = compare(first, words, rules.names, rules.near, measures)
        if likeness.verdict not in ("copy", "quote"):
            continue
        candidate = next(iter(texts.read_candidates((number,), one.source_id, at, again=words.stamped)), None)
        if candidate is None:
            continue
        if near is None and _only_continues(likeness, words) and _is_whole(writer, one, text, words, candidate):
            likeness, whole = replace(likeness, verdict="copy"), True
        if likeness.verdict == "copy" or near is None:
            near = candidate, likeness
        if likeness.verdict == "copy":
            break  # the nearest one
    if near is not None:
        candidate, likeness = near
        own = find_own_words(text, candidate.tokens) if likeness.verdict == "quote" else None
        nearness = round(max(likeness.alike, likeness.contained), 2)
        yield Membership(one.post_id, candidate.event_id, "words", nearness, candidate.post_id, own, whole=whole)


def _by_nearness(found: tuple[tuple[float, float], int, ComparedWords]) -> tuple[float, int]:
    """The nearest first, and the oldest of those that are as near."""
    measures, number, _ = found
    return -sum(measures), number


def _only_continues(likeness: Likeness, words: ComparedWords) -> bool:
    return likeness.verdict == "quote" and [end for _, end in likeness.added] == [len(words.tokens)]


def _is_whole(writer: Writer, one: Arrived, text: str, words: ComparedWords, candidate: Candidate) -> bool:
    """Whether the candidate, which was archived before, is a trimmed copy of these words."""
    other = steps.read_arrived(writer, candidate.post_id, one.revision_id)
    return other is not None and is_whole_of(
        Published(text, words.tokens, one.posted_at, one.handle),
        Published(other.text, candidate.tokens, other.posted_at, other.handle),
    )


def find_own_words(text: str, first: Sequence[str]) -> str:
    """The sentences of a text that are not in the tokens of another, as they were written."""
    known, shingles = f" {' '.join(first)} ", make_words(first).shingles
    parts = [(part.strip(), list_tokens(part)) for part in _SENTENCE.split(text)]
    own = [
        part
        for part, tokens in parts
        if tokens and f" {' '.join(tokens)} " not in known and not _is_mostly_in(make_words(tokens).shingles, shingles)
    ]
    return " … ".join(own) or text.strip()


def _is_mostly_in(part: frozenset[tuple[str, ...]], whole: frozenset[tuple[str, ...]]) -> bool:
    return len(part & whole) >= _MOSTLY * len(part)


def origin_of(channel: str, number: str) -> str:
    """A message by its channel and number, as one name."""
    return f"{channel.removeprefix('@').casefold()}/{number}"
