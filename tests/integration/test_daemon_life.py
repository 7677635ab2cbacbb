"""The daemon as its owner meets it: one instance, ordered stop, reload, and one bad source that hurts no other."""

import json
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bot.world import Faults, run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import FRAME, SOURCE, config, world_of


def _told(sink: Sink, wanted: int) -> bool:
    return len(sink.ids()) >= wanted


def _has_started(desk: Desk, times: int) -> bool:
    return desk.said().count("Ctrl-C stops") == times


def test_a_second_daemon_is_refused_and_told_who_runs(desk: Desk, sink: Sink, until: Until) -> None:
    with run_in_thread(world_of("spokesman_office")) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        second = desk.run("run", "--once", code=75)
        assert str(daemon.pid) in second.stderr
        assert "Traceback" not in second.stderr
        desk.stop()
        desk.run("run", "--once")


def test_ctrl_c_stops_in_order_with_its_own_exit_code(desk: Desk, sink: Sink, until: Until) -> None:
    with run_in_thread(world_of("spokesman_office")) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        daemon.send_signal(signal.SIGINT)
        assert daemon.wait(60) == 130
    assert desk.said().rstrip().endswith("stopped")
    assert "Traceback" not in desk.said()


def test_a_broken_config_at_reload_keeps_the_old_one_and_a_good_one_is_taken(
    desk: Desk, sink: Sink, until: Until
) -> None:
    world = world_of("spokesman_office", "hill_rangers")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        desk.write(config(address, sink.url, "spokesman_office") + "\n[[sources]]\nnmae = 'x'\n")
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "the old one stays in use" in desk.said(), "the refusal of the new config")
        assert "config.toml:" in desk.said()
        world.publish("spokesman_office", "The regional command is quiet.")
        until(sink.heard.is_set, "an alert under the old config")
        desk.write(config(address, sink.url, "spokesman_office", "hill_rangers"))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "hill_rangers is reached" in desk.said(), "the new source")
        sink.heard.clear()
        world.publish("hill_rangers", "The regional command has fallen.")
        until(sink.heard.is_set, "an alert of the new source")
        desk.stop()


def test_a_source_that_hangs_delays_no_other(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office", "hill_rangers")
    world.set_faults("hill_rangers", Faults(hang=True))
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "hill_rangers", "spokesman_office"))
        desk.start("run")
        until(lambda: "spokesman_office is reached" in desk.said(), "the source that works")
        world.publish("spokesman_office", "Contact with the regional command is lost.")
        until(sink.heard.is_set, "the alert")
        desk.stop()


def test_a_source_speaks_when_it_breaks_and_when_it_recovers_and_not_in_between(
    desk: Desk, sink: Sink, until: Until
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        world.set_faults("spokesman_office", Faults(status=503, retry_after=1))
        until(lambda: "503" in desk.said(), "the failure")
        asked = world.requests("spokesman_office")
        until(lambda: world.requests("spokesman_office") >= asked + 2, "more failures")
        world.set_faults("spokesman_office", Faults())
        until(lambda: "recovered" in desk.said(), "the recovery")
        desk.stop()
    assert desk.said().count("503") == 1
    assert desk.said().count("recovered") == 1


def test_systemd_hears_ready_and_stopping(desk: Desk, sink: Sink, until: Until, tmp_path: Path) -> None:
    heard: list[str] = []
    with (
        run_in_thread(world_of("spokesman_office")) as address,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)

        def listen() -> str:
            while True:
                try:
                    heard.append(notify.recv(4096).decode())
                except BlockingIOError:
                    return "\n".join(heard)

        desk.write(config(address, sink.url, "spokesman_office"))
        desk.extra = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        desk.start("run")
        until(lambda: "READY=1" in listen(), "READY")
        until(lambda: listen().count("WATCHDOG=1") > 1, "the watchdog being fed")
        desk.stop()
        assert "STOPPING=1" in listen()


def test_one_pass_ends_with_0_if_a_source_failed_5_if_one_refused_and_1_if_none_was_read(
    desk: Desk, sink: Sink
) -> None:
    world = world_of("spokesman_office", "hill_rangers")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office", "hill_rangers"))
        desk.run("run", "--once")
        world.set_faults("hill_rangers", Faults(status=500))
        failed = desk.run("run", "--once", code=0)
        assert "500" in failed.stderr
        world.set_faults("hill_rangers", Faults(moved_to=1_999_999_999))
        refused = desk.run("run", "--once", code=5)
        assert "1999999999" in refused.stderr
        listed = desk.run("sources", "list")
        assert "renamed" in listed.stdout
        for _ in range(3):  # one odd reply decides nothing that lasts
            desk.run("run", "--once", code=5)
        left = desk.run("run", "--once", code=0)
        assert "hill_rangers: skipped, stopped (renamed): fix the config, or run `communique" in left.stderr
        world.set_faults("spokesman_office", Faults(status=500))
        assert "500" in desk.run("run", "--once", code=1).stderr
    assert "cannot be reached" in desk.run("run", "--once", code=1).stderr


def test_a_source_that_stopped_is_asked_again_once_the_config_is_mended(desk: Desk, sink: Sink, until: Until) -> None:
    with run_in_thread(world_of("spokesman_office")) as address:
        mended = config(address, sink.url, "spokesman_office")
        desk.write(mended.replace("allow_private_addresses = true", ""))
        assert "set allow_private_addresses = true" in desk.run("run", "--once", code=5).stderr
        for _ in range(3):
            desk.run("run", "--once", code=5)
        assert "skipped, stopped: fix the config" in desk.run("run", "--once", code=5).stderr
        desk.write(mended)
        assert "recovered" in desk.run("run", "--once").stderr
        desk.write(mended.replace("allow_private_addresses = true", ""))
        desk.run("run", "--once", code=5)
        daemon = desk.start("run")
        until(lambda: "watching" in desk.said(), "the start")
        desk.write(mended)
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "recovered" in desk.said(), "the mended source")
        desk.stop()


