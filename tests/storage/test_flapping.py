"""What breaks and recovers again and again is gathered: at most one message an hour, and the last word is always said."""

import json
from typing import Any

from storage.alerts import flapping, notices

MINUTE = 60_000_000
START = 1_763_800_000_000_000
ABOUT = "source spokesman"


def change(archive: Any, minute: int, words: str, *, ends: bool) -> None:
    at = START + minute * MINUTE
    with archive.writing() as writer:
        notices.add(writer, at, ABOUT, words, ends=ends)
        flapping.announce_change(writer, ["desk"], ABOUT, words, at)


def messages(archive: Any) -> list[tuple[int, str]]:
    """Each message: the minute from which it may go out, and its words."""
    with archive.reading() as reader:
        rows = reader.rows("SELECT not_before, payload FROM deliveries WHERE kind = 'health' ORDER BY not_before, id")
    return [((row["not_before"] - START) // MINUTE, json.loads(row["payload"])["text"]) for row in rows]


def deliver(archive: Any, minute: int) -> None:
    with archive.writing() as writer:
        writer.execute(
            "UPDATE deliveries SET state = 'sent' WHERE not_before <= :now", {"now": START + minute * MINUTE}
        )


def test_single_outages_are_reported_at_once_with_their_ends(archive: Any) -> None:
    for minute, words, ends in ((0, "down", False), (5, "up", True), (70, "down", False), (71, "up", True)):
        change(archive, minute, words, ends=ends)
    assert messages(archive) == [(0, "down"), (5, "up"), (70, "down"), (71, "up")]


def test_a_line_that_flaps_sends_one_message_an_hour_and_the_last_word(archive: Any) -> None:
    for number in range(14):
        change(archive, 2 * number, f"down {number}", ends=False)
        deliver(archive, 2 * number)
        change(archive, 2 * number + 1, f"up {number}", ends=True)
        deliver(archive, 2 * number + 1)
    found = messages(archive)
    assert [minute for minute, _ in found] == [0, 1, 2, 3, 4, 64]
    assert found[4][1] == "down 2 (flapping: 3 times in the last hour)"
    assert found[5][1] == "up 13 (flapping: 14 times in the last hour)"


def test_other_things_are_not_held_back(archive: Any) -> None:
    for minute in range(5):
        change(archive, minute, "down", ends=False)
    with archive.writing() as writer:
        flapping.announce_change(writer, ["desk"], "source other", "down", START + 6 * MINUTE)
    assert (6, "down") in messages(archive)
