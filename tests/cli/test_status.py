import csv
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.status.command import describe_watch
from bot.clock import HOUR, MINUTE
from bot.daemon.judging import DaemonState, find_problems, judge_space
from bot.documents.charts import draw_bar, draw_sparkline
from bot.listing.status import find_warnings
from bot.listing.times import Zone
from storage.alerts import target_states
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedPost, LedgerChange, Raw
from storage.status import ArchiveStatus, Queue, TargetStanding, Watch, measure_lags

Program = Callable[..., subprocess.CompletedProcess[str]]
NOW = 1_762_000_000_000_000
RUNNING = DaemonState(running=True, pid=7)
QUIET = tuple(Queue(name, 0, None) for name in ("decide", "recheck", "outbox", "dead", "given_up", "quarantine"))


def standing(*watches: Watch, **oldest: int) -> ArchiveStatus:
    queues = tuple(Queue(queue.name, 1, oldest[queue.name]) if queue.name in oldest else queue for queue in QUIET)
    return ArchiveStatus(watches, (), queues, (), (), NOW)


def watch(name: str = "spokesman", state: str = "ok", *, since: int = NOW - HOUR, due: int = NOW + MINUTE) -> Watch:
    return Watch(name, "feed", state=state, state_since=since, next_poll_at=due)


def test_a_source_that_publishes_nothing_is_not_ill(program: Program) -> None:
    silent = Watch("quiet", "feed", state="ok", last_post_at=NOW - 400 * HOUR, next_poll_at=NOW + MINUTE)
    assert find_problems(standing(silent), RUNNING, NOW) == ()


def test_one_failing_source_among_others_is_not_ill_health_but_all_of_them_are() -> None:
    failing = watch("broken", "failing")
    assert find_problems(standing(watch(), failing), RUNNING, NOW) == ()
    assert find_problems(standing(failing), RUNNING, NOW) == ("no source answers",)


def test_no_answer_since_the_start_is_ill_health_at_once_and_later_only_if_it_lasts() -> None:
    def deaf(*watches: Watch, started: int = NOW - MINUTE) -> bool:
        return "no source answers" in find_problems(standing(*watches), replace(RUNNING, since=started), NOW)

    broken, new = watch("broken", "failing", since=NOW - MINUTE), Watch("new", "feed", next_poll_at=NOW)
    assert deaf(broken, replace(broken, last_ok_at=NOW - HOUR))
    assert not deaf(broken, replace(broken, last_ok_at=NOW - MINUTE))
    assert not deaf(broken, new), "it has not been asked yet"
    assert deaf(broken, new, started=NOW - 4 * MINUTE)
    assert deaf(new, started=NOW - 4 * MINUTE)
    assert not deaf(broken, watch(), started=NOW - 4 * MINUTE)


def test_a_daemon_that_does_not_run_or_does_not_ask_is_ill_health() -> None:
    assert find_problems(standing(watch()), DaemonState(running=False, pid=None), NOW) == ("no daemon is running",)
    assert find_problems(standing(watch()), DaemonState(running=None, pid=None), NOW) == ()
    [problem] = find_problems(standing(watch(due=NOW - HOUR)), RUNNING, NOW)
    assert "spokesman" in problem


def test_paused_and_forgotten_sources_are_asked_for_nothing() -> None:
    paused = Watch("a", "feed", state="stopped", paused=True)
    forgotten = Watch("b", "feed", state="stopped", enabled=False)
    assert find_problems(standing(paused, forgotten), RUNNING, NOW) == ()


def test_a_message_or_a_post_that_waits_too_long_is_ill_health() -> None:
    assert find_problems(standing(watch(), outbox=NOW - 30 * MINUTE, decide=NOW - MINUTE), RUNNING, NOW) == ()
    assert len(find_problems(standing(watch(), outbox=NOW - 2 * HOUR), RUNNING, NOW)) == 1
    assert len(find_problems(standing(watch(), decide=NOW - HOUR), RUNNING, NOW)) == 1


def test_silence_is_told_apart_from_blindness() -> None:
    looked = Watch(
        "a", "feed", outcome="ok", stretch_from=NOW - HOUR, stretch_to=NOW, rounds=30, last_post_at=NOW - 9 * HOUR
    )
    assert "watched without interruption since 2025-11-01 11:26 UTC (30 rounds)" in describe_watch(looked, Zone(), NOW)
    blind = Watch("b", "feed", outcome="failing", last_ok_at=NOW - HOUR)
    assert "not watched since 2025-11-01 11:26 UTC (failing)" in describe_watch(blind, Zone(), NOW)
    assert describe_watch(Watch("c", "feed"), Zone(), NOW) == "not polled yet"


