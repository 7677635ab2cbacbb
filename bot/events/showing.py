"""Places posts by the files that they show, by what pictures look like, and by the words that were read in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.events.finding import READ, EventRules, SaidWords, find_near, keep_first, kept_text, origin_of, words_of
from bot.events.likeness import contradict, resemble
from bot.events.pictures import BITS, NEAR, bands, measure_distance, seems_to_hold_words
from bot.events.words import ComparedWords, list_tokens, make_words
from storage.events import files, links, members, steps
from storage.events.files import NearPicture, ShownBy, ShownFile
from storage.events.members import Membership
from storage.posts.ids import text_id, text_number

if TYPE_CHECKING:
    from storage.archive.database import Writer
    from storage.events.kept import KeptTexts
    from storage.events.steps import Arrived, PlacingStep


def place_by_file(writer: Writer, texts: KeptTexts, rules: EventRules, step: PlacingStep, event: int) -> None:
    """A file of a post has arrived or was read: events may be one because of it, or no longer."""
    one, file = steps.read_arrived(writer, step.post_id, step.after), files.read_file(writer, step.media_id)
    if one is None or file is None or one.service:
        return
    words = words_of(one, steps.EarlierTexts(writer))
    if step.kind == "file":
        event = _place_by_bytes(writer, texts, rules, step, event, _shown(one, words), file.sha256)
    said = _read(writer, step, file)
    if said is None or not words.short:
        return
    if not said.short:
        _place_by_reading(writer, texts, rules, step, event, one, said)
    elif file.picture is not None and not files.is_banner(writer, file.sha256):
        _place_by_picture(writer, rules, step, event, _shown(one, words), file.picture, said)


def _shown(one: Arrived, words: ComparedWords) -> ShownBy:
    forward = None if one.forward is None else origin_of(*one.forward)
    return ShownBy(one.post_id, one.source_id, forward, " ".join(words.tokens) if words.short else None)


def _place_by_bytes(
    writer: Writer, texts: KeptTexts, rules: EventRules, step: PlacingStep, event: int, shown: ShownBy, sha256: str
) -> int:
    """Join the posts that show the same file, if it is no banner and neither has many words; the event then."""
    files.note_file(writer, sha256, shown)
    if files.is_banner(writer, sha256):
        return event
    if _is_banner_now(writer, rules, sha256, shown, event):
        files.mark_banner(writer, sha256)
        keep_first(writer, texts, step, links.drop_file(writer, sha256))
        return members.find_event(writer, shown.post_id) or event
    found = None if shown.tokens is None else files.find_by_file(writer, sha256, shown, event, step.at)
    if found is None:
        return event
    return _merge(writer, Membership(shown.post_id, found[0], "file", None, found[1], file=sha256), event)


def _is_banner_now(writer: Writer, rules: EventRules, sha256: str, shown: ShownBy, event: int) -> bool:
    """Whether one source shows this file with several statements, or posts that show it contradict each other."""
    if not all(_is_same(writer, rules, other, shown, event) for other in files.list_own(writer, sha256, shown)):
        return True
    own = (shown.tokens or "").split()
    return any(contradict(own, caption.split(), rules.names) for caption in files.list_captions(writer, sha256))


def _is_same(writer: Writer, rules: EventRules, one: ShownBy, other: ShownBy, event: int) -> bool:
    """Whether two posts of a source that show one file make one statement."""
    if one.forward is not None and one.forward == other.forward:
        return True
    if one.tokens is None and other.tokens is None:
        return members.find_event(writer, one.post_id) == event
    if not (one.tokens and other.tokens):
        return "" in (one.tokens, other.tokens)
    return resemble(one.tokens.split(), other.tokens.split(), rules.names)


def _read(writer: Writer, step: PlacingStep, file: ShownFile) -> ComparedWords | None:
    """The words in a file; None if that is not known: it was not read, or what was read is unreliable."""
    looks_like_words = file.picture is not None and seems_to_hold_words(file.picture)
    if step.text_id is None:
        return None if step.unread or looks_like_words else make_words(())
    found = files.read_words(writer, step.text_id)
    return None if found is None or found[2] else make_words(list_tokens(found[1]))


def _place_by_reading(
    writer: Writer,
    texts: KeptTexts,
    rules: EventRules,
    step: PlacingStep,
    event: int,
    one: Arrived,
    words: ComparedWords,
) -> None:
    """The words in a file are those of a post that has few itself: compare them as if it had written them."""
    found = None if step.text_id is None else files.read_words(writer, step.text_id)
    said = SaidWords("" if found is None else found[1], words, texts.find_sharing(words.prints))
    equal = texts.find_equal(words.tokens, one.source_id, step.at, members.AT_MOST)
    if equal is not None:
        near = [Membership(step.post_id, equal.event_id, "words", 1.0, equal.post_id)]
    else:
        near = list(find_near(writer, texts, rules, one, said, step.at))
    whole = False
    for place in near:
        if place.added is None:
            event, whole = _merge(writer, place, event), place.whole
        elif place.event_id != event == step.post_id:
            members.note_quote(writer, place)
    if (whole or event == step.post_id) and step.text_id is not None:
        number = text_id(step.post_id, READ + text_number(step.text_id) % READ)
        texts.keep(kept_text(number, words, said.sharing), event, step.at)


def _place_by_picture(
    writer: Writer, rules: EventRules, step: PlacingStep, event: int, shown: ShownBy, picture: str, said: ComparedWords
) -> None:
    """Join a picture to the nearest one that is near enough, the newest of them, unless its event has such a one."""
    parts = bands(picture)
    near = [
        (other.event_id != event, distance, -other.post_id, other)
        for other in files.list_near(writer, parts, shown, step.at)
        if _may_be_same(writer, rules, shown, picture, said, other)
        if (distance := measure_distance(picture, other.signature)) <= NEAR
    ]
    if near:
        is_new, distance, _, other = min(near, key=lambda one: one[:3])
        measure = round(1 - distance / BITS, 2)
        if is_new:
            _merge(writer, Membership(shown.post_id, other.event_id, "picture", measure, other.post_id), event)
    if step.media_id is not None:
        files.keep_picture(writer, step.media_id, shown.post_id, picture, parts, said.tokens, step.at)


def _may_be_same(
    writer: Writer, rules: EventRules, shown: ShownBy, picture: str, said: ComparedWords, other: NearPicture
) -> bool:
    """Whether what is beside and in two pictures lets them be one statement."""
    caption, own = files.read_caption(writer, other.sha256, other.post_id), shown.tokens or ""
    if caption is None or contradict(own.split(), caption.split(), rules.names):
        return False
    if other.source_id == shown.source_id and not resemble(own.split(), caption.split(), rules.names):
        return False
    theirs = tuple(other.words.split())
    if seems_to_hold_words(picture) or seems_to_hold_words(other.signature):
        return said.tokens == theirs != ()
    return not contradict(said.tokens, theirs, rules.names)


def _merge(writer: Writer, place: Membership, event: int) -> int:
    """Join the event of a post and another; the event then."""
    if place.event_id != event and links.is_apart(writer, place.event_id):
        return event
    links.add_link(writer, place)
    return links.merge_events(writer, event, place.event_id, place.reason, place.measure)
