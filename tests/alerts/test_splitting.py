"""What was joined by mistake is sent after `events split`."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.config import load
from bot.config.environment import Environment
from bot.listing.kinds import every_kind
from storage.archive.sequence import take_number
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

DAY = 24 * 3_600_000_000
NAMES = ("spokesman", "rangers", "north")
CONFIG = """
[[targets]]
name = "desk"
kind = "console"
[[targets]]
name = "phone"
kind = "console"
[[rules]]
name = "fall"
query = "command"
targets = ["desk", "phone"]
[[rules]]
name = "place"
query = "Taungkyar"
targets = ["desk"]
"""


@pytest.fixture
def posts(line: Any, tmp_path: Path, request: pytest.FixtureRequest) -> list[int]:
    """The same words three times, decided one by one; the clock is that of the commands, less some days."""
    (tmp_path / "config.toml").write_text(CONFIG)
    line.now = time.time_ns() // 1000 - getattr(request, "param", 0) * DAY
    with line.archive.writing() as writer:
        states.declare(writer, [states.Declared(name, "replay", ()) for name in NAMES], line.now)
        writer.execute(f"UPDATE sources SET first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}")
        load_rules(tmp_path).declare(writer, line.now)
    return say_all(line, tmp_path, "the northern command at Taungkyar fell to our men this morning")


def load_rules(directory: Path) -> LoadedRules:
    config = load(directory / "config.toml", Environment(), kinds=every_kind(), data_dir=directory / "data")
    return LoadedRules.of(config)


def say_all(line: Any, directory: Path, text: str) -> list[int]:
    """Each source says it, or corrects to it what it has said."""
    rules = load_rules(directory)
    found: list[int] = []
    for name in NAMES:
        post = FetchedPost(native_id="1", raw=Raw(name.encode(), "text/plain"), text=text, posted_at=line.now)
        with line.archive.writing() as writer:
            source = states.find_source(writer, name)
            assert source is not None
            saved = saving.save(writer, source.id, Batch(posts=(post,)), now=line.now, method="test", alerts=True)
            decide.decide(writer, rules, line.now)
        found += saved.new
    return found


def told(line: Any, post: int) -> list[tuple[str, str, str]]:
    return [
        (row["rule"], row["target"], row["state"])
        for row in line.rows(
            "SELECT m.rule, d.target, d.state FROM deliveries d JOIN matches m ON m.id = d.match_id"
            f" WHERE m.post_id = {post} ORDER BY m.rule, d.target"
        )
    ]


def alert_of(line: Any, post: int) -> str:
    [row] = line.rows(f"SELECT id FROM matches WHERE post_id = {post} AND rule = 'fall' AND kind = 'match'")
    return str(row["id"])


def of(state: str) -> list[tuple[str, str, str]]:
    return [("fall", "desk", state), ("fall", "phone", state), ("place", "desk", state)]


def test_what_was_joined_to_the_wrong_event_is_sent_after_the_split(program: Any, line: Any, posts: list[int]) -> None:
    _, copy, _ = posts
    assert [told(line, post) for post in posts] == [of("pending"), of("joined"), of("joined")]
    code, out, _ = program("events", "split", str(copy), "--by", "Ada")
    assert (code, out) == (0, f"post {copy} is an event of its own\n3 alerts that were joined are sent now\n")
    assert [told(line, post) for post in posts] == [of("pending"), of("pending"), of("joined")]
    assert not any(row["settled_at"] for row in line.rows("SELECT * FROM deliveries WHERE state = 'pending'"))


@pytest.mark.parametrize("posts", [2], indirect=True)
def test_what_was_joined_days_ago_is_sent_only_by_its_number(program: Any, line: Any, posts: list[int]) -> None:
    _, copy, third = posts
    alert = alert_of(line, copy)
    assert program("events", "split", str(copy))[1] == f"post {copy} is an event of its own\n"
    assert told(line, copy) == of("joined")
    assert f"`communique alerts retry {alert}` sends it" in program("alerts", "why", alert)[1]
    assert program("alerts", "retry", "--target", "phone")[0] == 0
    assert told(line, copy) == of("joined")
    assert program("alerts", "retry", alert)[1] == "2 messages queued again\n"
    assert told(line, copy) == [("fall", "desk", "pending"), ("fall", "phone", "pending"), ("place", "desk", "joined")]
    assert program("alerts", "retry", alert_of(line, third), "--target", "desk")[1] == "1 message queued again\n"


def test_what_was_said_of_edits_is_sent_with_the_post_and_the_old_event_is_named(
    program: Any, line: Any, posts: list[int], tmp_path: Path
) -> None:
    first, copy, third = posts
    say_all(line, tmp_path, "the northern command at Taungkyar fell to our men this night")
    assert [state for *_, state in told(line, copy)] == ["joined"] * 6
    program("events", "split", str(copy), "--by", "Ada")
    assert [state for *_, state in told(line, copy)] == ["pending"] * 6
    assert [state for *_, state in told(line, third)] == ["joined"] * 6
    assert f"split from event {first} " in program("alerts", "why", alert_of(line, copy))[1]
    assert "split" not in program("alerts", "why", alert_of(line, third))[1]


def test_an_empty_name_is_refused_and_splits_nothing(program: Any, line: Any, posts: list[int]) -> None:
    for words in (("split", str(posts[1])), ("join", str(posts[0]), str(posts[1]))):
        code, _, said = program("events", *words, "--by", " ")
        assert code == 2
        assert "the name is empty" in said
    assert program("alerts", "ack", alert_of(line, posts[0]), "--by", "")[0] == 2
    assert line.rows("SELECT * FROM event_corrections") == []


def test_a_rule_that_does_not_exist_is_found_nowhere(program: Any, posts: list[int]) -> None:
    for form in ((), ("--json",)):
        code, _, said = program("events", "list", "--rule", "fal", *form)
        assert code == 3
        assert "warning: there is no rule fal" in said
        assert program("events", "list", "--rule", "fall", *form)[0] == 0


def test_a_spreadsheet_of_alerts_shows_the_state_of_each_message(program: Any, posts: list[int]) -> None:
    rows = list(csv.DictReader(io.StringIO(program("alerts", "list", "--rule", "fall", "--csv")[1])))
    assert [row["delivered"] for row in rows] == ["desk: joined|phone: joined"] * 2 + ["desk: pending|phone: pending"]
    assert rows[0]["deliveries"] == "desk|phone"
