import multiprocessing
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

import pytest

from storage.archive import permissions, sqlite
from storage.archive.database import Archive
from storage.archive.errors import ArchiveBusy, ArchiveDamaged, ArchiveFull, ArchiveMissing, ArchiveRefused
from storage.migrations import migrate

if TYPE_CHECKING:
    from storage.archive.database import Writer

ADD = "INSERT INTO notices (at, about, text) VALUES (0, 'test', :text)"


def count(archive: Archive) -> int:
    with archive.reading() as reader:
        return int(reader.execute("SELECT count(*) FROM notices").fetchone()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_rows_are_asked_by_name(archive: Archive) -> None:
    with archive.reading() as reader:
        assert reader.execute("SELECT :word AS said", {"word": "yes"}).fetchone()["said"] == "yes"


def test_no_limit_makes_sqlite_plan_a_statement_each_time_that_it_runs() -> None:
    """SQLite from 3.47 or so looks at a bare parameter of LIMIT while it plans, and so plans again for each value."""
    for path in (*Path("storage").rglob("*.py"), *Path("bot").rglob("*.py")):
        assert re.findall(r"LIMIT :\w+\b(?! \+ 0)", path.read_text(encoding="utf-8")) == [], path


def test_the_reading_door_refuses_to_write(archive: Archive) -> None:
    with pytest.raises(ArchiveRefused, match="may not be written"), archive.reading() as reader:
        reader.execute(ADD, {"text": "x"})


def test_a_transaction_that_fails_leaves_nothing(archive: Archive) -> None:
    def fail(writer: "Writer") -> None:
        writer.execute(ADD, {"text": "x"})
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"), archive.writing() as writer:
        fail(writer)
    assert count(archive) == 0
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
    assert count(archive) == 1


def test_every_writing_connection_has_the_settings_that_keep_the_promises(archive: Archive) -> None:
    for _ in range(2):
        with archive.writing() as writer:
            asked = ("foreign_keys", "recursive_triggers", "synchronous", "page_size")
            found = [writer.value(f"PRAGMA {name}") for name in asked]
            assert found == [1, 1, 2, 8192]
            assert writer.value("PRAGMA journal_mode") == "wal"
        archive.close()


def test_a_reader_sees_the_last_commit_while_somebody_writes(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
        assert count(archive) == 0
    assert count(archive) == 1


def test_a_reader_that_is_used_again_sees_what_was_committed_meanwhile(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute_many(ADD, [{"text": "x"}, {"text": "y"}])
    with archive.reading() as reader:
        unfinished = reader.execute("SELECT text FROM notices")
        assert next(unfinished)[0] == "x"
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "z"})
    assert count(archive) == 3
    archive.close()
    log = archive.path.with_name(archive.path.name + "-wal")
    assert not log.exists()  # the open answer held nothing back


def test_many_answers_of_one_read_are_let_go(archive: Archive) -> None:
    with archive.reading() as reader:
        kept = [reader.execute("SELECT 1 UNION SELECT 2") for _ in range(250)]
        assert [next(answer)[0] for answer in kept] == [1] * 250
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
    assert count(archive) == 1


def test_reading_again_opens_no_other_file(archive: Archive) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    assert count(archive) == 0
    before = open_files()
    for _ in range(20):
        assert count(archive) == 0
    assert open_files() == before


def test_a_file_that_was_put_in_its_place_or_written_over_it_is_the_one_that_is_read(
    archive: Archive, migrated_file: Path, tmp_path: Path
) -> None:
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
    archive.close()
    assert count(archive) == 1
    other = tmp_path / "other.db"
    copyfile(migrated_file, other)
    other.rename(archive.path)
    assert count(archive) == 0
    with archive.writing() as writer:
        writer.execute_many(ADD, [{"text": "x"}, {"text": "y"}])
    archive.close()
    assert count(archive) == 2
    copyfile(migrated_file, archive.path)
    assert count(archive) == 0
    archive.path.unlink()
    with pytest.raises(ArchiveMissing, match="no archive"):
        count(archive)


def test_nothing_stays_open_after_close(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
    archive.close()
    assert sorted(path.name for path in archive.path.parent.iterdir()) == ["communique.db"]


def test_an_archive_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    with Archive(tmp_path / "none.db") as missing:
        with pytest.raises(ArchiveMissing, match=r"none\.db"), missing.reading():
            pass
        with pytest.raises(ArchiveMissing, match=r"none\.db"), missing.writing():
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_signs_that_mean_something_in_an_address_works(tmp_path: Path) -> None:
    with Archive(tmp_path / "50% of #1?" / "a b.db") as odd:
        migrate.ensure(odd, now=0)
        with odd.writing() as writer:
            writer.execute(ADD, {"text": "x"})
        assert count(odd) == 1


def _write_many(path: Path, times: int, name: str) -> None:
    with Archive(path) as mine:
        for number in range(times):
            with mine.writing() as writer:
                last = writer.value("SELECT max(id) FROM notices") or 0
                writer.execute(
                    "INSERT INTO notices (id, at, about, text) VALUES (:id, 0, :name, :number)",
                    {"id": last + 1, "name": name, "number": str(number)},
                )


def test_two_processes_write_at_once_and_none_sees_an_error(archive: Archive) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write_many, args=(archive.path, 60, name)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert count(archive) == 120


def test_reading_imports_no_orm(archive: Archive) -> None:
    program = (
        "import sys; from pathlib import Path; from storage.archive.database import Archive\n"
        f"with Archive(Path({str(archive.path)!r})) as a, a.reading() as r: r.execute('SELECT * FROM posts')\n"
        "heavy = {'sqlalchemy', 'sqlmodel', 'alembic', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_live_file_is_never_opened_beside_sqlite(archive: Archive) -> None:
    """Closing any descriptor of a database drops the locks that the process holds on it."""
    program = f"""
import sys
from pathlib import Path
from storage.archive import integrity
from storage.migrations import migrate
from storage.archive.database import Archive
live, opened = {str(archive.path)!r}, []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and str(args[0]).startswith(live) else None)
with Archive(Path(live)) as archive:
    migrate.ensure(archive, now=0)
    with archive.writing() as writer:
        writer.execute({ADD!r}, {{"text": "x"}})
    migrate.back_up(archive.path, archive.path.parent / "backups" / "copy.db")
    assert integrity.find_problems(archive) == []
assert opened == [], opened
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Where it stands --------------------------------------------------------------------------------------------------


def test_database_and_directory_are_private(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
        parts = list(archive.path.parent.iterdir())
        assert len(parts) == 3
        assert {mode(part) for part in parts} == {0o600}
    assert mode(archive.path.parent) == 0o700


def test_a_database_that_others_could_read_is_tightened(archive: Archive) -> None:
    archive.close()
    archive.path.chmod(0o644)
    migrate.ensure(archive, now=0)
    assert mode(archive.path) == 0o600


def test_an_own_directory_that_is_open_to_others_is_tightened_with_one_line(tmp_path: Path) -> None:
    mine = tmp_path / "data"
    mine.mkdir(mode=0o755)
    mine.chmod(0o755)
    assert permissions.make_private(mine) == f"{mine} was open to others (mode 0755) and is now private (0700)"
    assert mode(mine) == 0o700
    assert permissions.make_private(mine) is None


def test_bad_input_68_a_directory_that_anybody_may_write_to_is_refused_with_the_command(tmp_path: Path) -> None:
    common = tmp_path / "data"
    common.mkdir()
    common.chmod(0o777)
    with pytest.raises(ArchiveRefused, match="chmod 700"):
        permissions.make_private(common)


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(ArchiveRefused, match="not a directory"):
        permissions.make_private(tmp_path / "data")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/me/data", "ext4"), ("/mnt/a share/x", "nfs4"), ("/mnt", "tmpfs"), ("/mnt/a shared", "tmpfs")],
)
def test_the_file_system_of_a_path_is_the_one_mounted_nearest(path: str, kind: str) -> None:
    mounts = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:40 / /mnt rw - tmpfs none rw\n"
        "31 30 0:50 / /mnt/a\\040share rw - nfs4 server:/share rw\n"
    )
    assert permissions.filesystem_of(Path(path), mounts) == kind


# What goes wrong --------------------------------------------------------------------------------------------------


def test_bad_input_74_a_full_disk_is_named_and_everything_committed_stands(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "before"})
        pages = writer.value("PRAGMA page_count")
        writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ArchiveFull, match="no space left"), archive.writing() as writer:
        writer.execute(ADD, {"text": "x" * 100_000})
    assert count(archive) == 1
    with archive.writing() as writer:  # on a fresh connection, which has room again
        writer.execute(ADD, {"text": "x" * 100_000})
    assert count(archive) == 2


def test_bad_input_74_a_device_that_takes_no_more_bytes_is_an_archive_error(archive: Archive) -> None:
    """The file size limit makes write(2) fail as a broken or full device does."""
    archive.close()
    program = f"""
import resource, signal
from pathlib import Path
from storage.archive.database import Archive
from storage.archive.errors import ArchiveUnwritable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Archive(Path({str(archive.path)!r})) as archive:
    with archive.writing() as writer:
        writer.execute({ADD!r}, {{"text": "before"}})
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        with archive.writing() as writer:
            writer.execute({ADD!r}, {{"text": "x" * 1_000_000}})
    except ArchiveUnwritable as problem:
        print(type(problem).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with archive.writing() as writer:
        writer.execute({ADD!r}, {{"text": "after"}})
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() in {"ArchiveFull", "ArchiveBroken"}
    assert count(archive) == 2


def test_a_lock_that_is_held_too_long_is_named(archive: Archive) -> None:
    with Archive(archive.path) as other:
        with other.writing() as held:
            held.execute("PRAGMA busy_timeout = 0")
        with archive.writing(), pytest.raises(ArchiveBusy, match="locked"), other.writing():
            pass


def test_bad_input_76_a_damaged_page_is_named(archive: Archive, damage: Callable[[Path], None]) -> None:
    archive.close()
    damage(archive.path)
    with Archive(archive.path) as broken, pytest.raises(ArchiveDamaged, match="restore a backup"), broken.reading():
        pass


@pytest.fixture
def damage() -> Callable[[Path], None]:
    def overwrite(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[100:4000] = b"\xff" * 3900
        path.write_bytes(content)

    return overwrite


# Which SQLite -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "buggy"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_versions_that_can_corrupt_a_write_ahead_log_are_known(version: tuple[int, ...], *, buggy: bool) -> None:
    assert sqlite.has_wal_reset_bug(version) is buggy


def test_the_fallback_is_what_python_itself_would_import() -> None:
    assert sqlite.is_fallback() is (sqlite.sqlite3 is sys.modules.get("sqlite3"))


def test_a_transaction_inside_a_transaction_is_an_error_and_no_deadlock(archive: Archive) -> None:
    with pytest.raises(RuntimeError, match="transaction already"), archive.writing(), archive.writing():
        pass
    with archive.writing() as writer:
        writer.execute(ADD, {"text": "x"})
    assert count(archive) == 1


def test_an_archive_that_was_removed_or_replaced_takes_no_post_into_nowhere(
    archive: Archive, migrated_file: Path
) -> None:
    with archive.writing() as writer:
        writer.execute("INSERT INTO meta VALUES ('before', 'x')")
    archive.path.rename(archive.path.with_name("away.db"))
    with pytest.raises(ArchiveMissing, match="removed or replaced"), archive.writing():
        pass
    copyfile(migrated_file, archive.path)
    with pytest.raises(ArchiveMissing, match="removed or replaced"), archive.writing():
        pass
    archive.close()
    with archive.writing() as writer:
        writer.execute("INSERT INTO meta VALUES ('after', 'x')")
