import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.alerts.digests.due import DigestPlan
from bot.alerts.digests.preview import preview
from bot.alerts.render import Rendering
from bot.contracts.message import Shows
from bot.contracts.target import MessageRefused
from bot.documents.undelivered import explain_wait
from bot.errors import Later, Never
from storage.alerts import mutes, retrying
from storage.alerts import outbox as rows
from storage.alerts.waiting import list_undelivered

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EVENING = 1_763_800_000_000_000  # 14:56:40 in Yangon
NIGHT = ({"from": "14:50", "to": "15:10", "except_from": "high"},)


def owe(line: Any, count: int, start: int = 0, **more: Any) -> list[int]:
    """So many posts, each with an alert; the ids of the posts."""
    posts = [line.post(native_id=str(start + number)) for number in range(count)]
    for post in posts:
        line.match(post, **more)
    return posts


def listed(message: Any) -> list[int]:
    """The posts that a digest lists."""
    assert message.kind == "digest"
    return [int(post["id"]) for post in message.document["data"]["posts"]]


def kinds(desk: Any) -> list[str]:
    return [message.kind for message in desk.got]


def total(desk: Any) -> int:
    """Single messages and what digests say they list."""
    return sum(message.document["data"]["total"] if message.kind == "digest" else 1 for message in desk.got)


