"""Posts as they come, several sources, and what each target is sent of an event."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from bot.alerts.muting import release
from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.config.model import EventsConfig, RuleConfig
from bot.contracts.target import MessageRefused
from bot.daemon.given_up import GivenUp
from storage.alerts import digests, mutes, target_states
from storage.alerts.mutes import Mute
from storage.archive.database import Archive
from storage.language.query import parse
from storage.language.tree import QueryError
from storage.records import FetchedMedia, Forward
from tests.alerts.conftest import Told
from tests.events.conftest import CLAIM, HOUR, Desk

PHOTO = FetchedMedia("photo", "p1", url="https://cdn.example/p1")


def test_forty_copies_ring_once_where_copies_are_folded_and_forty_times_elsewhere(desk: Desk) -> None:
    first = desk.say("rangers", CLAIM)
    others = [desk.say(f"channel{number}", f"{CLAIM}\n\nfollow @channel{number}") for number in range(39)]
    assert desk.events() == [{first, *others}]
    assert desk.states() == ["pending"] + ["joined"] * 39
    assert desk.states("hook") == ["pending"] * 40


def test_the_origin_that_comes_after_its_forwards_rings_no_second_time(desk: Desk) -> None:
    forward = Forward("Rangers", "https://t.me/rangers/14", "rangers", "14")
    first = desk.say("north", CLAIM, forward=forward)
    second = desk.say("south", "forwarded with other words about the command", forward=forward)
    origin = desk.say("rangers", CLAIM, number=14)
    assert desk.events() == [{first, second, origin}]
    assert desk.states() == ["pending", "joined", "joined"]
    with desk.archive.reading() as reader:
        assert reader.value("SELECT origin FROM events") == origin


def test_a_forward_is_no_voice_of_its_own_whatever_its_side(desk: Desk) -> None:
    desk.sides = {"rangers": "resistance", "press": "press", "radio": "press"}
    desk.say("rangers", CLAIM, number=14)
    desk.say("press", CLAIM, forward=Forward("Rangers", "https://t.me/rangers/14", "rangers", "14"))
    desk.say("radio", CLAIM)
    desk.say("press", CLAIM, number=2)
    assert desk.states() == ["pending", "joined", "pending", "joined"]


def test_another_number_is_another_statement(desk: Desk) -> None:
    posts = [desk.say("rangers", CLAIM), desk.say("north", CLAIM.replace("14", "15"))]
    assert desk.events() == [{post} for post in posts]
    assert desk.states() == ["pending", "pending"]


def test_a_denial_that_quotes_the_statement_rings_and_names_what_it_quotes(desk: Desk) -> None:
    first = desk.say("rangers", CLAIM)
    denial = desk.say(
        "spokesman", f"They wrote: {CLAIM} This is false, our troops hold the base and nobody has laid down anything."
    )
    assert desk.states() == ["pending", "pending"]
    with desk.archive.reading() as reader:
        assert reader.value(f"SELECT quotes FROM events WHERE id = {denial}") == first
        assert "This is false" in reader.value(f"SELECT added FROM event_posts WHERE post_id = {denial}")


def test_another_side_and_a_more_urgent_rule_ring_again(desk: Desk) -> None:
    desk.sides = {"rangers": "resistance", "north": "resistance", "spokesman": "junta", "deputy": "junta"}
    for source in desk.sides:
        desk.say(source, CLAIM)
    assert desk.states() == ["pending", "joined", "pending", "joined"]
    urgent = RuleConfig(name="urgent", query="command", targets=("desk",), priority="max")
    desk.load(RuleConfig(name="fall", query="command", targets=("desk",)), urgent)
    desk.say("rangers", CLAIM, number=2)
    assert desk.states()[4:] == ["joined", "pending"]


def test_a_copy_is_sent_when_the_first_message_was_given_up(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    with desk.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET state = 'dead'")
    desk.say("north", CLAIM)
    assert desk.states() == ["dead", "pending"]


def test_what_was_joined_is_sent_when_the_first_message_is_given_up_later(desk: Desk) -> None:
    from storage.events import heard

    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    with desk.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET state = 'dead' WHERE id = 1")
        assert heard.take_up(writer, 1, desk.now) is not None
    assert desk.states() == ["dead", "pending"]


def test_edits_of_a_copy_are_counted_and_those_of_the_first_ring(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    desk.say("north", CLAIM.replace("forty", "fifty"))
    desk.say("rangers", CLAIM.replace("forty", "sixty"))
    assert desk.states() == ["pending", "joined", "joined", "pending"]


def test_a_day_after_the_newest_copy_the_same_words_ring_again(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    desk.now += 23 * HOUR
    desk.say("north", CLAIM)
    desk.now += 23 * HOUR
    desk.say("south", CLAIM)
    desk.now += 25 * HOUR
    desk.say("west", CLAIM)
    assert desk.states() == ["pending", "joined", "joined", "pending"]


def test_short_texts_join_only_when_they_are_equal_and_within_an_hour(desk: Desk) -> None:
    desk.say("rangers", "the command fell")
    desk.say("north", "The command fell!")
    desk.say("south", "the northern command fell")
    desk.now += 2 * HOUR
    desk.say("west", "the command fell")
    assert desk.states() == ["pending", "joined", "pending", "pending"]


WHOLE = f"{CLAIM} Their families may fetch them at the tea road, and the wounded of both sides are in our care tonight."
CUT = WHOLE[: WHOLE.index("them at")]


@pytest.mark.parametrize(
    "cut",
    [
        f"{CUT} …",
        f"{CUT}…\n\nHill Radio",
        WHOLE[: WHOLE.index("fetch")],
        WHOLE[: WHOLE.index("etch")],
        f"{CLAIM}…",
        f"{CLAIM} The rest is at t.me/rangers/7",
    ],
    ids=["dots", "dots and a name", "sentence", "word", "dots behind a sentence", "address"],
)
def test_the_whole_of_a_trimmed_copy_rings_no_second_time(desk: Desk, cut: str) -> None:
    copy = desk.say("north", cut)
    whole = desk.say("rangers", WHOLE, 7, late=HOUR)
    later = [desk.say("south", f"Via us:\n{WHOLE}"), desk.say("west", cut)]
    assert desk.sets() == {frozenset({copy, whole, *later})}
    assert desk.states() == ["pending", "joined", "joined", "joined"]
    quote = desk.say("spokesman", f"{WHOLE} Our troops hold the base and the flag is above it as on every other day.")
    early = desk.say("deputy", f"{WHOLE} They lie: nobody has ever laid down his weapons there.", late=2 * HOUR)
    found = {frozenset({copy, whole, *later}), frozenset({quote}), frozenset({early})}
    assert desk.sets() == found
    desk.rebuild()
    assert desk.sets() == found


@pytest.mark.parametrize(
    ("cut", "longer", "late"),
    [
        (f"{CUT} …", WHOLE, 0),
        (CLAIM, f"{CLAIM} Our troops hold the base and the flag is above it as on every other day.", HOUR),
        (f"{CLAIM} …", f"{CLAIM} This is false, our troops hold the base and our flag is above it.", HOUR),
        (f"{CLAIM} …", f"{CLAIM} Nobody there has seen a single one of these people since Friday.", HOUR),
        (f"{CUT} …", f"{WHOLE} The army denies that and shows pictures of its own.", HOUR),
        (f"{CUT} …", f"{WHOLE} Nobody there has seen a single one of these people.", HOUR),
        (f"{CUT} …", f"They wrote, and we would be glad to see a proof of it at last: {WHOLE}", HOUR),
    ],
    ids=["newer", "whole sentence", "denial", "not", "denial after the rest", "not after the rest", "another head"],
)
def test_what_may_be_a_quote_rings_however_old_it_is(desk: Desk, cut: str, longer: str, late: int) -> None:
    first, other = desk.say("north", cut), desk.say("rangers", longer, 7, late=late)
    assert desk.sets() == {frozenset({first}), frozenset({other})}


def test_a_service_message_is_no_statement_and_joins_nothing(desk: Desk) -> None:
    pinned = f"rangers pinned «{CLAIM}»"
    posts = [
        desk.say(source, text, number, service=True)
        for number, text in enumerate(("Channel created", "Channel name was changed to «command»", pinned), 1)
        for source in ("rangers", "north")
    ]
    shown = [desk.say(source, "photo updated", 9, service=True, media=(PHOTO,)) for source in ("rangers", "north")]
    for post in shown:
        desk.attach(post, "aa", picture=f"photo {'5a' * 352}")
    statement, copy = desk.say("rangers", CLAIM, 10), desk.say("north", pinned, 11)
    assert desk.events() == [*({post} for post in [*posts, *shown]), {statement, copy}]
    desk.rebuild()
    assert desk.events() == [*({post} for post in [*posts, *shown]), {statement, copy}]


def test_no_events_no_folding(desk: Desk) -> None:
    desk.load(events=EventsConfig(enabled=False))
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    assert desk.states() == ["pending", "pending"]


def test_a_rebuild_gives_the_events_of_the_live_run(desk: Desk) -> None:
    forward = Forward("Rangers", "https://t.me/rangers/14", "rangers", "14")
    desk.say("north", CLAIM, forward=forward)
    desk.say(
        "spokesman", "Calm prevails in every district of the hills, and no soldier of the command has left his post."
    )
    desk.say("rangers", CLAIM, number=14)
    desk.say("south", CLAIM.replace("14", "15"))
    desk.say("south", CLAIM.replace("14", "16"))
    desk.say("west", CLAIM.replace("14", "16"), number=3)
    before = desk.events()
    desk.rebuild()
    assert desk.events() == before


def test_what_still_rings_is_a_reply_that_names_the_first_statement(desk: Desk) -> None:
    first_target, hook = Told("desk"), Told("hook")
    desk.sides = {"rangers": "resistance", "spokesman": "junta"}
    desk.say("rangers", CLAIM)
    desk.drain(first_target, hook)
    desk.say(
        "spokesman", f"They wrote: {CLAIM} This is false, our troops hold the base and nobody has laid down anything."
    )
    desk.say("spokesman", CLAIM, number=2)
    desk.drain(first_target, hook)
    quote, copy = first_target.got[1:]
    assert (quote.reply_to, copy.reply_to) == ("receipt 1", "receipt 1")
    assert "repeats a statement in rangers and adds: " in quote.text
    assert "This is false" in quote.text
    assert "copy of a statement in rangers" in copy.text
    data: list[Any] = [message.document["data"] for message in hook.got]
    assert [one["event"]["copy_of"] is None for one in data] == [True, True, False]


def test_a_search_for_an_event_finds_its_posts_and_no_others(desk: Desk) -> None:
    first, copy = desk.say("rangers", CLAIM), desk.say("north", CLAIM)
    other = desk.say("north", CLAIM.replace("14", "15"), number=2)
    assert desk.search(f"event:{first}") == [copy, first]
    assert desk.search(f"event:{first} NOT source:north") == [first]
    assert desk.search(f"command NOT event:{first}") == [other]
    assert desk.search(f"event:{first} OR event:{other}") == [other, copy, first]
    assert desk.search("event:7") == []
    with pytest.raises(QueryError, match="events list"):
        parse("event:first")


def test_a_post_that_cannot_be_placed_rings_is_reported_and_stops_no_other(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    names: Any = {7: "no form of a term"}  # comparing two texts fails on it
    assert desk.rules.events is not None
    desk.rules = replace(desk.rules, events=replace(desk.rules.events, names=names))
    desk.say("north", CLAIM.replace("Statement", "The statement"))
    other = desk.say("south", "Something else about the command.")
    assert desk.states() == ["pending", "pending", "pending"]
    assert {other} in desk.events()
    with desk.archive.reading() as reader:
        assert reader.value("SELECT count(*) FROM notices WHERE about = 'events' AND text LIKE '%could not be placed%'")


def test_what_was_joined_is_sent_when_a_death_gives_the_first_message_up(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    with desk.archive.writing() as writer:
        writer.execute("DELETE FROM deliveries WHERE target = 'hook'")
        writer.execute("DELETE FROM jobs")
        writer.execute("UPDATE deliveries SET state = 'sending', healthy = 1, deaths = 1 WHERE state = 'pending'")

    async def start_again() -> None:
        store = AsyncArchive(desk.archive)
        await GivenUp(store, Clock(), lambda _: None, list, lambda: None).settle_death()
        await store.aclose()

    asyncio.run(start_again())
    assert desk.states() == ["dead", "pending"]


def test_a_copy_waits_with_the_first_message_at_a_suspended_target(desk: Desk) -> None:
    desk.say("rangers", CLAIM)
    with desk.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "thrown out", desk.now)
    desk.say("north", CLAIM)
    with desk.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "ok", None, desk.now)
    desk.say("south", CLAIM)
    assert desk.states() == ["pending", "pending", "joined"]


def test_a_target_that_refuses_the_first_message_gets_a_copy_of_it(desk: Desk) -> None:
    target, hook = Told("desk", script=[MessageRefused("too odd")]), Told("hook")
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    desk.drain(target, hook)
    desk.drain(target, hook)
    assert desk.states() == ["dead", "sent"]
    assert ["north" in message.text for message in target.got] == [True]


def test_a_copy_of_what_a_digest_lists_is_joined_and_sent_if_the_digest_does_not_get_through(desk: Desk) -> None:
    target, hook = Told("desk", script=[MessageRefused("too odd")]), Told("hook")
    desk.say("rangers", CLAIM)
    with desk.archive.writing() as writer:
        digests.make(writer, "desk", "quiet", (desk.now, desk.now), [1], desk.now)
    desk.say("north", CLAIM)
    assert desk.states() == ["digested", "pending", "joined"]
    desk.drain(target, hook)
    desk.say("south", CLAIM)
    assert desk.states() == ["digested", "dead", "sent", "joined"]


def mute(desk: Desk, *, source: str | None = None, target: str | None = None, length: int = HOUR) -> int:
    with desk.archive.writing() as writer:
        return mutes.add(writer, Mute(None, source, None, None, target, desk.now, desk.now + length, "so", "Ada"))


def test_no_copy_is_joined_to_a_message_that_a_mute_holds(desk: Desk) -> None:
    mute(desk, source="rangers")
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    desk.say("south", CLAIM)
    assert desk.states() == ["silenced", "pending", "joined"]


def test_what_was_joined_is_sent_when_the_first_message_is_muted_before_its_turn(desk: Desk) -> None:
    target, hook = Told("desk"), Told("hook")
    desk.say("rangers", CLAIM)
    desk.say("north", CLAIM)
    desk.say("south", CLAIM)
    mute(desk, source="rangers")
    desk.drain(target, hook)
    assert desk.states() == ["silenced", "sent", "joined"]
    assert ["north" in message.text for message in target.got] == [True]


def test_of_forty_silenced_copies_one_is_sent_where_they_are_folded(desk: Desk) -> None:
    held = mute(desk, length=2 * HOUR)
    for number in range(40):
        desk.say(f"channel{number}", CLAIM)
    assert desk.states() == ["silenced"] * 40
    with desk.archive.writing() as writer:
        done, copies = release(writer, held, desk.rules.folding, desk.now)
    assert (done.due, copies) == (41, 39)
    assert desk.states() == ["pending"] + ["joined"] * 39
    assert desk.states("hook") == ["pending"] * 40


def test_a_copy_that_comes_after_the_mute_rings(desk: Desk) -> None:
    mute(desk)
    desk.say("rangers", CLAIM)
    desk.now += 2 * HOUR
    desk.say("north", CLAIM)
    assert desk.states() == ["silenced", "pending"]


def test_a_stock_phrase_in_hundreds_of_statements_hides_no_copy(desk: Desk) -> None:
    def report(place: str) -> str:
        return (
            f"Air raid alert near the village of {place}, go to the nearest shelter now and stay there until"
            " the all clear. Glory to the heroes, glory to the nation!"
        )

    places = [
        f"{one}{other}{end}"
        for one in "BDGKLMNPRT"
        for other in ("ako", "ilu", "emi")
        for end in ("ra", "ston", "vyk", "lin")
    ]
    posts: list[int] = []
    copies: dict[int, int] = {}
    for number, place in enumerate(places):
        posts.append(desk.say(f"district{number % 40}", report(place), number))
        if number % 4 == 3:
            earlier = number * 5 // 8
            copies[earlier] = desk.say(f"north{number}", f"via us: {report(places[earlier])}")
    assert [place for place, copy in copies.items() if {posts[place], copy} not in desk.events()] == []
    assert len(desk.events()) == len(posts)


def test_what_a_source_repeats_with_other_numbers_is_no_signature_that_hides_copies(desk: Desk) -> None:
    def bulletin(number: int) -> str:
        return (
            f"Bulletin {number}: the base above the tea road fell this morning, and its garrison left for the valley."
        )

    firsts = [desk.say("rangers", bulletin(number), number) for number in range(1, 6)]
    copies = [desk.say("north", f"{bulletin(number)}\n\nfollow @hills", number) for number in range(1, 6)]
    assert desk.events() == [{first, copy} for first, copy in zip(firsts, copies, strict=True)]


def test_a_line_that_a_channel_adds_to_some_of_its_posts_hides_no_copy(desk: Desk) -> None:
    def bulletin(number: int) -> str:
        return (
            f"Bulletin {number}: the base above the tea road fell this morning, and its garrison left for the valley."
        )

    for number in range(1, 5):
        desk.say("north", f"Nothing new about number {number}.", number)
    firsts = [desk.say("rangers", bulletin(number), number) for number in range(1, 6)]
    copy = desk.say("north", f"{bulletin(5)}\n\nfollow @north", 9)
    assert {firsts[-1], copy} in desk.events()
    denial = desk.say("press", f"{bulletin(5)}\n\nThis is false, see @truth_desk")
    assert {denial} in desk.events()


@pytest.mark.parametrize("stamp", ["{}:0{}", "🕐 {}.0{} |", "#{}{}", "№ {}{}:"])
def test_a_clock_or_a_count_before_each_post_of_a_channel_hides_no_copy_and_no_repetition(
    desk: Desk, stamp: str
) -> None:
    raid = "Air raid alert for the whole region of the command: all citizens go to the shelters at once and stay there."
    for number in range(3):
        for source in ("siren", "north"):
            desk.say(source, f"{stamp.format(11, number)} Nothing new about number {number} of {source}.", number)
    before = len(desk.events())
    first = desk.say("siren", f"{stamp.format(12, 3)} {raid}", 4)
    copy = desk.say("north", f"{stamp.format(12, 7)} {raid}", 4)
    again, other = desk.say("siren", f"{stamp.format(12, 9)} {raid}", 5), desk.say("press", raid)
    assert desk.events()[before:] == [{first, copy}, {again, other}]


def test_a_source_that_says_the_same_again_hours_later_rings_again(desk: Desk) -> None:
    raid = "Air raid alert for the whole region of the command: all citizens go to the shelters at once and stay there."
    first, twice = desk.say("siren", raid), desk.say("siren", raid, 2)
    copy = desk.say("north", raid)
    desk.now += 3 * HOUR
    again, north = desk.say("siren", raid, 3), desk.say("north", raid, 2)
    assert desk.events() == [{first, twice, copy}, {again, north}]
    assert desk.states() == ["pending", "joined", "joined", "pending", "joined"]


@pytest.mark.parametrize("seed", range(3))
def test_forty_copies_in_any_order_ring_once_for_each_side_over_a_restart(desk: Desk, seed: int) -> None:
    forward = Forward("Rangers", "https://t.me/rangers/14", "rangers", "14")
    sides = ("resistance", "junta")
    desk.sides = {f"channel{number}": sides[number % 2] for number in range(40)}
    desk.sides["rangers"] = "resistance"
    posts = [(f"channel{number}", forward if number % 4 == 3 else None) for number in range(40)]
    Random(seed).shuffle(posts)
    for place, (source, of) in enumerate(posts):
        desk.say(source, f"{CLAIM}\n\nfollow @{source}", forward=of)
        if place == 20:
            path = desk.archive.path
            desk.archive.close()
            desk.archive = Archive(path)
            desk.load()
    desk.say("rangers", CLAIM, number=14)
    assert [len(event) for event in desk.events()] == [41]
    with desk.archive.reading() as reader:
        rang = reader.rows(
            "SELECT coalesce(iif(p.forward IS NULL, s.side, NULL), ''), count(*) FROM deliveries d JOIN matches m ON m.id = d.match_id"
            " JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id"
            " WHERE d.target = 'desk' AND d.state = 'pending' GROUP BY 1"
        )
    counts = {row[0]: row[1] for row in rang}
    assert (counts["resistance"], counts["junta"]) == (1, 1)
    assert sum(counts.values()) <= 3, "a forward before both speaks for none"
    desk.archive.close()
