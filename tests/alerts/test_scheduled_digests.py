"""Digests by a timetable: what came since the last one, none twice, none skipped, whoever was not running."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.alerts.digests.due import DigestPlan
from bot.alerts.digests.preview import preview
from bot.alerts.hours import read_windows
from bot.alerts.render import Rendering
from bot.contracts.message import Shows
from bot.contracts.quiet import QuietHours
from bot.contracts.timetable import read_timetable
from storage.alerts import digests
from storage.events import heard
from storage.sources import renames, states
from tests.alerts.test_command import configured

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Days:
    """A target with a digest at eight each morning in Kyiv; the clock shows what a test sets."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.plan = DigestPlan({"desk": read_timetable("daily 08:00 Europe/Kyiv")}, ZoneInfo("Asia/Yangon"))
        self.count = 0
        with line.archive.writing() as writer:
            self.plan.declare(writer, line.now)

    def match(self, **more: Any) -> None:
        self.count += 1
        self.line.match(self.line.post(f"the command says {self.count}", native_id=str(self.count)), **more)

    def make(self) -> int:
        with self.line.archive.writing() as writer:
            return self.plan.make_due(writer, self.line.now) if self.plan.is_due(writer, self.line.now) else 0

    def take(self) -> None:
        """The target takes what is on its way."""
        with self.line.archive.writing() as writer:
            writer.execute("UPDATE deliveries SET state = 'sent' WHERE kind = 'digest'")

    def listed(self) -> list[list[int]]:
        """Which alerts each digest counts."""
        return [
            [row["match_id"] for row in self.line.rows(
                f"select match_id from deliveries where id > {one['after_delivery']} and id < {one['delivery_id']}"
                " and match_id is not null order by match_id"
            )]
            for one in self.line.rows("select * from digests order by id")
        ]  # fmt: skip


@pytest.fixture
def days(line: Any) -> Days:
    line.now = 1_763_800_000_000_000  # 2025-11-22 08:26:40 UTC, 10:26:40 in Kyiv
    return Days(line)


def test_a_digest_counts_what_came_since_the_last_and_singles_come_as_before(
    days: Days, line: Any, deliver: Any, sink: Any
) -> None:
    days.match()
    line.match(line.rows("select id from posts")[0]["id"], rule="water")
    deliver(kind="webhook", url=sink.url)
    assert [body["type"] for _, body in sink.received] == ["match", "match"]
    assert days.make() == 0
    line.now += DAY
    assert days.make() == 1
    deliver(kind="webhook", url=sink.url)
    data = sink.received[-1][1]["data"]
    assert (data["kind"], data["total"], len(data["posts"])) == ("scheduled", 2, 1)
    assert data["window"] == {"from": "2025-11-22T08:26:40Z", "to": "2025-11-23T08:26:40Z"}
    assert [(one["rule"], one["alerts"]) for one in data["summary"]["by_rule"]] == [("fire", 1), ("water", 1)]
    assert data["summary"]["states"] == {"sent": 2}
    days.match()
    line.now += DAY
    days.make()
    deliver(kind="webhook", url=sink.url)
    assert sink.received[-1][1]["data"]["window"] == {"from": "2025-11-23T08:26:40Z", "to": "2025-11-24T08:26:40Z"}
    assert days.listed() == [[1, 2], [3]]


def test_an_empty_digest_says_what_was_watched(
    days: Days, line: Any, deliver: Any, telegram: Any, bot_api: Any
) -> None:
    with line.archive.writing() as writer:
        sources = [states.Declared(f"source-{number}", "replay", (), None) for number in range(14)]
        states.declare(writer, sources, line.now)
    line.now += DAY
    days.make()
    deliver(**telegram)
    assert bot_api.said[0].text.splitlines() == [
        "digest: nothing matched",
        "from 2025-11-22 08:26:40 UTC = 2025-11-22 14:56:40 Asia/Yangon",
        "to 2025-11-23 08:26:40 UTC = 2025-11-23 14:56:40 Asia/Yangon",
        "14 sources, no gap, nothing matched",
        "collected: 0 posts, 0 edits",
    ]


def test_a_digest_whose_hour_passed_while_nothing_ran_comes_once_with_its_real_window(days: Days, line: Any) -> None:
    days.match()
    line.now += 5 * DAY + HOUR
    assert (days.make(), days.make()) == (1, 0)
    [digest] = line.rows("select * from digests")
    assert digest["window_to"] - digest["window_from"] == 5 * DAY + HOUR
    assert days.listed() == [[1]]


@pytest.mark.parametrize("moved", [DAY, -DAY, -DAY - 5 * HOUR, HOUR, -HOUR])
def test_a_clock_that_is_set_lists_nothing_twice_and_skips_nothing(days: Days, line: Any, moved: int) -> None:
    for step in range(24):
        line.now += 4 * HOUR + (moved if step == 9 else 0)
        days.match()
        days.make()
        days.take()
    line.now += DAY
    days.make()
    listed = [one for digest in days.listed() for one in digest]
    assert listed == list(range(1, 25))
    windows = [(row["window_from"], row["window_to"]) for row in line.rows("select * from digests order by id")]
    assert len(set(windows)) == len(windows) >= 3
    assert all(begin < end for begin, end in windows)


