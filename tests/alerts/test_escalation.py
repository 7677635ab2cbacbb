"""Escalation: who is asked if nobody takes up an alert; once, and never after an acknowledgement that was stored."""

from pathlib import Path
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.config import Config, load
from bot.config.environment import Environment
from bot.config.model import EscalateConfig, RuleConfig
from bot.errors import ConfigError
from storage.alerts import claiming, deaths, retrying, target_states
from storage.answers import acks, escalations
from storage.records import Escalation
from storage.sources import clock_repair
from tests.alerts.test_answers import place

MINUTE = 60_000_000
AFTER = 10 * MINUTE


@pytest.fixture
def desk(line: Any, told: Any) -> Any:
    """The target that is alerted first; the phone is asked ten minutes later."""
    line.escalate = {"fire": Escalation(AFTER, ("phone",))}
    return told("desk")


@pytest.fixture
def phone(told: Any) -> Any:
    return told("phone")


def acknowledge(line: Any, alert: int, who: str = "anna") -> None:
    with line.archive.writing() as writer:
        acks.acknowledge(writer, alert, who, line.now)


def owed(line: Any) -> list[tuple[str, str, str | None]]:
    found = line.rows("SELECT target, state, reason FROM deliveries WHERE kind = 'escalation' ORDER BY id")
    return [(row["target"], row["state"], row["reason"]) for row in found]


def test_an_alert_that_nobody_takes_up_is_sent_once_to_who_is_asked_next(line: Any, desk: Any, phone: Any) -> None:
    line.match(line.post())
    line.drain(desk, phone)
    assert (len(desk.got), phone.got) == (1, [])
    line.now += AFTER - 1
    line.drain(desk, phone)
    assert phone.got == []
    line.now += 1
    line.drain(desk, phone)
    [message] = phone.got
    assert message.kind == "escalation"
    assert "nobody has acknowledged this for 10 min" in message.plain
    assert "the northern command fell" in message.plain
    assert message.document["type"] == "escalation"
    assert message.document["data"]["unacknowledged_s"] == 600
    for _ in range(3):
        line.now += AFTER
        line.drain(desk, phone)
    assert (len(desk.got), len(phone.got)) == (1, 1), "never in a chain"


def test_an_acknowledgement_in_time_leaves_the_phone_silent(line: Any, desk: Any, phone: Any, program: Any) -> None:
    alert = line.match(line.post())
    line.drain(desk, phone)
    acknowledge(line, alert)
    assert owed(line) == [("phone", "silenced", "acknowledged by anna")]
    assert "desk: sent, phone (escalation): silenced; acknowledged by anna" in program("alerts", "list")[1]
    assert "phone (escalation) silenced" in program("alerts", "why", str(alert))[1]
    line.now += 2 * AFTER
    line.drain(desk, phone)
    assert phone.got == []


def test_an_acknowledgement_before_the_first_message_prevents_it(line: Any, desk: Any, phone: Any) -> None:
    acknowledge(line, line.match(line.post()))
    line.drain(desk, phone)
    assert (len(desk.got), owed(line)) == (1, [])


def test_the_acknowledgement_of_a_copy_or_of_another_rule_counts(line: Any, desk: Any, phone: Any) -> None:
    first, copy = line.post(native_id="1"), line.post(native_id="2")
    line.match(first)
    other = line.match(copy, ("desk",), rule="other rule")
    place(line, first, first, copy)
    line.drain(desk, phone)
    acknowledge(line, other, "boris")
    assert owed(line) == [("phone", "silenced", "acknowledged by boris")]


def test_an_event_escalates_once_for_a_rule_however_many_of_its_copies_ring(line: Any, desk: Any, phone: Any) -> None:
    first, copy = line.post(native_id="1"), line.post(native_id="2")
    line.match(first)
    line.match(copy)
    place(line, first, first, copy)
    line.drain(desk, phone)
    line.now += AFTER
    line.match(copy, kind="edited", word="northern")
    line.match(copy, kind="deleted")
    line.drain(desk, phone)
    line.now += AFTER
    line.drain(desk, phone)
    assert (len(desk.got), len(phone.got)) == (4, 1)


def test_the_time_runs_from_the_first_attempt_even_if_it_fails(line: Any, desk: Any, phone: Any, later: Any) -> None:
    desk.script = [later("down")] * 30
    line.match(line.post())
    line.drain(desk, phone)
    line.now += AFTER
    line.drain(desk, phone)
    assert (desk.got, len(phone.got)) == ([], 1)


