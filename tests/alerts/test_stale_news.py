"""What was published while its source was blind comes as one digest, once it is all here."""

import json
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.digests.due import DigestPlan
from bot.alerts.loaded_rules import LoadedRules
from bot.config.model import Config, EventsConfig, RuleConfig
from storage.alerts import mutes, outbox, stale
from storage.alerts.mutes import Mute
from storage.archive.sequence import take_number
from storage.records import LedgerChange, NewGap
from storage.sources import clock_repair, gaps, states

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Watching:
    """A source that is polled every two minutes, rules that look at what it brings, and a target named desk."""

    def __init__(self, line: Any, directory: Any) -> None:
        self.line = line
        rules = tuple(
            RuleConfig(name=name, query=query, priority=priority, targets=("desk",))  # type: ignore[arg-type]
            for name, query, priority in (("fire", "command", "default"), ("alarm", "urgent", "high"))
        )
        apart = EventsConfig(enabled=False)  # the posts of a test have the same words
        config = Config(path=None, directory=directory, data_dir=directory, rules=rules, events=apart)
        self.rules, self.plan = LoadedRules.of(config), DigestPlan.of(config)
        with line.archive.writing() as writer:
            states.declare(writer, [states.Declared("spokesman", "replay", (), "junta")], line.now)
            writer.execute(
                f"update sources set first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}"
            )
            self.rules.declare(writer, line.now)

    def round(self, outcome: str = "ok", *, every: int = 2 * MINUTE) -> None:
        """A round ends."""
        with self.line.archive.writing() as writer:
            states.settle(
                writer, 1, outcome=outcome, detail=None, now=self.line.now, next_poll_at=self.line.now + every,
                hold_until=None, failures=0, posts=0,
            )  # fmt: skip

    def find(self, native_id: str, text: str = "", *, ago: int = 0, **more: Any) -> int:
        """A post that was published so long ago is collected and decided."""
        text = text or f"the command fell for time {native_id}"
        found: int = self.line.post(text, native_id, posted_at=self.line.now - ago, **more)
        self.decide()
        return found

    def decide(self) -> None:
        with self.line.archive.writing() as writer:
            decide.decide(writer, self.rules, self.line.now)

    def make(self) -> int:
        with self.line.archive.writing() as writer:
            return self.plan.make_due(writer, self.line.now) if self.plan.is_due(writer, self.line.now) else 0


@pytest.fixture
def watching(line: Any, tmp_path: Any) -> Watching:
    """A source that was watched for an hour and then not for eight; now it can be reached again."""
    watching = Watching(line, tmp_path)
    for _ in range(30):
        watching.round()
        line.now += 2 * MINUTE
    watching.round()
    line.now += 8 * HOUR
    return watching


def test_what_was_missed_comes_as_one_digest_that_names_the_stretch(
    watching: Watching, line: Any, deliver: Any, sink: Any
) -> None:
    blind_from = line.now - 8 * HOUR
    for number in range(3):
        watching.find(str(number), ago=(7 - number) * HOUR)
    watching.find("3", "urgent: the bridge fell", ago=2 * HOUR)
    watching.find("4", ago=5 * MINUTE)
    deliver(kind="webhook", url=sink.url)
    singles = [body["data"] for _, body in sink.received]  # two posts go at once: either may come first
    assert sorted((one["rule"], one["post"]["native_id"], one["late"]) for one in singles) == [
        ("alarm", "3", True),
        ("fire", "4", False),
    ]
    assert watching.make() == 0  # the round has not ended
    watching.round()
    assert watching.make() == 1
    deliver(kind="webhook", url=sink.url)
    data = sink.received[-1][1]["data"]
    assert (data["kind"], data["total"]) == ("late", 3)
    assert [post["native_id"] for post in data["posts"]] == ["0", "1", "2"]
    [stretch] = data["stretches"]
    assert (stretch["source"], stretch["to"]) == ("spokesman", data["window"]["to"])
    assert stretch["from"] == data["window"]["from"] == "2025-11-22T09:26:40Z"
    assert blind_from == 1_763_803_600_000_000
    assert watching.make() == 0
    assert len(sink.received) == 3


def test_the_digest_says_in_words_when_the_source_was_blind(
    watching: Watching, line: Any, deliver: Any, telegram: Any, bot_api: Any
) -> None:
    watching.find("1", ago=3 * HOUR)
    watching.round()
    watching.make()
    deliver(**telegram)
    lines = bot_api.said[0].text.splitlines()
    assert lines[0] == "missed while blind: 1 alert about 1 post"
    assert lines[3] == "spokesman was blind from 2025-11-22 15:56 to 2025-11-22 23:56"
    assert lines[5] == "fire · spokesman · 2025-11-22 20:56, collected 2025-11-22 23:56"