def test_quiet_hours_hold_messages_and_end_with_one_digest(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    posts = owe(line, 3)
    line.match(posts[0], rule="water")
    owe(line, 1, start=9, priority="high")
    assert line.drain(desk).sent == 1
    assert kinds(desk) == ["match"]
    held = [row for row in line.rows() if row["state"] == "pending"]
    assert len(held) == 4
    assert all("quiet hours" in row["reason"] and row["held_until"] == EVENING + 800 * SECOND for row in held)
    line.now += 14 * MINUTE
    line.drain(desk)
    assert kinds(desk) == ["match", "digest"]
    assert (listed(desk.got[1]), desk.got[1].document["data"]["total"]) == (posts, 4)
    assert sorted(line.states()) == ["digested"] * 4 + ["sent"] * 2
    assert line.drain(desk).sent == 0


def test_an_edit_of_a_held_post_is_settled_by_the_same_digest(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    post = owe(line, 1)[0]
    line.drain(desk)
    line.match(line.post("the northern command held", native_id="0"), kind="edited", before="the command fell")
    line.drain(desk)
    line.now += 14 * MINUTE
    line.drain(desk)
    assert listed(desk.got[0]) == [post]
    assert line.states() == ["digested", "digested", "sent"]


def test_a_digest_whose_hour_passed_while_nothing_ran_comes_once_with_its_real_window(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    owe(line, 2)
    line.drain(desk)
    line.now += 3 * HOUR
    line.drain(desk)
    window = desk.got[0].document["data"]["window"]
    assert window == {"from": "2025-11-22T08:20:00Z", "to": "2025-11-22T11:26:40Z"}
    assert kinds(desk) == ["digest"]


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_a_day_holds_by_what_it_shows_now(line: Any, told: Any, jump: int) -> None:
    desk = told("desk", quiet=NIGHT)
    owe(line, 2)
    line.drain(desk)
    line.now += jump
    line.drain(desk)
    assert kinds(desk) == []
    assert {row["held_until"] for row in line.rows()} == {EVENING + 800 * SECOND + jump}
    line.now += 14 * MINUTE
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["digest"], 2)


def test_what_comes_after_quiet_hours_comes_singly(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    owe(line, 1)
    line.now += 14 * MINUTE
    line.drain(desk)
    assert kinds(desk) == ["match"]


def test_quiet_hours_without_an_end_bring_a_digest_whenever_one_of_them_ends(line: Any, told: Any) -> None:
    desk = told("desk", quiet=({"from": "15:00", "to": "15:00"},))
    owe(line, 2)
    line.drain(desk)
    line.now += 2 * MINUTE
    owe(line, 1, start=5)
    line.drain(desk)
    assert kinds(desk) == []
    line.now += 2 * MINUTE  # it is 15:00:40
    owe(line, 1, start=7)
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["digest"], 3)
    line.now += DAY
    line.drain(desk)
    assert total(desk) == 4


def test_quiet_hours_that_are_taken_out_of_the_config_let_go_of_what_they_hold(line: Any, told: Any) -> None:
    owe(line, 2)
    line.drain(told("desk", quiet=NIGHT))
    desk = told("desk")
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["digest"], 2)


def test_health_messages_ring_at_night_only_if_high_ones_do(line: Any, told: Any) -> None:
    with line.archive.writing() as writer:
        rows.announce(writer, ["desk", "other"], "source x", "x is failing", line.now)
    desk, other = told("desk", quiet=NIGHT), told("other", quiet=({"from": "14:50", "to": "15:10"},))
    line.drain(desk, other)
    assert (kinds(desk), kinds(other)) == (["health"], [])
    line.now += 14 * MINUTE
    line.drain(desk, other)
    assert kinds(other) == ["health"]


def test_what_is_over_the_limit_of_a_minute_comes_as_one_digest_as_soon_as_the_limit_allows(
    line: Any, told: Any
) -> None:
    desk = told("desk", per_minute=5)
    posts = owe(line, 12)
    line.drain(desk)
    assert len(desk.got) == 5
    assert "per_minute = 5" in line.rows()[11]["reason"]
    line.now += 62 * SECOND
    line.drain(desk)
    assert kinds(desk) == ["match"] * 5 + ["digest"]
    assert listed(desk.got[5]) == posts[5:]


def test_one_message_over_the_limit_comes_singly(line: Any, told: Any) -> None:
    desk = told("desk", per_minute=5)
    owe(line, 6)
    line.drain(desk)
    line.now += 62 * SECOND
    line.drain(desk)
    assert kinds(desk) == ["match"] * 6


def test_the_most_urgent_of_what_is_over_a_limit_comes_singly_and_before_the_digest(line: Any, told: Any) -> None:
    desk = told("desk", per_minute=6)
    owe(line, 10)
    line.drain(desk)
    urgent = owe(line, 4, start=20, priority="max")
    line.drain(desk)
    line.now += 62 * SECOND
    line.drain(desk)
    assert kinds(desk)[6:] == ["match"] * 3 + ["digest"]
    assert [int(message.document["data"]["post"]["id"]) for message in desk.got[6:9]] == urgent[:3]
    assert urgent[3] in listed(desk.got[9])
    assert total(desk) == 14


def test_a_limit_of_an_hour_gathers_and_keeps_a_tenth_for_digests(line: Any, told: Any) -> None:
    desk = told("desk", per_hour=10)
    owe(line, 30)
    line.drain(desk)
    assert kinds(desk) == ["match"] * 9
    line.now += 9 * MINUTE
    line.drain(desk)
    assert len(desk.got) == 9
    line.now += 2 * MINUTE
    line.drain(desk)
    assert (kinds(desk)[9:], total(desk)) == (["digest"], 30)
    owe(line, 3, start=50)
    line.now += 20 * MINUTE
    line.drain(desk)
    assert len(desk.got) == 10
    line.now += HOUR
    line.drain(desk)
    assert total(desk) == 33


def waiting(line: Any) -> list[tuple[str, int | None]]:
    """Why what has not arrived waits, and for how long."""
    with line.archive.reading() as reader:
        found = [explain_wait(row, line.now) for row in list_undelivered(reader)]
    return [(why, None if until is None else until - line.now) for why, until in found]


def test_of_one_message_an_hour_the_first_comes_at_once_and_the_rest_as_a_digest_when_it_is_over(
    line: Any, told: Any
) -> None:
    desk = told("desk", per_hour=1)
    owe(line, 1)
    line.drain(desk)
    owe(line, 2, start=10)
    line.drain(desk)
    line.now += 5 * MINUTE
    owe(line, 1, start=20)
    line.drain(desk)
    assert kinds(desk) == ["match"]
    [rest] = {rest for _, rest in waiting(line) if rest is not None}
    with line.archive.reading() as reader:
        plan = DigestPlan({}, ZoneInfo("UTC"))
        [coming] = preview(reader, "desk", plan, Rendering(ZoneInfo("UTC")), Shows("text"), line.now)
    assert coming.due == line.now + rest
    line.now += rest - SECOND
    line.drain(desk)
    assert kinds(desk) == ["match"]
    line.now += SECOND
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["match", "digest"], 4)
    owe(line, 1, start=30)
    line.now += 59 * MINUTE
    line.drain(desk)
    assert len(desk.got) == 2


