"""Backups while the real daemon writes, and kill -9 in the middle of a backup and of a restore."""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.archive.database import Archive
from tests.conftest import assert_invariants
from tests.desk import Desk, Sink, Until

CONFIG = """
[http]
allow_private_addresses = true

[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
every = "1s"

[[rules]]
name = "bridge"
query = "bridge"
targets = []
"""
WORDS = "A long report on the bridge, the road, the river and the town. " * 30


@contextmanager
def writing(desk: Desk) -> Iterator[None]:
    """Posts come without pause until the block ends."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(0.02):
            number += 1
            with (desk.directory / "posts.jsonl").open("a") as posts:
                post = {"native_id": str(number), "posted_at": "2026-11-20T01:00:00Z", "text": f"{number}. {WORDS}"}
                posts.write(json.dumps(post) + "\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def count(database: Path) -> int:
    with Archive(database).reading() as reader:
        return int(reader.value("SELECT count(*) FROM posts"))


def killed_midway(desk: Desk, chance: random.Random, *words: str) -> None:
    child = subprocess.Popen(
        desk.command(*words), cwd=desk.directory, env=desk.environment(), stdout=-3, stderr=-3, text=True
    )
    try:
        child.wait(timeout=chance.uniform(0.3, 1.2))
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()


def restored(desk: Desk, source: Path, to: str) -> Archive:
    shutil.rmtree(desk.directory / to, ignore_errors=True)
    desk.run("restore", str(source), to)
    return Archive(desk.directory / to / "communique.db")


def test_backups_while_the_daemon_writes_are_whole_and_a_kill_leaves_the_older_ones(desk: Desk, until: Until) -> None:
    desk.write(CONFIG)
    (desk.directory / "posts.jsonl").touch()
    chance = random.Random(77)
    with writing(desk):
        daemon = desk.start("run")
        until(lambda: desk.database.exists() and "watching" in desk.said() and count(desk.database), "a post")
        made = [json.loads(desk.run("backup", "safe", "--json").stdout)]
        for _ in range(4):
            killed_midway(desk, chance, "backup", "safe")
        until(lambda: count(desk.database) > made[0]["posts"], "more posts")
        made.append(json.loads(desk.run("backup", "safe", "--json").stdout))
        assert daemon.poll() is None, desk.said()
        desk.stop()
    assert made[0]["posts"] < made[1]["posts"] <= count(desk.database)
    assert not list((desk.directory / "safe").glob(".unfinished*"))
    for one in made:
        with restored(desk, Path(one["path"]), "new") as archive:
            assert count(archive.path) == one["posts"]
            assert_invariants(archive)
    with Archive(desk.database) as archive:
        assert_invariants(archive)


def test_a_restore_that_was_killed_is_continued_and_never_taken_for_an_archive(desk: Desk) -> None:
    desk.write(CONFIG)
    with (desk.directory / "posts.jsonl").open("w") as posts:
        for number in range(300):
            post = {"native_id": str(number), "posted_at": "2026-11-20T01:00:00Z", "text": f"{number}. {WORDS}"}
            posts.write(json.dumps(post) + "\n")
    desk.run("run", "--once")
    desk.run("backup", "safe")
    before = {path: path.read_bytes() for path in (desk.directory / "safe").rglob("*") if path.is_file()}
    chance, unfinished = random.Random(5), 0
    for _ in range(5):
        killed_midway(desk, chance, "restore", "safe", "new")
        new = desk.directory / "new"
        if new.exists() and not (new / "communique.db").exists() and any(new.iterdir()):
            unfinished += 1
            refused = desk.run("--data-dir", str(new), "run", "--once", code=1)
            assert "a restore that was not finished" in refused.stderr
        if not (new / "communique.db").exists():
            desk.run("restore", "safe", "new")
        with Archive(new / "communique.db") as archive:
            assert count(archive.path) == 300
            assert_invariants(archive)
        shutil.rmtree(new)
    assert {path: path.read_bytes() for path in before} == before


def test_the_daemon_backs_up_by_itself_and_reports_a_failure_once(desk: Desk, sink: Sink, until: Until) -> None:
    safe = desk.directory / "safe"
    backup = f'[backup]\nto = "{safe}"\nevery = "1s"\nkeep = "1d"\n'
    hook = f'[[targets]]\nname = "hook"\nkind = "webhook"\nurl = "{sink.url}"\nhealth = true\n'
    desk.write(CONFIG + backup + hook)
    (desk.directory / "posts.jsonl").touch()

    def heard() -> list[str]:
        return [json.dumps(message) for _, message in sink.received if "backups" in json.dumps(message)]

    daemon = desk.start("run")
    until(lambda: safe.exists() and list(safe.glob("2*Z*/manifest.json")), "a backup")
    safe.chmod(0o777)
    until(lambda: len(heard()) == 1, "the news of the failure")
    status = json.loads(desk.run("status", "--json").stdout)
    assert status["backups"]["failing_since"]
    assert any("anybody may write" in warning for warning in status["warnings"])
    safe.chmod(0o700)
    until(lambda: len(heard()) == 2, "the news of the recovery")
    assert "anybody may write" in heard()[0]
    assert "backups work again" in heard()[1]
    assert len(list(safe.glob("2*Z*"))) <= 2
    assert daemon.poll() is None
    desk.stop()


def test_a_backup_that_a_person_makes_elsewhere_does_not_put_off_that_of_the_daemon(desk: Desk, until: Until) -> None:
    desk.write(f'{CONFIG}[backup]\nto = "safe"\nevery = "1d"\n')
    (desk.directory / "posts.jsonl").touch()
    desk.run("run", "--once")
    desk.run("backup", "elsewhere")
    desk.start("run")
    until(lambda: list((desk.directory / "safe").glob("2*Z*/manifest.json")), "the daemon's own backup")
    desk.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_bad_input_77_a_disk_that_is_full_leaves_the_older_backup(desk: Desk) -> None:
    small = desk.directory / "small"
    small.mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        desk.write(CONFIG)
        (desk.directory / "posts.jsonl").touch()
        desk.run("run", "--once")
        first = json.loads(desk.run("backup", "small", "--json").stdout)["path"]
        with (desk.directory / "posts.jsonl").open("w") as posts:
            for number in range(300):
                post = {"native_id": str(number), "posted_at": "2026-11-20T01:00:00Z", "text": f"{number}. {WORDS}"}
                posts.write(json.dumps(post) + "\n")
        desk.run("run", "--once")
        refused = desk.run("backup", "small", code=1)
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        assert str(small) in refused.stderr
        assert [str(path) for path in small.glob("2*")] == [first]
        restored(desk, small, "new").close()
    finally:
        subprocess.run(["umount", str(small)], check=True)
