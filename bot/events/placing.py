"""Places posts: each revision, file and reading, in the order in which it was stored, joins events or opens one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.clock import HOUR
from bot.events.finding import EventRules, SharedPrints, find_near, keep, keep_first, origin_of, words_of
from bot.events.showing import place_by_file
from bot.events.words import ComparedWords
from storage.alerts import notices
from storage.archive.database import concerns_one_row
from storage.events import growing, links, members, steps
from storage.events.members import Membership
from storage.events.steps import Arrived, EarlierTexts, PlacingStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.archive.database import Writer

_AT_ONCE = 500
_FORGET_EVERY = 256  # revisions


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
            for one in found:
                _take(writer, rules, one, earlier)
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


def _take(writer: Writer, rules: EventRules, one: Arrived | PlacingStep, earlier: EarlierTexts) -> None:
    if isinstance(one, Arrived):
        _place(writer, rules, one, earlier)
        if one.revision_id % _FORGET_EVERY == 0:
            members.forget_words(writer, one.collected_at)
    elif (event := members.find_event(writer, one.post_id)) is None:
        return
    elif one.kind == "split":
        if event != one.post_id:
            keep_first(writer, one, links.part(writer, one.post_id))
    elif one.kind == "join":
        other = None if one.other is None else members.find_event(writer, one.other)
        if other is not None and one.other is not None and other != event:
            links.unite(writer, Membership(one.post_id, other, "person", None, one.other))
            links.merge_events(writer, event, other, "person")
    elif not links.is_apart(writer, one.post_id) and not links.is_apart(writer, event):
        place_by_file(writer, rules, one, event)


def _place(writer: Writer, rules: EventRules, one: Arrived, earlier: EarlierTexts) -> None:
    words = words_of(writer, one, earlier)
    if one.number:
        event = members.find_event(writer, one.post_id)
        if event == one.post_id and words.tokens:  # a revision of a first statement: copies of it are copies, too
            keep(writer, one, event, words)
        return
    prints = SharedPrints(writer, words)
    places = list(_find_places(writer, rules, one, words, prints))
    joined = [place for place in places if place.added is None]
    if not joined:
        members.open_event(writer, one, next(iter(places), None))
        event = one.post_id
        keep(writer, one, event, words, prints)
    else:
        event = joined[0].event_id
        for place in joined[1:]:
            if not any(links.is_apart(writer, found) for found in (event, place.event_id)):
                event = links.merge_events(writer, event, place.event_id, place.reason, place.measure)
                links.add_link(writer, place)
        links.add_link(writer, joined[0])
        members.join_event(writer, one, replace(joined[0], event_id=event))
        if any(place.whole for place in joined):
            keep(writer, one, event, words, prints)
    for origin in _origins(one):
        members.note_origin(writer, origin, one.post_id, event, one.collected_at)


def _origins(one: Arrived) -> Iterable[str]:
    """The message that a post is, and the one that it forwards, each as one name."""
    yield origin_of(one.handle, one.native_id)
    if one.forward is not None:
        yield origin_of(*one.forward)


def _find_places(
    writer: Writer, rules: EventRules, one: Arrived, words: ComparedWords, prints: SharedPrints
) -> Iterable[Membership]:
    """The events that a post belongs to, the surest reason first; a quote comes last."""
    known: list[tuple[str, tuple[int, int] | None]] = [
        (
            "forward",
            members.find_by_origin(writer, origin_of(*one.forward), one.at) if one.forward is not None else None,
        ),
        ("origin", members.find_by_origin(writer, origin_of(one.handle, one.native_id), one.at)),
    ]
    for reason, found in known:
        if found is not None:
            yield Membership(one.post_id, found[0], reason, None, found[1])
    if not words.tokens:
        return
    within = HOUR if words.short else members.AT_MOST
    equal = members.find_equal(writer, words.tokens, one.source_id, one.at, within, again=words.stamped)
    if equal is None and words.whole:
        equal = members.find_equal(writer, words.whole, one.source_id, one.at, members.AT_MOST)
    if equal is not None:
        yield Membership(one.post_id, equal.event_id, "words", 1.0, equal.post_id)
    elif not words.short:
        yield from find_near(writer, rules, one, one.text, words, prints, one.at)