def test_what_was_never_sent_singly_does_not_escalate(line: Any, desk: Any, phone: Any) -> None:
    for state, number in (("silenced", "1"), ("digested", "2"), ("joined", "3")):
        alert = line.match(line.post(native_id=number))
        with line.archive.writing() as writer:
            writer.execute("UPDATE deliveries SET state = :state WHERE match_id = :id", {"state": state, "id": alert})
    line.drain(desk, phone)
    assert (desk.got, owed(line)) == ([], [])


def test_who_got_the_alert_can_be_asked_again(line: Any, desk: Any) -> None:
    line.escalate = {"fire": Escalation(AFTER, ("desk",))}
    line.match(line.post())
    line.drain(desk)
    line.now += AFTER
    line.drain(desk)
    assert [message.kind for message in desk.got] == ["match", "escalation"]


def test_an_acknowledgement_while_an_attempt_failed_ends_it(line: Any, desk: Any, phone: Any, later: Any) -> None:
    phone.script = [later("down")] * 9
    alert = line.match(line.post())
    line.drain(desk, phone)
    line.now += AFTER
    line.drain(desk, phone)
    assert owed(line)[0][1] == "pending"
    acknowledge(line, alert)
    line.now += AFTER
    line.drain(desk, phone)
    assert (phone.tried, owed(line)) == (1, [("phone", "silenced", "acknowledged by anna")])


def test_a_death_between_any_two_steps_neither_loses_nor_repeats_it(line: Any, desk: Any, phone: Any) -> None:
    alert = line.match(line.post())
    with line.archive.writing() as writer:  # what the outbox does as it claims, and then it is killed
        claimed = claiming.claim(writer, "desk", line.now)
        assert claimed is not None
        escalations.start_clock(writer, alert, line.escalate, line.now)
    with line.archive.writing() as writer:
        deaths.settle_death(writer, line.now)
    line.drain(desk, phone)
    assert owed(line) == [("phone", "pending", None)]
    line.now += AFTER
    with line.archive.writing() as writer:  # the phone is being asked, and the program is killed
        assert claiming.claim(writer, "phone", line.now) is not None
    acknowledge(line, alert)  # too late for that attempt, in time for the next
    with line.archive.writing() as writer:
        deaths.settle_death(writer, line.now)
    line.drain(desk, phone)
    assert (phone.got, owed(line)) == ([], [("phone", "silenced", "acknowledged by anna")])


def test_what_waits_for_its_time_is_not_hurried(line: Any, desk: Any, phone: Any) -> None:
    line.match(line.post())
    line.drain(desk, phone)
    with line.archive.writing() as writer:
        target_states.make_due(writer, "phone", line.now)
        retrying.retry(writer, line.now, target="phone")
        clock_repair.repair_times(writer, line.now)
    line.drain(desk, phone)
    assert phone.got == []
    with line.archive.writing() as writer:  # the clock was a year ahead when it was owed
        writer.execute(f"UPDATE deliveries SET not_before = not_before + {365 * 24 * 60 * MINUTE}")
        clock_repair.repair_times(writer, line.now)
    line.now += AFTER
    line.drain(desk, phone)
    assert len(phone.got) == 1


def test_what_only_suspended_targets_would_get_escalates_from_the_match_on(line: Any, tmp_path: Path) -> None:
    escalate = EscalateConfig(after="10m", targets=("phone",))  # type: ignore[arg-type]
    rule = RuleConfig(name="fire", query="command", targets=("desk",), escalate=escalate)
    rules = LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,)))
    with line.archive.writing() as writer:
        rules.declare(writer, line.now)
    for number in "12":
        line.post(f"the command fell in village {number}, says number {number}", number)
        with line.archive.writing() as writer:
            decide.decide(writer, rules, line.now)
            target_states.mark_target(writer, "desk", "parked", "blocked", line.now)
    assert [row["escalates"] for row in line.rows() if row["kind"] == "escalation"] == [2]
    assert line.rows()[-1]["not_before"] == line.now + AFTER


CONFIG = """
[[targets]]
name = "desk"
kind = "console"
[[targets]]
name = "phone"
kind = "console"
[[rules]]
name = "fire"
query = "fire"
targets = ["desk"]
escalate = {{ after = {after}, targets = {targets} }}
"""


def problems(tmp_path: Path, after: str, targets: str) -> list[str]:
    from bot.listing.kinds import every_kind

    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(after=after, targets=targets))
    try:
        return list(load(path, Environment(), kinds=every_kind()).warnings)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


def test_the_config_names_targets_that_exist(tmp_path: Path) -> None:
    assert problems(tmp_path, '"10m"', '["phone"]') == []
    [problem] = problems(tmp_path, '"10m"', '["phoen"]')
    assert 'there is no target "phoen"' in problem
    assert "phone" in problem.replace("phoen", "")
    assert len(problems(tmp_path, '"10m"', "[]")) == 1
    assert len(problems(tmp_path, '"0s"', '["phone"]')) == 1