def test_everything_held_over_an_hour_says_when_the_digest_comes(line: Any, told: Any) -> None:
    desk = told("desk", per_hour=10)
    owe(line, 20)
    line.drain(desk)
    line.now += 4 * MINUTE
    owe(line, 2, start=50)
    line.drain(desk)
    assert {rest for _, rest in waiting(line)} == {6 * MINUTE}
    line.now += 6 * MINUTE
    line.drain(desk)
    assert kinds(desk)[9:] == ["digest"]
    assert waiting(line) == []


@pytest.mark.parametrize("limit", ["per_minute", "per_hour"])
def test_what_waits_for_a_limit_and_is_not_held_says_until_when(line: Any, told: Any, limit: str) -> None:
    desk = told("desk", **{limit: 1})
    owe(line, 1)
    line.drain(desk)
    with line.archive.writing() as writer:
        rows.announce(writer, ["desk"], "program", "the disk is low", line.now)
    line.drain(desk)
    [(why, rest)] = waiting(line)
    assert why == f"over {limit} = 1: it is sent when the limit allows a message"
    assert rest is not None
    line.now += rest - SECOND
    line.drain(desk)
    assert len(desk.got) == 1
    line.now += SECOND
    assert "it is due" in waiting(line)[0][0]
    line.drain(desk)
    assert kinds(desk) == ["match", "health"]


@pytest.mark.parametrize(("limit", "window"), [("per_minute", 61 * SECOND), ("per_hour", HOUR + SECOND)])
def test_each_of_several_that_wait_says_its_own_time(line: Any, told: Any, limit: str, window: int) -> None:
    desk = told("desk", **{limit: 2})
    with line.archive.writing() as writer:
        for number in range(7):
            rows.announce(writer, ["desk"], "program", f"news {number}", line.now)
    line.drain(desk)
    shown = [rest for _, rest in waiting(line)]
    assert shown == [window, window, 2 * window, 2 * window, 3 * window]
    came: list[int | None] = []
    began = line.now
    for until in (window, 2 * window, 3 * window):
        line.now = began + until - SECOND
        line.drain(desk)
        line.now = began + until
        before = len(desk.got)
        line.drain(desk)
        came += [until] * (len(desk.got) - before)
    assert came == shown


def test_a_rule_that_is_over_its_limit_is_held_and_others_are_not(line: Any, told: Any) -> None:
    line.rules_per_hour = {"fire": 2}
    desk = told("desk")
    posts = owe(line, 6)
    line.match(posts[5], rule="water")
    line.drain(desk)
    assert [message.document["data"]["rule"] for message in desk.got] == ["fire", "fire", "water"]
    assert "over per_hour = 2" in line.rows()[3]["reason"]
    line.now += 11 * MINUTE
    line.drain(desk)
    assert listed(desk.got[3]) == posts[2:]
    line.now += HOUR
    owe(line, 1, start=30)
    line.drain(desk)
    assert kinds(desk)[4:] == ["match"]


def test_a_limit_makes_no_digest_while_the_target_does_not_work(line: Any, told: Any) -> None:
    desk = told("desk", per_minute=1, script=[Later("down")] * 40)
    owe(line, 12)
    for _ in range(20):
        line.drain(desk)
        line.now += MINUTE
    assert not any(row["kind"] == "digest" for row in line.rows())
    desk.script = []
    for _ in range(12):
        line.drain(desk)
        line.now += 62 * SECOND
    assert total(desk) == 12
    assert len([kind for kind in kinds(desk) if kind == "digest"]) == 1


def test_no_second_digest_is_made_while_the_target_has_asked_for_a_pause(line: Any, told: Any) -> None:
    desk = told("desk", per_minute=1)
    owe(line, 8)
    line.drain(desk)
    line.now += 62 * SECOND
    desk.script = [Later("slow down", retry_at=line.now + HOUR, obey=True)]
    line.drain(desk)
    owe(line, 8, start=20)
    line.drain(desk)
    line.now += 10 * MINUTE
    line.drain(desk)
    assert [row["kind"] for row in line.rows()].count("digest") == 1
    for _ in range(4):
        line.now += HOUR
        line.drain(desk)
    assert total(desk) == 16


