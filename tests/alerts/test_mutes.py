"""Mutes as people make them, on posts and messages as they come."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.config import Config, load
from bot.config.environment import Environment
from bot.daemon.renaming import follow_names
from bot.listing.kinds import every_kind
from storage.alerts import outbox
from storage.archive.sequence import take_number
from storage.sources import clock_repair, states

HOUR = 3_600_000_000
CONFIG = """
[[terms]]
name = "place"
en = ["Taungkyar"]
[[sources]]
name = "spokesman"
kind = "replay"
path = "spokesman.jsonl"
tags = ["army", "north"]
[[sources]]
name = "rangers"
kind = "replay"
path = "rangers.jsonl"
[[targets]]
name = "desk"
kind = "console"
[[targets]]
name = "phone"
kind = "webhook"
url = "http://127.0.0.1:1/"
[[rules]]
name = "fall"
query = "command"
targets = ["desk", "phone"]
[[rules]]
name = "alarm"
query = "command"
targets = ["desk"]
priority = "max"
"""
WHY = ("--why", "an exercise", "--by", "Ada")


@dataclass
class Watch:
    """A config beside the archive; what `say` saves is decided at once, by the clock of this machine."""

    line: Any
    directory: Path

    def load(self) -> Config:
        return load(self.directory / "config.toml", Environment(), kinds=every_kind(), data_dir=self.directory / "data")

    def say(self, text: str = "the command at Taungkyar fell", number: int = 1) -> int:
        found: int = self.line.post(text, str(number))
        self.decide()
        return found

    def decide(self) -> None:
        rules = LoadedRules.of(self.load())
        with self.line.archive.writing() as writer:
            declared = [states.Declared("spokesman", "replay", ("army", "north"), "junta")]
            states.declare(writer, declared, self.line.now)
            decide.decide(writer, rules, self.line.now)

    def states(self) -> list[tuple[str, str, str]]:
        return [
            (row["rule"], row["target"], row["state"])
            for row in self.line.rows(
                "SELECT m.rule, d.target, d.state FROM deliveries d LEFT JOIN matches m ON m.id = d.match_id ORDER BY d.id"
            )
        ]

    def silenced(self) -> list[tuple[str, str]]:
        return [(rule, target) for rule, target, state in self.states() if state == "silenced"]


@pytest.fixture
def watch(line: Any, tmp_path: Path, run: Any) -> Watch:
    """Rules are loaded and first contact is over; the clock is that of the commands."""
    import time

    (tmp_path / "config.toml").write_text(CONFIG)
    line.now = time.time_ns() // 1000
    watch = Watch(line, tmp_path)
    with line.archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay", ("army", "north"), "junta")], line.now)
        writer.execute(f"UPDATE sources SET first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}")
        LoadedRules.of(watch.load()).declare(writer, line.now)
    return watch


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (("--rule", "fall"), [("fall", "desk"), ("fall", "phone")]),
        (("--source", "spokesman"), [("fall", "desk"), ("fall", "phone")]),
        (("--source", "rangers"), []),
        (("--tag", "north"), [("fall", "desk"), ("fall", "phone")]),
        (("--query", "@place NOT bridge"), [("fall", "desk"), ("fall", "phone")]),
        (("--query", "bridge"), []),
        (("--target", "phone"), [("fall", "phone")]),
        (("--rule", "alarm"), []),
        (("--rule", "alarm", "--even-max"), [("alarm", "desk")]),
        (("--rule", "fall", "--target", "desk", "--source", "spokesman"), [("fall", "desk")]),
        (("--rule", "fall", "--source", "rangers"), []),
    ],
)
def test_a_mute_holds_what_fits_everything_that_was_given(
    watch: Watch, run: Any, given: tuple[str, ...], held: list[tuple[str, str]]
) -> None:
    assert run("mute", *given, "--for", "2h", *WHY)[0] == 0
    watch.say()
    assert sorted(watch.silenced()) == held
    assert len(watch.states()) == 3
    assert [mute["held"] for mute in json.loads(run("mutes", "--json")[1])] == [len(held)]


def test_a_mute_that_holds_nothing_of_a_rule_that_is_max_says_so(watch: Watch, run: Any) -> None:
    heard = [run("mute", *given, "--for", "2h", *WHY)[2] for given in (
        ("--rule", "alarm"), ("--rule", "alarm", "--even-max"), ("--rule", "fall")
    )]  # fmt: skip
    assert heard == [
        "warning: alerts of rule alarm have priority max and are still sent; --even-max holds them\n",
        "",
        "",
    ]


def test_edits_and_deletions_are_held_too_and_what_comes_after_the_end_is_not(watch: Watch, run: Any) -> None:
    run("mute", "--rule", "fall", "--target", "desk", "--for", "2h", *WHY)
    watch.say("the command at Taungkyar fell")
    watch.say("the command at Taungkyar did not fall")
    watch.line.now += 3 * HOUR
    watch.say("the command fell again")
    kinds = watch.line.rows("SELECT kind, state FROM deliveries WHERE target = 'desk' AND priority = 2 ORDER BY id")
    assert [(row["kind"], row["state"]) for row in kinds] == [
        ("match", "silenced"),
        ("edited", "silenced"),
        ("edited", "pending"),
    ]


def test_what_waits_when_a_mute_begins_is_held_when_its_turn_comes_and_the_rest_is_sent(
    watch: Watch, run: Any, told: Any
) -> None:
    for number in range(150):
        watch.say(f"command {number} of the north fell", number)
    run("mute", "--rule", "fall", "--query", "NOT command NEAR/1 7", "--for", "2h", *WHY)
    with watch.line.archive.writing() as writer:
        outbox.announce(writer, ["phone"], "source x", "it broke", watch.line.now)
    with watch.line.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET reason = 'no answer' WHERE target = 'phone'")
    phone = told("phone", per_minute=5)
    watch.line.drain(phone)
    assert watch.line.rows("SELECT 1 FROM deliveries WHERE state = 'silenced' AND reason IS NOT NULL") == []
    assert sorted(len(message.text) > 0 for message in phone.got) == [True, True], "of 151, two go out"
    assert any("7 of the north" in message.text for message in phone.got)
    assert any("it broke" in message.text for message in phone.got), "no mute holds news of the program itself"
    assert [row["state"] for row in watch.line.rows("SELECT state FROM deliveries WHERE target = 'phone'")].count(
        "silenced"
    ) == 149
    assert {row["attempts"] for row in watch.line.rows("SELECT attempts FROM deliveries WHERE state = 'silenced'")} == {
        0
    }


def test_a_person_sends_what_was_held_even_while_the_mute_lasts(watch: Watch, run: Any, told: Any) -> None:
    run("mute", "--target", "phone", "--for", "2h", *WHY)
    watch.say()
    [alert] = json.loads(run("list", "--state", "silenced", "--json")[1])
    assert [(sent["target"], sent["state"], sent["mute"]) for sent in alert["deliveries"]] == [
        ("desk", "pending", None),
        ("phone", "silenced", "1"),
    ]
    assert "held by mute 1 of target phone, by Ada: an exercise" in run("why", alert["id"])[1]
    code, out, _ = run("retry", "--mute", "1")
    assert (code, out) == (0, "1 message queued again\n")
    phone = told("phone")
    watch.line.drain(phone)
    assert len(phone.got) == 1
    assert run("retry", "--mute", "1")[0] == 3
    assert run("retry", "--mute", "2")[0] == 3
    assert run("retry", "--mute", "1", "--dead")[0] == 2


def test_one_alert_is_sent_by_its_number(watch: Watch, run: Any) -> None:
    run("mute", "--rule", "fall", "--for", "2h", *WHY)
    watch.say()
    run("retry", "--dead")
    assert len(watch.silenced()) == 2
    [alert] = json.loads(run("list", "--rule", "fall", "--json")[1])
    assert run("retry", alert["id"])[1] == "2 messages queued again\n"
    assert watch.silenced() == []


def test_a_mute_ends_early_by_a_person_and_what_it_held_stays_silenced(watch: Watch, run: Any) -> None:
    run("mute", "--rule", "fall", "--for", "2h", *WHY)
    watch.say()
    code, out, said = run("unmute", "1", "--by", "Zaw")
    assert (code, out) == (0, "mute 1 has ended: rule fall\n")
    assert "it has held 2 messages; `communique alerts retry --mute 1`" in said
    watch.line.now += HOUR // 2
    watch.say("another command fell", 2)
    assert len(watch.silenced()) == 2
    assert run("mutes", "--json")[1].strip() == "[]"
    [mute] = json.loads(run("mutes", "--all", "--json")[1])
    assert (mute["active"], mute["ended_by"], mute["by"], mute["held"]) == (False, "Zaw", "Ada", 2)
    code, _, said = run("unmute", "1")
    assert (code, said) == (3, "mute 1 is over already: rule fall\n")
    assert run("unmute", "7")[0] == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--for", "2h", "--why", "so"), "say what to mute"),
        (("--rule", "fal", "--for", "2h", "--why", "so"), 'there is no rule fal in the config; did you mean "fall"?'),
        (("--source", "spokesmann", "--for", "2h", "--why", "so"), "spokesman"),
        (("--tag", "armyy", "--for", "2h", "--why", "so"), "army"),
        (("--target", "fone", "--for", "2h", "--why", "so"), "there is no target fone"),
        (("--rule", "fall", "--for", "8d", "--why", "so"), "a mute lasts 7d at most, not 8d"),
        (("--rule", "fall", "--for", "0s", "--why", "so"), "7d at most"),
        (("--rule", "fall", "--for", "soon", "--why", "so"), "expected a duration"),
        (("--rule", "fall", "--for", "2h"), "--why"),
        (("--rule", "fall", "--for", "2h", "--why", " "), "say why"),
        (("--rule", "fall", "--why", "so"), "--for"),
        (("--rule", "fall", "--rule", "alarm", "--for", "2h", "--why", "so"), "Give --rule once"),
        (("--query", "bridge AND (", "--for", "2h", "--why", "so"), "\n  bridge AND (\n             ^"),
    ],
)
def test_a_mute_that_cannot_be_meant_is_refused(watch: Watch, run: Any, given: tuple[str, ...], words: str) -> None:
    code, _, said = run("mute", *given)
    assert code == 2
    assert words in said
    assert run("mutes", "--all", "--json")[1].strip() == "[]"


def test_words_of_a_mute_act_on_no_terminal_and_on_no_spreadsheet(watch: Watch, run: Any) -> None:
    hostile = "=cmd|' /C calc'!A0\x1b[2J\u202e\nsecond line"
    run("mute", "--rule", "fall", "--for", "2h", "--why", hostile, "--by", "@\x1b]0;x\x07Eve")
    watch.say()
    [alert] = json.loads(run("list", "--rule", "fall", "--json")[1])
    for words in (("mutes",), ("why", alert["id"]), ("mutes", "--csv"), ("mutes", "--all"), ("unmute", "1")):
        out = run(*words)[1]
        assert not {"\x1b", "\x07", "\u202e"} & set(out), words
    [row] = csv.DictReader(io.StringIO(run("mutes", "--all", "--csv")[1]))
    assert row["why"].startswith("'=")
    [mute] = json.loads(run("mutes", "--all", "--json")[1])
    assert mute["why"] == hostile


def test_a_mute_follows_renamed_entries_and_a_clock_that_is_set(watch: Watch, run: Any) -> None:
    run("mute", "--rule", "fall", "--source", "spokesman", "--target", "desk", "--for", "2h", *WHY)
    watch.say()
    renamed = CONFIG.replace('name = "fall"', 'name = "downfall"\nwas = "fall"').replace('"desk"', '"table"')
    renamed = renamed.replace('name = "table"', 'name = "table"\nwas = "desk"')
    (watch.directory / "config.toml").write_text(renamed)
    with watch.line.archive.writing() as writer:
        follow_names(writer, watch.load(), LoadedRules.of(watch.load()))
        clock_repair.repair_times(writer, watch.line.now - 24 * HOUR, -24 * HOUR)
    watch.line.now -= 24 * HOUR
    watch.say("another command fell", 2)
    [mute] = watch.line.rows("SELECT rule, target, until FROM mutes")
    assert (mute["rule"], mute["target"]) == ("downfall", "table")
    assert watch.silenced() == [("downfall", "table")] * 2


def test_the_status_shows_what_is_muted_and_how_much_that_held(watch: Watch, run: Any, program: Any) -> None:
    run("mute", "--rule", "fall", "--for", "2h", *WHY)
    watch.say()
    run("mute", "--target", "desk", "--for", "1h", "--why", "x\x1b[2J", "--even-max")
    out = program("status")[1]
    assert "(2 messages held; mute 1, by Ada: an exercise)" in out
    assert "muted       target desk, even max until " in out
    assert "\x1b" not in out
    assert [mute["rule"] for mute in json.loads(program("status", "--json")[1])["mutes"]] == ["fall", None]


def test_a_mute_that_is_no_number_is_refused_with_the_way_to_find_one(watch: Watch, run: Any) -> None:
    code, _, said = run("unmute", "x")
    assert code == 2
    assert "`communique alerts mutes` shows them" in said