def test_without_a_source_there_is_nothing_to_run(desk: Desk, sink: Sink) -> None:
    desk.write(config("", sink.url))
    refused = desk.run("run", code=4)
    assert "no source" in refused.stderr


def test_a_paused_source_is_left_alone_until_it_is_resumed(desk: Desk, sink: Sink) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        desk.run("run", "--once")
        desk.run("sources", "pause", "spokesman_office")
        asked = world.requests("spokesman_office")
        desk.run("run", "--once")
        assert world.requests("spokesman_office") == asked
        desk.run("sources", "resume", "spokesman_office")
        desk.run("run", "--once")
        assert world.requests("spokesman_office") > asked


def test_a_process_that_was_stopped_for_long_goes_on(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        os.kill(daemon.pid, signal.SIGSTOP)
        for number in range(45):
            world.publish("spokesman_office", f"The regional command is silent, hour {number}.")
        os.kill(daemon.pid, signal.SIGCONT)
        until(lambda: len(sink.ids()) == 45, "every alert of the time in between")
        desk.stop()


def test_a_daemon_whose_archive_is_taken_away_ends_and_says_so(desk: Desk, sink: Sink, until: Until) -> None:
    with run_in_thread(world_of("spokesman_office")) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        shutil.rmtree(desk.directory / "data")
        assert daemon.wait(60) == 1
    assert "removed or replaced" in desk.said().splitlines()[-1]
    assert "Traceback" not in desk.said()


def of_another_program(database: Path) -> None:
    other = database.with_name("other.db")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    database.write_bytes(other.read_bytes())


@pytest.mark.parametrize("overwrite", [lambda database: os.truncate(database, 0), of_another_program])
def test_a_daemon_whose_archive_is_overwritten_in_place_ends_and_says_so(
    desk: Desk, sink: Sink, until: Until, overwrite: Callable[[Path], None]
) -> None:
    with run_in_thread(world_of("spokesman_office")) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        overwrite(desk.database)
        assert daemon.wait(60) == 1
    assert "removed or replaced" in desk.said().splitlines()[-1]
    assert "internal error" not in desk.said()
    assert "Traceback" not in desk.said()


def fill_with_garbage(database: Path, *, kept: int) -> None:
    """Fill the file with noise behind its first bytes, as a failing disk or another program does."""
    with database.open("r+b") as file:
        file.seek(kept)
        file.write(os.urandom(database.stat().st_size - kept))


@pytest.mark.parametrize("kept", [0, 4096], ids=["the whole file", "all but its header"])
def test_bad_input_76_an_archive_that_becomes_garbage_under_a_daemon_alarms_once_and_costs_no_alert(
    desk: Desk, sink: Sink, until: Until, kept: int
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office", health=True))
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        saved = json.loads(desk.run("backup", "--json", str(desk.directory / "saved")).stdout)["path"]
        fill_with_garbage(desk.database, kept=kept)
        world.publish("spokesman_office", "The regional command is silent.")
        until(sink.heard.is_set, "the alarm")
        desk.stop()
        assert [message["type"] for _, message in sink.received] == ["health"], "one alarm, and nothing else"
        assert "restore a backup" in str(sink.received)
        said = [line.partition(" ")[2] for line in desk.said().splitlines()]
        assert len(said) == len(set(said)), "nothing is said again and again"
        assert "Traceback" not in desk.said()
        assert "communique restore" in desk.run("run", "--once", code=1).stderr

        shutil.move(desk.database.parent, desk.directory / "broken")
        desk.run("restore", saved, str(desk.database.parent))
        desk.run("run", "--once")
    assert [message["type"] for _, message in sink.received if message["type"] == "match"] == ["match"]


def test_bad_input_75_an_archive_of_a_clock_that_was_a_year_ahead_is_not_deaf_for_a_year(
    desk: Desk, sink: Sink, until: Until
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        desk.run("run", "--once")
        year = 365 * 86_400 * 1_000_000
        with desk.archive as archive, archive.writing() as writer:
            writer.execute(f"UPDATE runs SET started_at = started_at + {year}, ended_at = ended_at + {year}")
            writer.execute(f"UPDATE sources SET next_poll_at = next_poll_at + {year}")
            writer.execute(f"UPDATE rules SET loaded_at = loaded_at + {year}")
        desk.start("run")
        until(lambda: "watching" in desk.said(), "the start")
        world.publish("spokesman_office", "The regional command is quiet.")
        until(sink.heard.is_set, "the alert")
        desk.stop()


def test_signals_to_reload_come_as_fast_as_they_like(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office"))
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        for number in range(20):
            world.publish("spokesman_office", f"The regional command is quiet, hour {number}.")
            daemon.send_signal(signal.SIGHUP)
            until(partial(_told, sink, number // 2), "alerts while it reloads")
        until(lambda: len(sink.ids()) == 20, "every alert")
        desk.stop()
    assert "broke" not in desk.said()
    with desk.archive.reading() as reader:
        assert reader.execute("SELECT count(*) FROM deliveries WHERE state <> 'sent'").fetchone()[0] == 0


def test_the_newest_post_is_missed_as_soon_as_it_is_gone(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        source = SOURCE.replace("{name}", "spokesman_office").replace("{world}", address) + 'recheck = ["1s"]\n'
        desk.write(FRAME.format(hook=sink.url) + source)
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        world.publish("spokesman_office", "The regional command has surrendered.", at=world.clock.now() - 60_000_000)
        newest = world.publish("spokesman_office", "It has not.", at=world.clock.now() - 60_000_000)
        until(sink.heard.is_set, "the alert")
        world.delete("spokesman_office", newest)
        world.delete("spokesman_office", newest - 1)
        until(lambda: any(body["type"] == "deleted" for _, body in sink.received), "the deletion")
        desk.stop()


def test_a_config_whose_rule_alerts_nobody_still_runs_and_health_targets_hear_of_it_once(
    desk: Desk, sink: Sink, until: Until
) -> None:
    """A config that worked yesterday must not stay down."""
    deaf = f'[[targets]]\nname = "watch"\nkind = "webhook"\nurl = "{sink.url}"\nhealth = true\n'
    with run_in_thread(world_of("spokesman_office")) as address:
        text = config(address, sink.url, "spokesman_office").replace('targets = ["hook"]\n', "") + deaf
        desk.write(text)
        for starts in (1, 2):
            desk.start("run")
            until(partial(_has_started, desk, starts), "the start")
            until(sink.heard.is_set, "the health message")
            desk.stop()
        heard = [body["data"]["text"] for _, body in sink.received if body["type"] == "health"]
        assert [words for words in heard if words.startswith("rule command")] == [
            "rule command alerts nobody: neither it nor [defaults] names a target"
        ]
        assert 'the rule "command" alerts nobody' in desk.said()
        desk.run("config", "check", code=4)