def test_after_the_clock_was_set_back_the_next_digest_comes_within_a_day(days: Days, line: Any) -> None:
    line.now += 10 * DAY
    assert days.make() == 1
    days.take()
    line.now -= 9 * DAY
    days.match()
    assert days.make() == 0
    line.now += DAY
    assert days.make() == 1
    assert days.listed() == [[], [1]]


def test_a_timetable_that_is_taken_away_and_comes_back_begins_again(days: Days, line: Any) -> None:
    days.match()
    with line.archive.writing() as writer:
        DigestPlan({}, ZoneInfo("UTC")).declare(writer, line.now)
        line.now += DAY
        days.plan.declare(writer, line.now)
    days.match()
    line.now += DAY
    assert days.make() == 1
    assert days.listed() == [[2]]


def test_a_digest_and_the_place_up_to_which_it_came_are_one_transaction(days: Days, line: Any) -> None:
    days.match()
    line.now += DAY
    with suppress(KeyboardInterrupt), line.archive.writing() as writer:
        days.plan.make_due(writer, line.now)
        raise KeyboardInterrupt
    assert line.rows("select * from digests") == []
    assert days.make() == 1
    assert days.listed() == [[1]]


CONFIG = 'kind = "webhook"\nurl = "http://127.0.0.1:1/"\ndigest = "daily 08:00 Europe/Kyiv"\n'


def test_the_preview_shows_what_the_timetable_and_what_is_held_would_bring(
    days: Days, line: Any, run: Any, tmp_path: Any
) -> None:
    configured(tmp_path, CONFIG)
    days.match()
    days.match()
    with line.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET held = 'limit' WHERE id = 2")
    before = line.rows()
    code, out, err = run("preview", "desk", "--tz", "UTC")
    assert code == 0
    assert re.findall(r"(?m)^(?:due .*|held by .*|digest: .*)$", err + out) == [
        "due soon",
        "due 2025-11-23 06:00 UTC",
        "held by a limit: 1 alert about 1 post",
        "digest: 2 alerts about 2 posts",
    ]
    assert out.count("the command says 2") == 2
    body = json.loads(run("preview", "desk", "--json")[1])
    assert (body["type"], body["data"]["kind"], body["data"]["digest"]) == ("digest", "limit", None)
    assert [post["text"] for post in body["data"]["posts"]] == ["the command says 2"]
    assert line.rows() == before
    assert line.rows("select * from digests") == []


def test_the_preview_of_a_quiet_target_knows_when_its_digests_come(days: Days, line: Any) -> None:
    days.match()
    with line.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET held = 'quiet'")
    hours = QuietHours.model_validate({"from": "05:00", "to": "10:00", "zone": "UTC"})
    plan = replace(days.plan, quiet={"desk": read_windows([hours], ZoneInfo("UTC"))})
    with line.archive.reading() as reader:
        found = preview(reader, "desk", plan, Rendering(ZoneInfo("UTC")), Shows("text"), line.now)
    assert [(one.kind, one.due) for one in found] == [
        ("quiet", 1_763_805_600_000_000),  # 10:00
        ("scheduled", 1_763_892_000_000_000),  # its hour is 06:00 the next day, when it is quiet: 10:00
    ]


def test_a_preview_of_nothing_is_not_found_and_an_unknown_target_has_a_suggestion(
    line: Any, run: Any, tmp_path: Any
) -> None:
    configured(tmp_path, CONFIG)
    code, _, err = run("preview", "desk")
    assert code == 3
    assert "its timetable begins with the next `communique run`" in err
    code, _, err = run("preview", "dsek")
    assert code == run("test", "dsek")[0]
    assert "desk" in err


def test_digests_that_a_target_cannot_take_do_not_pile_up(days: Days, line: Any) -> None:
    days.match()
    line.now += DAY
    assert days.make() == 1
    line.now += DAY
    assert days.make() == 0  # the last one is still on its way
    days.take()
    assert days.make() == 1
    assert len(days.listed()) == 2


def test_a_copy_of_what_a_digest_lists_is_not_sent_again(line: Any) -> None:
    first = line.post("the northern command fell")
    line.match(first)
    with line.archive.writing() as writer:
        writer.execute(f"INSERT INTO events (id, opened_at, newest_at) VALUES ({first}, 1, 1)")
        writer.execute(f"INSERT INTO event_posts (post_id, event_id, reason, at) VALUES ({first}, {first}, 'first', 1)")
        assert len(heard.read_heard(writer, first)) == 1
        digests.make(writer, "desk", "late", (1, 2), [1], line.now)
        assert len(heard.read_heard(writer, first)) == 1
        writer.execute("UPDATE deliveries SET state = 'dead' WHERE kind = 'digest'")
        assert heard.read_heard(writer, first) == []


def test_a_renamed_target_continues_its_timetable(days: Days, line: Any) -> None:
    days.match()
    with line.archive.writing() as writer:
        renames.move_target(writer, "desk", "newsroom")
        renamed = DigestPlan({"newsroom": days.plan.timetables["desk"]}, days.plan.zone)
        renamed.declare(writer, line.now)
        line.now += DAY
        assert renamed.make_due(writer, line.now) == 1
    [digest] = line.rows("select * from digests")
    assert (digest["target"], digest["window_to"] - digest["window_from"]) == ("newsroom", DAY)
    assert days.listed() == [[1]]
