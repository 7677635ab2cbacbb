"""What is said of how far a statement has spread: one meaning everywhere, and nothing is called sure."""

from bot.documents.event import describe_elsewhere, describe_fate, describe_spread
from storage.events.listing import read_events
from storage.events.spread import Spread, read_spread
from storage.records import Forward
from tests.events.conftest import CLAIM, Desk


def spread(desk: Desk, event: int, beside: int | None = None) -> Spread:
    with desk.archive.reading() as reader:
        return read_spread(reader, event, beside)


def test_copies_are_counted_in_the_channels_and_families_that_have_them(desk: Desk) -> None:
    first = desk.say("rangers", CLAIM)
    for number, source in enumerate(("north", "south", "west", "north"), 1):
        desk.say(source, CLAIM, number=number)
    with desk.archive.writing() as writer:
        writer.execute("UPDATE sources SET family = 'house' WHERE name IN ('north', 'south')")
    assert describe_spread(spread(desk, first)) == "4 copies in 3 channels of 2 families"
    assert describe_elsewhere(spread(desk, first)) == "also in 3 channels: north, south, west"
    assert describe_spread(Spread()) == "no copy"


def test_a_forward_counts_as_the_family_of_whom_it_forwards(desk: Desk) -> None:
    forward = Forward("Rangers", "https://t.me/rangers/14", "rangers", "14")
    first = desk.say("rangers", CLAIM, number=14)
    desk.say("north", CLAIM, forward=forward)
    desk.say("south", CLAIM, forward=forward)
    assert describe_spread(spread(desk, first)) == "2 copies in 2 channels of 1 family"
    desk.say("west", CLAIM)
    assert describe_spread(spread(desk, first)) == "3 copies in 3 channels of 2 families"


def test_the_origin_that_comes_last_is_the_voice_of_its_forwards(desk: Desk) -> None:
    forward = Forward("Rangers", "https://t.me/rangers/14", "rangers", "14")
    first = desk.say("north", CLAIM, forward=forward)
    desk.say("south", CLAIM, forward=forward)
    desk.say("rangers", CLAIM, number=14)
    assert describe_spread(spread(desk, first)) == "2 copies in 2 channels of 1 family"


def test_edited_and_deleted_copies_are_counted_and_the_first_statement_is_no_copy(desk: Desk) -> None:
    first, second = desk.say("rangers", CLAIM), desk.say("north", CLAIM)
    desk.say("south", CLAIM)
    desk.say("south", CLAIM + " More follows.")
    desk.say("rangers", CLAIM + " More follows.")
    with desk.archive.writing() as writer:
        writer.execute(f"UPDATE posts SET deleted_at = 1 WHERE id IN ({first}, {second})")
    assert describe_fate(spread(desk, first)) == "1 of its copies was edited, 1 of its copies is gone"
    assert spread(desk, first, beside=second).gone == 1
    assert describe_fate(Spread(3, 3, 3, (), 0, 3)) == "3 of its copies are gone"


def test_only_three_channels_are_named() -> None:
    names = tuple("abcdefghijkl")
    assert describe_elsewhere(Spread(12, 12, 4, names)) == "also in 12 channels: a, b, c +9"


def test_a_list_of_events_has_the_spread_of_each(desk: Desk) -> None:
    one, two = desk.say("rangers", CLAIM), desk.say("south", CLAIM.replace("14", "15"))
    desk.say("north", CLAIM)
    with desk.archive.reading() as reader:
        found = read_events(reader, [two, one])
    assert [describe_spread(event.spread) for event in found] == ["no copy", "1 copy in 1 channel of 1 family"]
