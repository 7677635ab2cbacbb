"""A database that is gone, empty, older or another one is noticed by the mark beside it, and never taken for a start."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import Desk, Until

ROOT = Path(__file__).parents[2]

CONFIG = """
[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
every = "1s"
"""
POST = (
    '{{"native_id": "{number}", "posted_at": "2026-11-20T0{number}:00:00Z", "text": "A report on bridge {number}."}}\n'
)


@pytest.fixture
def collected(desk: Desk) -> Desk:
    """A desk that has collected one post, and stopped."""
    desk.write(CONFIG)
    (desk.directory / "posts.jsonl").write_text(POST.format(number=1))
    desk.run("run", "--once")
    return desk


def native_ids(desk: Desk) -> list[str]:
    with desk.archive.reading() as reader:
        return [row[0] for row in reader.execute("SELECT native_id FROM posts ORDER BY id")]


def refused(desk: Desk) -> str:
    """What `run` says when it refuses: one sentence that names both ways out."""
    ran = desk.run("run", "--once", code=1)
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert "communique restore" in ran.stderr
    assert "communique run --new-archive" in ran.stderr
    return ran.stderr


def remove(database: Path) -> None:
    database.unlink()


def empty(database: Path) -> None:
    database.write_bytes(b"")


def cut(database: Path) -> None:
    os.truncate(database, 1000)


def strange(database: Path) -> None:
    database.write_bytes(b"no database at all " * 1000)


@pytest.mark.parametrize("spoil", [remove, empty, cut, strange])
def test_a_lost_database_is_refused_and_only_moved_aside_on_purpose(
    collected: Desk, spoil: Callable[[Path], None]
) -> None:
    spoil(collected.database)
    left = collected.database.read_bytes() if collected.database.exists() else None
    refused(collected)
    assert (collected.database.read_bytes() if collected.database.exists() else None) == left

    ran = collected.run("run", "--once", "--new-archive")
    assert native_ids(collected) == ["1"]
    aside = list(collected.database.parent.glob("communique-aside-*.db"))
    assert [path.read_bytes() for path in aside] == ([] if left is None else [left])
    assert "communique-aside-" in ran.stderr
    collected.run("run", "--once")


def test_an_older_copy_of_the_database_is_refused(collected: Desk) -> None:
    older = collected.directory / "older.db"
    shutil.copyfile(collected.database, older)
    with (collected.directory / "posts.jsonl").open("a") as posts:
        posts.write(POST.format(number=2))
    collected.run("run", "--once")
    shutil.copyfile(older, collected.database)
    assert "older copy" in refused(collected)


def test_the_database_of_another_archive_is_refused(collected: Desk, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    other.write(CONFIG)
    (other.directory / "posts.jsonl").write_text(POST.format(number=5))
    other.run("run", "--once")
    shutil.copyfile(other.database, collected.database)
    assert "not the archive that was here before" in refused(collected)


def test_a_log_that_is_removed_after_a_kill_is_noticed(desk: Desk, until: Until) -> None:
    desk.write(CONFIG)
    (desk.directory / "posts.jsonl").write_text(POST.format(number=1))
    desk.start("run")
    until(lambda: desk.database.exists() and "watching" in desk.said() and native_ids(desk), "a post")
    desk.kill()
    kept = {path: path.read_bytes() for path in desk.database.parent.glob("communique.db*")}
    for ending in ("-wal", "-shm"):
        desk.database.with_name(desk.database.name + ending).unlink()
    assert "write-ahead log" in refused(desk)
    for path, data in kept.items():
        path.write_bytes(data)
    desk.run("run", "--once")
    assert native_ids(desk) == ["1"]


def test_a_kill_alone_is_no_loss(desk: Desk, until: Until) -> None:
    desk.write(CONFIG)
    (desk.directory / "posts.jsonl").write_text(POST.format(number=1))
    for _ in range(3):
        before = desk.said().count("watching")
        desk.start("run")
        until(lambda before=before: desk.said().count("watching") > before, "the daemon")  # type: ignore[misc]
        desk.kill()
    desk.run("run", "--once")


def test_a_data_directory_may_be_moved_as_a_whole_and_an_older_one_gets_its_mark(collected: Desk) -> None:
    mark = collected.database.with_name("communique.mark")
    shutil.copytree(collected.database.parent, collected.directory / "moved")
    moved = Desk(collected.directory)
    moved.run("--data-dir", str(collected.directory / "moved"), "run", "--once")
    mark.unlink()
    collected.run("run", "--once")
    assert mark.stat().st_mode & 0o777 == 0o600


def test_commands_that_read_say_it_and_answer_where_they_can(collected: Desk) -> None:
    older = collected.directory / "older.db"
    shutil.copyfile(collected.database, older)
    collected.run("run", "--once")
    shutil.copyfile(older, collected.database)
    found = collected.run("search", "bridge")
    assert "A report on bridge 1." in found.stdout
    assert "older copy" in found.stderr
    status = collected.run("status", "--json")
    assert "older copy" in status.stdout
    assert "older copy" in collected.run("doctor", code=1).stdout


def test_a_sound_archive_is_not_moved_aside(collected: Desk) -> None:
    ran = collected.run("run", "--once", "--new-archive", code=2)
    assert "leave --new-archive out" in ran.stderr
    assert native_ids(collected) == ["1"]


def test_a_mark_that_cannot_be_read_is_not_taken_for_a_lost_archive(collected: Desk) -> None:
    """A directory of that name is what even a privileged user cannot read as a file."""
    mark = collected.database.with_suffix(".mark")
    mark.rename(mark.with_name("away"))
    mark.mkdir()
    said = [
        collected.run("run", "--once", code=1).stderr,
        collected.run("run", "--once", "--new-archive", code=2).stderr,
        collected.run("backup", "safe", code=1).stderr,
        collected.run("doctor", code=1).stdout,
    ]
    for words in said:
        assert "check its permissions" in words
        assert "communique restore" not in words
        assert "communique run --new-archive" not in words
    assert mark.is_dir()
    assert native_ids(collected) == ["1"]


@pytest.mark.parametrize("shut", ["file", "directory"])
def test_an_archive_that_permissions_keep_us_from_is_not_taken_for_a_lost_one(collected: Desk, shut: str) -> None:
    """The child gives up the rights of root, if it has them: who has none is refused by mode 000 already."""
    database = collected.database
    public = Path(tempfile.mkdtemp())
    shutil.copytree(database.parent, public / "data")
    public.chmod(0o755)
    (public / "data").chmod(0o755 if shut == "file" else 0o000)
    for path in (public / "data").glob("communique.*"):
        path.chmod(0o000 if path.suffix == ".db" else 0o644)
    program = f"""
import os
from pathlib import Path
from storage.archive import marker
database = Path({str(public / "data" / database.name)!r})
marker.trouble(database)  # imports what only root may read
if os.geteuid() == 0:
    os.setuid(65534)
odd = marker.trouble(database)
print(odd, odd.lost)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    (public / "data").chmod(0o700)
    shutil.rmtree(public)
    assert "permissions" in done.stdout
    assert "--new-archive" not in done.stdout
    assert done.stdout.endswith(" False\n")


def test_doctor_advises_no_backup_where_the_mount_is_read_only(collected: Desk) -> None:
    place = str(collected.database.parent)
    if os.geteuid() or subprocess.run(["mount", "--bind", place, place], check=False, capture_output=True).returncode:
        pytest.skip("only root can mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        found = collected.run("doctor", code=1).stdout
        said = collected.run("search", "words", code=1).stderr
    finally:
        subprocess.run(["umount", "-l", place], check=True)
    assert "check its permissions" in found
    assert (found.count("cannot be opened"), said.count("cannot be opened")) == (1, 1), "it is said once"
    assert "communique restore" not in found
