"""Places posts: each revision, file and reading, in the order in which it was stored, joins events or opens one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.clock import HOUR
from bot.events.finding import EventRules, SaidWords, find_near, keep, keep_first, origin_of, texts_of, words_of
from bot.events.showing import place_by_file
from bot.events.words import ComparedWords
from storage.alerts import notices
from storage.archive.database import concerns_one_row
from storage.events import growing, links, members, steps
from storage.events.kept import KeptTexts
from storage.events.members import Membership
from storage.events.steps import Arrived, EarlierTexts, PlacingStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from storage.archive.database import Writer

_AT_ONCE = 500
_TOGETHER = 100  # revisions whose words are read at once
_FORGET_EVERY = 256  # revisions


def place_many(writer: Writer, rules: EventRules) -> bool:
    """Place some of what was stored; True if so much waits that it is better placed in more than one transaction."""
    return place_some(writer, rules) == _AT_ONCE


def place_arrived(writer: Writer, rules: EventRules) -> int:
    """Place all that was stored since the last time; how many steps. Call it in one transaction."""
    count = done = place_some(writer, rules)
    while done == _AT_ONCE:
        done = place_some(writer, rules)
        count += done
    return count


def place_waiting(writer: Writer, rules: EventRules, now: int) -> None:
    """Place some of what no decision follows: messages about its events are looked at."""
    posts = {one.post_id for one in steps.read_next(writer, _AT_ONCE)}
    place_some(writer, rules)
    growing.note_changes(writer, posts, now)


def place_some(writer: Writer, rules: EventRules) -> int:
    """Take the next steps, a few hundred at most; 0 if there are none.

    A post that cannot be placed belongs to no event, so that it rings, and stops no other.
    """
    found = steps.read_next(writer, _AT_ONCE)
    if found:
        _take_all(writer, rules, found)
        steps.mark_placed(writer, found)
    return len(found)


def _take_all(writer: Writer, rules: EventRules, found: Sequence[Arrived | PlacingStep]) -> None:
    try:
        with writer.savepoint():
            earlier = EarlierTexts(writer)
            for part in _parts(found):
                _take_part(writer, rules, part, earlier)
    except Exception as problem:
        if not concerns_one_row(problem):
            raise
        if len(found) == 1:
            [one] = found
            sentence = f"post {one.post_id} could not be placed among events, so that copies of it ring: {problem!r}"
            notices.add(writer, one.at, "events", sentence[:300])
            return
        for one in found:  # each alone, so that it takes no other with it
            _take_all(writer, rules, [one])


def _parts(found: Sequence[Arrived | PlacingStep]) -> Iterator[Sequence[Arrived | PlacingStep]]:
    """What is taken together; old words are forgotten after the same revisions every time, for that can be seen."""
    start = 0
    for end, one in enumerate(found, 1):
        if end == len(found) or end - start == _TOGETHER or _is_last(one):
            yield found[start:end]
            start = end


def _is_last(one: Arrived | PlacingStep) -> bool:
    return isinstance(one, Arrived) and one.revision_id % _FORGET_EVERY == 0


def _take_part(
    writer: Writer, rules: EventRules, found: Sequence[Arrived | PlacingStep], earlier: EarlierTexts
) -> None:
    texts = KeptTexts(writer)
    arrived = [one for one in found if isinstance(one, Arrived)]
    said = {one.revision_id: words_of(one, earlier) for one in arrived}
    texts.read_ahead(
        [origin for one in arrived for origin in _origins(one)],
        [tokens for words in said.values() for tokens in (words.tokens, words.whole) if tokens],
        [words.prints for words in said.values()],
    )
    for one in found:
        if not isinstance(one, Arrived):
            texts.write()
            _take_step(writer, texts, rules, one)
        elif one.number:
            texts.write()
            _revise(writer, texts, one, said[one.revision_id])
        else:
            _place(writer, texts, rules, one, said[one.revision_id])
    texts.close()
    if _is_last(found[-1]):
        members.forget_words(writer, found[-1].at)


def _take_step(writer: Writer, texts: KeptTexts, rules: EventRules, one: PlacingStep) -> None:
    event = members.find_event(writer, one.post_id)
    if event is None:
        return
    if one.kind == "split":
        if event != one.post_id:
            keep_first(writer, texts, one, links.part(writer, one.post_id))
    elif one.kind == "join":
        other = None if one.other is None else members.find_event(writer, one.other)
        if other is not None and one.other is not None and other != event:
            links.unite(writer, Membership(one.post_id, other, "person", None, one.other))
            links.merge_events(writer, event, other, "person")
    elif not links.is_apart(writer, one.post_id) and not links.is_apart(writer, event):
        place_by_file(writer, texts, rules, one, event)


def _revise(writer: Writer, texts: KeptTexts, one: Arrived, words: ComparedWords) -> None:
    """Keep a revision of a first statement: copies of it are copies, too."""
    event = members.find_event(writer, one.post_id)
    if event == one.post_id and words.tokens:
        keep(texts, one, event, words)


def _place(writer: Writer, texts: KeptTexts, rules: EventRules, one: Arrived, words: ComparedWords) -> None:
    said = SaidWords(one.text, words, texts.find_sharing(words.prints))
    places = list(_find_places(writer, texts, rules, one, said))
    joined = [place for place in places if place.added is None]
    kept, origins = texts_of(one, words, said.sharing), list(_origins(one))
    if not joined:
        texts.open_event(one, next(iter(places), None), kept, origins)
        return
    texts.write()
    event = joined[0].event_id
    for place in joined[1:]:
        if not any(links.is_apart(writer, found) for found in (event, place.event_id)):
            event = links.merge_events(writer, event, place.event_id, place.reason, place.measure)
            links.add_link(writer, place)
    links.add_link(writer, joined[0])
    members.join_event(writer, one, replace(joined[0], event_id=event))
    for text in kept if any(place.whole for place in joined) else ():
        texts.keep(text, event, one.collected_at)
    texts.note_origins(origins, one.post_id, event, one.collected_at)


def _origins(one: Arrived) -> Iterable[str]:
    """The message that a post is, and the one that it forwards, each as one name."""
    yield origin_of(one.handle, one.native_id)
    if one.forward is not None:
        yield origin_of(*one.forward)


def _find_places(
    writer: Writer, texts: KeptTexts, rules: EventRules, one: Arrived, said: SaidWords
) -> Iterable[Membership]:
    """The events that a post belongs to, the surest reason first; a quote comes last."""
    known: list[tuple[str, tuple[int, int] | None]] = [
        ("forward", texts.find_by_origin(origin_of(*one.forward), one.at) if one.forward is not None else None),
        ("origin", texts.find_by_origin(origin_of(one.handle, one.native_id), one.at)),
    ]
    for reason, found in known:
        if found is not None:
            yield Membership(one.post_id, found[0], reason, None, found[1])
    words = said.words
    if not words.tokens:
        return
    within = HOUR if words.short else members.AT_MOST
    equal = texts.find_equal(words.tokens, one.source_id, one.at, within, again=words.stamped)
    if equal is None and words.whole:
        equal = texts.find_equal(words.whole, one.source_id, one.at, members.AT_MOST)
    if equal is not None:
        yield Membership(one.post_id, equal.event_id, "words", 1.0, equal.post_id)
    elif not words.short:
        yield from find_near(writer, texts, rules, one, said, one.at)