def test_before_anything_is_collected_status_says_so_to_people_and_machines(process: Program, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    told = json.loads(process("status", "--json", COMMUNIQUE_DATA_DIR=nowhere).stdout)
    assert (told["healthy"], told["sources"], told["next_steps"]) == (False, [], ["communique init"])
    assert "nothing collected yet" in told["problems"][0]
    ran = process("status", "--health", COMMUNIQUE_DATA_DIR=nowhere)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "nothing collected yet" in ran.stdout
    assert "last round  never\n" in process("status", COMMUNIQUE_DATA_DIR=nowhere).stdout


@pytest.mark.parametrize(
    ("config", "step"),
    [
        (None, "communique init"),
        ("[defaults]\n", "communique sources add ADDRESS"),
        ("[[sources]\n", "communique config check"),
        ('[[sources]]\nname = "a"\nkind = "replay"\npath = "posts.jsonl"\n', "communique run --once"),
    ],
)
def test_the_next_step_of_a_newcomer_is_one_that_works(
    inside: Program, tmp_path: Path, config: str | None, step: str
) -> None:
    if config is not None:
        (tmp_path / "config.toml").write_text(config)
    assert inside("--data-dir", "none", "status").stdout.endswith(f"\nnext: {step}\n")


def test_a_target_that_told_us_to_wait_is_a_warning_until_then() -> None:
    held = TargetStanding("desk", "ok", None, NOW, NOW + MINUTE)
    found = ArchiveStatus((), (), QUIET, (held,), (), NOW)
    assert list(find_warnings(found, NOW)) == ["target desk is rate-limited until 2025-11-01T12:27:40Z"]
    assert list(find_warnings(found, NOW + MINUTE)) == []


def test_status_names_the_daemon_the_sources_the_queues_and_the_next_step(program: Program) -> None:
    ran = program("status")
    assert ran.returncode == 0
    for words in (
        "daemon      not running",
        "spokesman  ok",
        "(3 rounds)",
        "broken  down",
        "1 item could not be read; the bytes are kept in quarantine",
        "next: communique run",
    ):
        assert words in ran.stdout


def test_health_is_an_exit_code(program: Program) -> None:
    assert program("status", "--health").returncode == 1


def test_status_in_json_holds_the_same(program: Program) -> None:
    told = json.loads(program("status", "--json").stdout)
    assert told["daemon"] == {"running": False, "pid": None, "since": None, "heartbeat_at": None}
    assert told["healthy"] is False
    [spokesman] = [source for source in told["sources"] if source["name"] == "spokesman"]
    assert spokesman["watched_since"] == "2025-11-01T12:26:40Z"
    assert spokesman["watched_rounds"] == 3
    assert spokesman["posts"] == 3
    assert told["queues"]["quarantine"]["waiting"] == 1


def test_sources_are_listed_alike_in_every_form(program: Program) -> None:
    listed = json.loads(program("sources", "list", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(program("sources", "list", "--csv").stdout)))
    assert [row["state"].partition("\\")[0] for row in rows] == ["down", "ok", "new", "ok"]
    assert set(rows[0]) == set(listed[0])
    assert {source["name"]: source["tags"] for source in listed}["spokesman"] == ["junta"]


def test_sources_of_the_config_are_listed_before_the_first_run(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[sources]]\nname = "later"\nkind = "feed"\nurl = "https://example.org/feed.xml"\n')
    ran = program("sources", "list", "--json", config=config, COMMUNIQUE_DATA_DIR=str(tmp_path / "nothing"))
    assert [(source["name"], source["state"]) for source in json.loads(ran.stdout)] == [("later", "new")]


def test_a_source_is_paused_and_goes_on(fresh: Archive, program: Program) -> None:
    place = str(fresh.path.parent)
    assert "resume spokesman" in program("sources", "pause", "spokesman", COMMUNIQUE_DATA_DIR=place).stdout
    [paused] = json.loads(program("sources", "list", "--json", COMMUNIQUE_DATA_DIR=place).stdout)
    assert paused["paused"] is True
    assert program("sources", "resume", "spokesman", COMMUNIQUE_DATA_DIR=place).returncode == 0
    [resumed] = json.loads(program("sources", "list", "--json", COMMUNIQUE_DATA_DIR=place).stdout)
    assert resumed["paused"] is False


def test_a_mistyped_source_gets_a_suggestion(fresh: Archive, program: Program) -> None:
    ran = program("sources", "pause", "spokesmen", COMMUNIQUE_DATA_DIR=str(fresh.path.parent))
    assert ran.returncode == 2
    assert 'did you mean "spokesman"?' in ran.stderr


def test_stats_draw_days_and_sources_no_wider_than_the_terminal(program: Program) -> None:
    ran = program("stats", "--since", "2025-10-31", "--until", "2025-11-02", COLUMNS="60")
    assert ran.returncode == 0
    assert max(map(len, ran.stdout.splitlines()[:3])) <= 60
    for words in ("2025-11-01  █", " 11\n", "spokesman", "1 edited, 1 deleted"):
        assert words in ran.stdout


def test_stats_in_json_have_every_day_and_source(program: Program) -> None:
    told = json.loads(
        program("stats", "--since", "2025-10-31", "--until", "2025-11-02", "--tz", "UTC", "--json").stdout
    )
    assert [(day["day"], day["posts"]) for day in told["days"]] == [
        ("2025-10-31", 0),
        ("2025-11-01", 11),
        ("2025-11-02", 0),
    ]
    assert {source["source"]: source["posts"] for source in told["sources"]}["desk"] == 3
    assert sum(language["posts"] for language in told["languages"]) == 11
    assert (told["edited"], told["deleted"]) == (1, 1)


def test_days_are_those_of_the_zone(program: Program) -> None:
    told = json.loads(
        program("stats", "--since", "2025-11-01", "--until", "2025-11-02", "--tz", "Asia/Tokyo", "--json").stdout
    )
    assert [day["posts"] for day in told["days"]] == [3, 8]


def test_bars_and_sparklines_show_the_greatest_full_and_the_least_at_all() -> None:
    assert draw_bar(10, 10, 5) == "█████"
    assert draw_bar(1, 1000, 5) == "▏"
    assert draw_bar(0, 10, 5) == ""
    assert draw_sparkline((0, 1, 4, 8), 10) == " ▁▄█"
    assert len(draw_sparkline(tuple(range(100)), 10)) == 10
    assert draw_sparkline((), 10) == ""


def test_a_full_disk_is_ill_health_although_nothing_can_be_written_about_it() -> None:
    assert len(judge_space(1 << 20)) == 1
    assert judge_space(1 << 30) == ()
    assert judge_space(None) == ()


def test_a_lag_is_that_of_the_newest_post_since_first_contact_whatever_the_kind(fresh: Archive) -> None:
    def saved(native_id: str, collected: int) -> dict[str, int]:
        post = FetchedPost(native_id, Raw(b"x", "text/plain"), "words", posted_at=NOW + int(native_id) * MINUTE)
        with fresh.writing() as writer:
            change = LedgerChange(first_contact=native_id == "0")
            saving.save(writer, 1, Batch((post,)), now=collected, method="page", alerts=True, change=change)
        with fresh.reading() as reader:
            return measure_lags(reader)

    assert saved("0", NOW + HOUR) == {}, "it was there before us"
    assert saved("1", NOW + 2 * HOUR) == {"spokesman": 119 * MINUTE}
    assert saved("121", NOW + 2 * HOUR + 3 * MINUTE) == {"spokesman": 2 * MINUTE}


def test_a_trouble_is_said_once_on_the_screen_and_wholly_to_machines(program: Program) -> None:
    shown = program("status").stdout
    assert shown.count("HTTP 500") == 1
    assert shown.count("broken") == 2  # its line, and what to do next
    told = json.loads(program("status", "--json").stdout)
    assert any(warning.startswith("source broken: ") for warning in told["warnings"])


def test_a_parked_target_is_called_suspended(fresh: Archive, inside: Program) -> None:
    with fresh.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "HTTP 404", NOW)
    ran = inside("--data-dir", str(fresh.path.parent), "status")
    assert "target desk is suspended since 2025-11-01 12:26 UTC: HTTP 404" in ran.stdout
    assert "parked" not in ran.stdout
    told = json.loads(inside("--data-dir", str(fresh.path.parent), "status", "--json").stdout)
    assert [target["state"] for target in told["targets"]] == ["parked"]
    assert "target desk is suspended since 2025-11-01T12:26:40Z: HTTP 404" in told["warnings"]
