"""Statements of two sides that face each other: which, in which thread, and what is shown of both."""

from pathlib import Path
from typing import Any

import pytest

from bot.config.model import RuleConfig, TermConfig
from bot.config.pairs import PairConfig
from storage.archive.database import Archive
from storage.events import facing, members
from storage.records import Forward
from tests.alerts.conftest import Told
from tests.events.conftest import CLAIM, HOUR, Desk

ADMISSION = "Contact with the regional command at Taungkyar has been lost. The fate of its commander is not known."
TAUNGKYAR = TermConfig.model_validate({"name": "taungkyar", "kind": "place", "en": ["Taungkyar"]})
HOPANG = TermConfig.model_validate({"name": "hopang", "kind": "Place", "en": ["Hopang"]})


@pytest.fixture
def desk(archive: Archive, tmp_path: Path) -> Desk:
    found = Desk(archive, tmp_path)
    found.sides = {
        "rangers": "resistance",
        "north": "resistance",
        "spokesman": "junta",
        "deputy": "junta",
        "radio": "press",
    }
    load(found)
    return found


def load(desk: Desk, *terms: TermConfig, within: str = "72h") -> None:
    desk.load(
        RuleConfig(name="fall", query="command", targets=("desk",)),
        RuleConfig(name="lost", query="lost", targets=("desk",)),
        terms=terms,
        pairs=[PairConfig.model_validate({"rule": "fall", "sides": ["junta", "resistance"], "within": within})],
    )


def faced(desk: Desk) -> dict[int, int]:
    """Which post faces which."""
    with desk.archive.reading() as reader:
        rows = reader.rows(
            "SELECT m.post_id, n.post_id AS faces FROM facing f JOIN matches m ON m.id = f.match_id"
            " JOIN matches n ON n.id = f.faces"
        )
    return {row["post_id"]: row["faces"] for row in rows}


def test_the_other_side_is_a_reply_that_quotes_both_with_both_times(desk: Desk) -> None:
    target: Any = Told("desk")
    desk.say("rangers", CLAIM)
    desk.drain(target)
    desk.say("spokesman", ADMISSION)
    desk.drain(target)
    first, answer = target.got[0], next(one for one in target.got if "fall · spokesman" in one.plain)
    assert answer.reply_to == "receipt 1"
    assert "faces rangers (resistance), posted 2025-11-22 08:26:40 UTC" in answer.plain
    assert "there: Statement 14: the regional command at Taungkyar is in our hands" in answer.plain
    assert "posted 2025-11-22 08:27:40 UTC" in answer.plain
    assert "Contact with the regional command" in answer.plain
    data: Any = answer.document["data"]
    assert data["in_reply_to"] == first.document["data"]["alert"]
    both = data["facing"]
    assert [both[one]["side"] for one in ("first", "second")] == ["resistance", "junta"]
    assert both["first"]["passage"] == CLAIM
    assert both["second"]["passage"] == ADMISSION.partition(". ")[0] + "."
    assert (both["first"]["posted_at"], both["second"]["posted_at"]) == ("2025-11-22T08:26:40Z", "2025-11-22T08:27:40Z")
    assert first.document["data"]["facing"] is None
    other = next(one for one in target.got if "lost · spokesman" in one.plain)
    assert "faces" not in other.plain, "only the rule of the pair"


def test_copies_forwards_and_third_sides_face_nobody_and_are_not_faced(desk: Desk) -> None:
    claim = desk.say("rangers", CLAIM, number=14)
    desk.say("radio", "The command at Taungkyar is silent, say people who live there and have never lied to us.")
    desk.say("deputy", CLAIM)
    desk.say("deputy", CLAIM, number=2, forward=Forward("Rangers", "https://t.me/rangers/14", "rangers", "14"))
    admission = desk.say("spokesman", ADMISSION)
    desk.say("deputy", ADMISSION, number=3)
    desk.say("north", CLAIM)
    assert faced(desk) == {admission: claim}


def test_the_newest_statement_within_the_time_is_faced(desk: Desk) -> None:
    load(desk, within="2h")
    desk.say("rangers", CLAIM)
    desk.now += HOUR
    newer = desk.say(
        "north", "Of the command at Taungkyar nothing is left but the gate and two burnt lorries in front."
    )
    answer = desk.say("spokesman", ADMISSION)
    desk.now += 3 * HOUR
    desk.say("deputy", "The command at Taungkyar works as always, and its officers send their greetings to everybody.")
    again = desk.say(
        "rangers", "We have asked the command to let the wounded go to the clinic at Loimaw today.", number=2
    )
    assert set(faced(desk)) == {answer, again}
    assert faced(desk)[answer] == newer


def test_statements_about_other_places_do_not_face_each_other(desk: Desk) -> None:
    load(desk, TAUNGKYAR, HOPANG)
    here = desk.say("rangers", CLAIM)
    desk.say(
        "rangers", "The command at Hopang is ours since noon, and its flag has been taken down by our men.", number=2
    )
    nowhere = desk.say("deputy", "The command of the north has not lost a single man, whatever others may be writing.")
    answer = desk.say("spokesman", ADMISSION)
    assert faced(desk)[answer] == here
    assert nowhere in faced(desk), "who names no place may mean any"