@pytest.mark.parametrize("batch", [50, pytest.param(834, marks=pytest.mark.long)])
def test_a_storm_is_settled_whole_and_no_minute_sees_more_than_the_limit(line: Any, told: Any, batch: int) -> None:
    desk = told("desk", per_minute=20, shows=Shows("json"))
    times: list[int] = []
    for number in range(12):  # 600 matches in a minute, or 10,008
        owe(line, batch, start=batch * number)
        line.drain(desk)
        times += [line.now] * (len(desk.got) - len(times))
        line.now += 5 * SECOND
    while any(state in ("pending", "sending") for state in line.states()):
        line.drain(desk)
        times += [line.now] * (len(desk.got) - len(times))
        line.now += 5 * SECOND
    assert total(desk) == 12 * batch
    seen = [
        int(post)
        for message in desk.got
        for post in (listed(message) if message.kind == "digest" else [message.document["data"]["post"]["id"]])
    ]
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 12 * batch
    assert all(sum(at <= other < at + MINUTE for other in times) <= 20 for at in times)
    assert line.now - EVENING < 5 * MINUTE
    digests = line.rows("select id, (select count(*) from deliveries d where d.digest_id = g.id) as n from digests g")
    assert [row["n"] for row in digests] == [
        message.document["data"]["total"] for message in desk.got if message.kind == "digest"
    ]


def test_a_digest_that_did_not_get_through_is_announced_and_taken_up_by_a_retry(line: Any, told: Any) -> None:
    desk, other = told("desk", quiet=NIGHT), told("other", health=True)
    owe(line, 2)
    line.drain(desk, other)
    line.now += 14 * MINUTE
    desk.script = [MessageRefused("too odd")]
    line.drain(desk, other)
    line.drain(desk, other)
    assert line.states()[:3] == ["digested", "digested", "dead"]
    assert "digest 1" in other.got[0].plain
    assert "communique alerts list --digest 1" in other.got[0].plain
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, match_id=2).due == 1
    line.drain(desk, other)
    assert (kinds(desk), total(desk)) == (["digest"], 2)


def test_what_waits_for_a_digest_is_sent_singly_if_a_person_names_it(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    owe(line, 3)
    line.drain(desk)
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, target="desk").due == 0
        assert retrying.retry(writer, line.now, match_id=2).due == 1
    line.drain(desk)
    assert kinds(desk) == ["match"]
    line.now += 14 * MINUTE
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["match", "digest"], 3)


def test_an_edit_after_a_digest_is_a_reply_to_it(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    post = owe(line, 1)[0]
    line.drain(desk)
    line.now += 14 * MINUTE
    line.drain(desk)
    line.match(post, kind="edited", before="the command fell")
    line.drain(desk)
    assert (desk.got[1].kind, desk.got[1].reply_to) == ("edited", "receipt 1")


def test_a_digest_lists_nothing_that_was_muted_while_it_waited(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT)
    owe(line, 2)
    owe(line, 1, start=5, rule="water")
    line.drain(desk)
    with line.archive.writing() as writer:
        mutes.add(writer, mutes.Mute("fire", None, None, None, None, line.now, line.now + HOUR, "a drill", "anna"))
    line.now += 14 * MINUTE
    line.drain(desk)
    assert (kinds(desk), total(desk)) == (["digest"], 1)
    assert sorted(line.states()) == ["digested", "sent", "silenced", "silenced"]


def test_a_suspended_target_loses_nothing_of_a_night(line: Any, told: Any) -> None:
    desk = told("desk", quiet=NIGHT, script=[Never("blocked")])
    owe(line, 1, priority="high")
    owe(line, 3, start=5)
    line.drain(desk)
    line.now += 14 * MINUTE
    line.drain(desk)
    with line.archive.writing() as writer:
        retrying.retry(writer, line.now, target="desk")
    line.drain(desk)
    assert total(desk) == 4
    assert json.loads(line.rows()[-1]["payload"]) == {"digest": 1}
