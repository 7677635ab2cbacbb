"""Places posts: each revision, in the order in which it was stored, joins an event or opens one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.clock import HOUR
from bot.events.likeness import Likeness, Nearness, compare
from bot.events.words import SIGNED_POSTS, ComparedWords, fingerprints, list_tokens, make_words, read_words
from storage.alerts import notices
from storage.archive.database import concerns_one_row
from storage.events import members
from storage.events.members import Arrived, Candidate, Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.archive.database import Writer

_AT_ONCE = 500
_SENTENCE = re.compile(r"(?<=[.!?။。！？])\s*|\n+")
_FORGET_EVERY = 256  # revisions


@dataclass(frozen=True, slots=True)
class EventRules:
    """What is the same event: how near, and which words are names that make two statements of one text.

    `names` are folded forms of terms, each with the name of its term. `wait` (microseconds) holds the message about a
    first statement, so that it can name the first copies.
    """

    near: Nearness = field(default_factory=Nearness)
    names: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    wait: int = 0


def read_names(phrases: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """The forms of terms as they are compared; a form of two terms names none."""
    found: dict[tuple[str, ...], str] = {}
    for term, forms in phrases.items():
        for form in forms:
            tokens = tuple(list_tokens(form))
            found[tokens] = term if found.get(tokens, term) == term else ""
    return {tokens: term for tokens, term in found.items() if tokens and term}


def place_arrived(writer: Writer, rules: EventRules) -> int:
    """Place every revision that was stored since the last time; how many there were. Call it in one transaction."""
    count = 0
    while done := place_some(writer, rules):
        count += done
    return count


def place_some(writer: Writer, rules: EventRules) -> int:
    """Place the next revisions, a few hundred at most; 0 if there are none.

    One that cannot be placed belongs to no event, so that it rings, and stops no other.
    """
    arrived = members.next_arrived(writer, _AT_ONCE)
    if arrived:
        _place_all(writer, rules, arrived, members.read_corrections(writer))
        members.mark_placed(writer, arrived[-1].revision_id)
    return len(arrived)


def _place_all(
    writer: Writer, rules: EventRules, arrived: Sequence[Arrived], corrections: Mapping[int, tuple[str, int | None]]
) -> None:
    try:
        with writer.savepoint():
            for one in arrived:
                _place(writer, rules, one, corrections)
                if one.revision_id % _FORGET_EVERY == 0:
                    members.forget_words(writer, one.collected_at)
    except Exception as problem:
        if not concerns_one_row(problem):
            raise
        if len(arrived) == 1:
            [one] = arrived
            sentence = f"post {one.post_id} could not be placed among events, so that copies of it ring: {problem!r}"
            notices.add(writer, one.collected_at, "events", sentence[:300])
            return
        for one in arrived:  # each alone, so that it takes no other with it
            _place_all(writer, rules, [one], corrections)


def _place(writer: Writer, rules: EventRules, one: Arrived, corrections: Mapping[int, tuple[str, int | None]]) -> None:
    words = read_words(one.text, members.read_earlier_texts(writer, one, SIGNED_POSTS))
    if one.number:
        event = members.find_event(writer, one.post_id)
        if event == one.post_id and words.tokens:  # a revision of a first statement: copies of it are copies, too
            members.keep_words(writer, one, event, words.tokens, fingerprints(words))
        return
    kind, other = corrections.get(one.post_id, ("", None))
    places = [] if kind == "split" else list(_find_places(writer, rules, one, words))
    if kind == "join" and other is not None and (event := members.find_event(writer, other)) is not None:
        places.insert(0, Membership(one.post_id, event, "person", None))
    joined = next((place for place in places if place.added is None), None)
    if joined is None:
        members.open_event(writer, one, next(iter(places), None))
        if words.tokens:
            members.keep_words(writer, one, one.post_id, words.tokens, fingerprints(words))
        event = one.post_id
    else:
        event = joined.event_id
        for place in places:
            if place.added is None and place.event_id != event:
                event = members.merge_events(writer, event, place.event_id)
        members.join_event(writer, one, replace(joined, event_id=event))
    for origin in _origins(one):
        members.note_origin(writer, origin, event)


def _origins(one: Arrived) -> Iterable[str]:
    """The message that a post is, and the one that it forwards, each as one name."""
    yield _origin(one.handle, one.native_id)
    if one.forward is not None:
        yield _origin(*one.forward)


def _origin(channel: str, number: str) -> str:
    return f"{channel.removeprefix('@').casefold()}/{number}"


def _find_places(writer: Writer, rules: EventRules, one: Arrived, words: ComparedWords) -> Iterable[Membership]:
    """The events that a post belongs to, the surest reason first; a quote comes last."""
    if one.forward is not None:
        event = members.find_by_origin(writer, _origin(*one.forward), one.collected_at)
        if event is not None:
            yield Membership(one.post_id, event, "forward", None)
    event = members.find_by_origin(writer, _origin(one.handle, one.native_id), one.collected_at)
    if event is not None:
        yield Membership(one.post_id, event, "origin", None)
    if not words.tokens:
        return
    equal = members.find_equal(writer, words.tokens, one.collected_at, HOUR if words.short else 7 * 24 * HOUR)
    if equal is not None:
        yield Membership(one.post_id, equal.event_id, "words", 1.0)
    elif not words.short:
        yield from _find_near(writer, rules, one, words)


def _find_near(writer: Writer, rules: EventRules, one: Arrived, words: ComparedWords) -> Iterable[Membership]:
    near: list[tuple[Candidate, Likeness]] = []
    for candidate in members.find_candidates(writer, fingerprints(words), one.collected_at):
        likeness = compare(make_words(candidate.tokens), words, rules.names, rules.near)
        if likeness.verdict in ("copy", "quote"):
            near.append((candidate, likeness))
    near.sort(key=lambda pair: (pair[1].verdict != "copy", -max(pair[1].alike, pair[1].contained), pair[0].text_id))
    for candidate, likeness in near[:1]:
        own = find_own_words(one.text, candidate.tokens) if likeness.verdict == "quote" else None
        measure = round(max(likeness.alike, likeness.contained), 2)
        yield Membership(one.post_id, candidate.event_id, "words", measure, own)


def find_own_words(text: str, first: Sequence[str]) -> str:
    """The sentences of a text that are not in the tokens of another, as they were written."""
    known = f" {' '.join(first)} "
    parts = [(part.strip(), list_tokens(part)) for part in _SENTENCE.split(text)]
    own = [part for part, tokens in parts if tokens and f" {' '.join(tokens)} " not in known]
    return " … ".join(own) or text.strip()