def test_nothing_is_sent_before_the_stretch_is_filled_but_after_an_hour_it_is(
    watching: Watching, line: Any, run: Any
) -> None:
    with line.archive.writing() as writer:
        gaps.apply_change(writer, 1, LedgerChange(opened=(NewGap("missed", low=1, high=9, alerts=True),)), line.now)
    watching.find("9", ago=2 * HOUR)
    watching.round()
    assert watching.make() == 0
    [waiting] = json.loads(run("list", "--undelivered", "--json")[1])
    assert waiting["reason"].startswith("missed while its source was blind")
    assert waiting["until"] == "2025-11-22T18:26:40Z"
    line.now += 59 * MINUTE
    assert watching.make() == 0
    line.now += MINUTE
    assert watching.make() == 1
    assert line.states() == ["digested", "pending"]


def test_a_file_with_history_that_was_asked_for_holds_nothing_up(watching: Watching, line: Any) -> None:
    with line.archive.writing() as writer:
        gaps.apply_change(writer, 1, LedgerChange(opened=(NewGap("backfill", high=9),)), line.now)
    watching.find("9", ago=2 * HOUR)
    watching.round()
    assert watching.make() == 1


def test_what_is_found_late_though_its_source_was_watched_comes_singly(
    watching: Watching, line: Any, deliver: Any, sink: Any
) -> None:
    for _ in range(30):
        watching.round()
        line.now += 2 * MINUTE
    watching.find("1", ago=50 * MINUTE)  # the source shows only now what it published then
    deliver(kind="webhook", url=sink.url)
    assert [(body["type"], body["data"]["late"]) for _, body in sink.received] == [("match", True)]


def test_a_source_that_is_polled_rarely_was_not_blind(watching: Watching, line: Any) -> None:
    watching.round(every=3 * HOUR)
    line.now += 3 * HOUR
    watching.find("1", ago=2 * HOUR)  # by a round that has not ended
    assert line.rows()[0]["held"] == "late"
    watching.round(every=3 * HOUR)
    assert watching.make() == 1
    assert line.rows()[0]["held"] is None
    assert line.states() == ["pending"]


def test_what_was_published_before_the_source_was_ever_watched_is_not_missed(watching: Watching, line: Any) -> None:
    watching.find("1", ago=300 * DAY)
    assert line.rows()[0]["held"] is None


def test_a_clock_that_is_set_a_year_ahead_makes_nothing_stale(watching: Watching, line: Any) -> None:
    watching.round()
    line.now += 365 * DAY
    with line.archive.writing() as writer:
        clock_repair.repair_times(writer, line.now, 365 * DAY)
    watching.find("1", ago=365 * DAY - 1)
    assert line.rows()[0]["held"] is None


def test_an_edit_of_what_waits_is_in_the_same_digest(watching: Watching, line: Any, deliver: Any, sink: Any) -> None:
    watching.find("1", ago=2 * HOUR)
    line.now += MINUTE
    watching.find("1", "the command stands", ago=2 * HOUR)
    watching.round()
    assert watching.make() == 1
    deliver(kind="webhook", url=sink.url)
    [(_, body)] = sink.received
    assert body["data"]["total"] == 2
    [post] = body["data"]["posts"]
    assert [alert["kind"] for alert in post["alerts"]] == ["match", "edited"]
    assert post["edited_since"] == "2025-11-22T17:27:40Z"
    assert post["text"] == "the command stands"


def test_what_an_urgent_alert_has_to_wait_for_is_let_go(watching: Watching, line: Any) -> None:
    post = watching.find("1", ago=2 * HOUR)
    assert line.rows()[0]["held"] == "late"
    urgent = line.match(post, priority="high")  # the same rule, more urgent since the config was changed
    with line.archive.writing() as writer:
        stale.hold_stale(writer, urgent)
    assert [(row["held"], row["priority"]) for row in line.rows()] == [(None, 1), (None, 1)]


def test_what_waits_at_a_target_that_is_gone_keeps_nobody_busy(watching: Watching, line: Any) -> None:
    watching.find("1", ago=2 * HOUR)
    with line.archive.writing() as writer:
        outbox.abandon(writer, [], line.now)
    watching.round()
    with line.archive.reading() as reader:
        assert not watching.plan.is_due(reader, line.now)


def test_a_mute_holds_what_waits_for_the_digest(watching: Watching, line: Any) -> None:
    watching.find("1", ago=3 * HOUR)
    watching.find("2", "urgent: the command fell", ago=2 * HOUR)
    with line.archive.writing() as writer:
        mutes.add(writer, Mute("fire", None, None, None, None, line.now, line.now + HOUR, "an exercise", "Ada"))
    watching.round()
    assert watching.make() == 0
    states_of = {(row["match_id"], row["state"]) for row in line.rows()}
    assert (1, "silenced") in states_of
    assert line.rows("select * from digests") == []