def test_what_was_said_stays_quoted_and_is_marked_when_it_changed(desk: Desk) -> None:
    target: Any = Told("desk")
    claim = desk.say("rangers", CLAIM)
    desk.say("rangers", "Nothing is certain yet.")
    with desk.archive.writing() as writer:
        writer.execute(f"UPDATE posts SET deleted_at = {desk.now} WHERE id = {claim}")
    desk.say("spokesman", ADMISSION)
    desk.drain(target)
    answer = next(one for one in target.got if "fall · spokesman" in one.plain)
    assert "(edited since) (deleted since)" in answer.plain
    assert "there: Statement 14: the regional command" in answer.plain


def test_an_edit_that_puts_the_words_in_faces_and_is_faced_when_it_is_made(desk: Desk) -> None:
    load(desk, within="2h")
    desk.say("rangers", "More news will follow this evening, as always without any guarantee.")
    desk.now += 5 * HOUR
    claim = desk.say("rangers", CLAIM)
    desk.now += HOUR
    answer = desk.say("spokesman", ADMISSION)
    desk.say("spokesman", ADMISSION + " We regret this.")
    assert faced(desk) == {answer: claim}


def test_the_origin_of_forwards_that_rang_before_it_is_faced_in_their_thread_and_rings_when_it_faces(
    desk: Desk,
) -> None:
    target: Any = Told("desk")
    forward = Forward("Spokesman", "https://t.me/spokesman/7", "spokesman", "7")
    desk.say("radio", ADMISSION, forward=forward)
    desk.drain(target)
    origin = desk.say("spokesman", ADMISSION, number=7)
    claim = desk.say("rangers", CLAIM)
    desk.drain(target)
    answer = next(one for one in target.got if "fall · rangers" in one.plain)
    assert faced(desk) == {claim: origin}
    assert answer.reply_to == "receipt 1"
    desk.say(
        "radio", CLAIM.replace("14", "15"), number=3, forward=Forward("North", "https://t.me/north/3", "north", "3")
    )
    late = desk.say("north", CLAIM.replace("14", "15"), number=3)
    assert faced(desk)[late] == origin
    desk.drain(target)
    assert sum("fall · north" in one.plain for one in target.got) == 1, "it is the first word of its side in that event"


def test_a_rebuild_leaves_what_faced_each_other(desk: Desk) -> None:
    from bot.events.placing import place_arrived

    claim, answer = desk.say("rangers", CLAIM), desk.say("spokesman", ADMISSION)
    with desk.archive.writing() as writer:
        members.forget_events(writer)
        assert desk.rules.events is not None
        place_arrived(writer, desk.rules.events)
    assert faced(desk) == {answer: claim}
    with desk.archive.reading() as reader:
        [[first, second]] = facing.list_of_event(reader, claim)
        assert facing.list_of_event(reader, answer) == [(first, second)]
    assert (first.post_id, second.post_id) == (claim, answer)


def test_without_events_sides_still_face_each_other(desk: Desk) -> None:
    from dataclasses import replace

    desk.rules = replace(desk.rules, events=None)
    target: Any = Told("desk")
    claim = desk.say("rangers", CLAIM)
    desk.drain(target)
    answer = desk.say("spokesman", ADMISSION)
    desk.drain(target)
    assert faced(desk) == {answer: claim}
    assert next(one for one in target.got if "fall · spokesman" in one.plain).reply_to == "receipt 1"


def test_the_commands_show_both_statements(desk: Desk) -> None:
    from bot.alerts.document import facing_document
    from bot.cli.facing import describe_facing
    from bot.listing.times import Zone
    from storage.alerts import matches

    claim = desk.say("rangers", CLAIM)
    answer = desk.say("spokesman", ADMISSION)
    desk.say("radio", "Nothing of that is about the command.", number=4)
    with desk.archive.reading() as reader:
        listed = [match for match, _, _ in matches.list_matches(reader, event=claim)]
        assert [match.post_id for match in listed] == [answer, claim]
        assert matches.count_listed(reader, event=claim) == 2
        faced_by = facing.read_facing(reader, [match.id for match in listed])
        assert facing_document(faced_by.get(listed[1].id)) is None
        document: Any = facing_document(faced_by.get(listed[0].id))
        assert [document[one]["post_id"] for one in ("first", "second")] == [str(claim), str(answer)]
        lines = list(describe_facing(facing.read_facing(reader, [listed[0].id])[listed[0].id], Zone()))
    assert "resistance, rangers, " in lines[1]
    assert "junta, spokesman, " in lines[2]


def test_statements_that_are_decided_at_once_face_each_other_in_their_order(desk: Desk) -> None:
    decide = desk.decide
    desk.decide = lambda: None  # type: ignore[method-assign]
    first = desk.say("spokesman", "The command of the north has not lost a single man, whatever others may be writing.")
    claim = desk.say("rangers", CLAIM)
    admission = desk.say("deputy", ADMISSION)
    again = desk.say("north", "The command at Taungkyar is ours, and so is everything that its men have left behind.")
    decide()
    assert faced(desk) == {claim: first, admission: claim, again: admission}
