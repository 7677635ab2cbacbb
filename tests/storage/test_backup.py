"""One backup after the other: what is in each, what is shared, what goes, what is refused; and the way back."""

import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from storage.archive import full_text, marker
from storage.archive.connections import connect
from storage.archive.database import Archive
from storage.archive.errors import ArchiveDamaged, ArchiveError, ArchiveRefused, ArchiveTooNew, ArchiveUnwritable
from storage.backups import catalog, keeping, making, restoring
from storage.media.shelf import path_of
from tests.conftest import NOW, SourceArchive, assert_invariants, fetched

SECOND, DAY = 1_000_000, 86_400_000_000


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def put_file(desk: SourceArchive, data: bytes, key: str) -> str:
    """Store a file of the first post, as the lane of files does."""
    content = sha256(data).hexdigest()
    place = desk.archive.path.parent / path_of(content)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_bytes(data)
    with desk.archive.writing() as writer:
        writer.execute(
            "INSERT INTO media (post_id, key, kind, revision, state, sha256, path, size) "
            "VALUES ((SELECT min(id) FROM posts), :key, 'photo', 0, 'stored', :content, :path, :size)",
            {"key": key, "content": content, "path": path_of(content), "size": len(data)},
        )
    return content


def back_up(
    desk: SourceArchive, to: Path, at: int = NOW, keep: str | None = None, config: bytes | None = None
) -> making.Made:
    return making.make(
        desk.archive.path.parent,
        desk.archive.path,
        to,
        now=lambda: at,
        brought=making.Brought(config),
        keep=keeping.keep(keep) if keep else None,
    )


def restored_archive(source: Path, to: Path) -> Archive:
    restoring.restore(source, to, to / "communique.db")
    return Archive(to / "communique.db")


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def kept(to: Path) -> list[str]:
    return [row.path.name for row in catalog.backups_in(to)]


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """As on a full disk: no file grows beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_what_is_restored_is_what_was_backed_up(desk: SourceArchive, to: Path, tmp_path: Path) -> None:
    desk.save(fetched(1), fetched(2, "A bridge was lost."))
    put_file(desk, b"a picture" * 1000, "p1")
    with desk.archive.writing() as writer:
        mark = marker.raise_count(writer)
    before = desk.rows("SELECT native_id, collected_at FROM posts ORDER BY id")
    made = back_up(desk, to, config=b"# ours\n")
    desk.save(fetched(3, "This came after."))

    with restored_archive(to, tmp_path / "new") as archive:
        with archive.reading() as reader:
            assert [
                tuple(row) for row in reader.rows("SELECT native_id, collected_at FROM posts ORDER BY id")
            ] == before
        assert_invariants(archive)
        assert marker.read(archive.path) == mark
        marker.check(archive.path)
    assert (tmp_path / "new" / "config.toml").read_bytes() == b"# ours\n"
    assert made.backup.manifest.counts.posts == 2
    assert made.backup.path.name == "20251122T082640Z"


def test_everything_is_private(desk: SourceArchive, to: Path, tmp_path: Path) -> None:
    desk.save(fetched(1))
    put_file(desk, b"a picture", "p1")
    back_up(desk, to, config=b"")
    restored_archive(to, tmp_path / "new").close()
    for root in (to, tmp_path / "new"):
        for path in (root, *root.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path


def test_files_that_are_there_already_are_not_copied_again_and_outlive_any_one_backup(
    desk: SourceArchive, to: Path, tmp_path: Path
) -> None:
    desk.save(fetched(1))
    put_file(desk, b"first" * 1000, "p1")
    first = back_up(desk, to)
    put_file(desk, b"second" * 1000, "p2")
    second = back_up(desk, to, NOW + DAY)
    assert (first.new_files, second.new_files) == (1, 1)
    assert len(list((to / "media").glob("??/??/*"))) == 2
    shutil.rmtree(first.backup.path)
    with restored_archive(to, tmp_path / "new") as archive:
        assert_invariants(archive)


def test_the_newest_of_each_day_week_and_month_stays() -> None:
    start = int(datetime(2026, 1, 1, 3, tzinfo=UTC).timestamp()) * SECOND
    moments = [start + quarter * DAY // 4 for quarter in range(4 * 365)]
    gone = set(keeping.superseded(moments, keeping.keep("3d 2w 3m")))
    stay = [f"{datetime.fromtimestamp(at // SECOND, UTC):%m-%d %Hh}" for at in moments if at not in gone]
    assert stay == ["10-31 21h", "11-30 21h", "12-27 21h", "12-29 21h", "12-30 21h", "12-31 21h"]
    assert keeping.superseded(moments[:2], keeping.Keep()) == moments[:1], "the newest stays, whatever the rule"


@pytest.mark.parametrize("text", ["", "7", "7y", "0d", "7d 7d", "d7", "-1d", "7d,4w"])
def test_a_rule_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="7d 4w 12m"):
        keeping.keep(text)


def test_old_backups_go_with_the_files_that_nothing_names_and_strangers_stay(desk: SourceArchive, to: Path) -> None:
    desk.save(fetched(1))
    forgotten = put_file(desk, b"forgotten", "p1")
    lasting = put_file(desk, b"lasting", "p2")
    back_up(desk, to)
    (to / "20200101T000000Z").mkdir()
    (to / "notes.txt").write_text("by hand")
    with desk.archive.writing() as writer:
        writer.execute("UPDATE media SET state = 'gone' WHERE key = 'p1'")
    made = back_up(desk, to, NOW + DAY, keep="1d")
    assert made.removed == ("20251122T082640Z",)
    assert kept(to) == ["20251123T082640Z"]
    assert (to / "20200101T000000Z").is_dir()
    assert (to / "notes.txt").read_text() == "by hand"
    assert (to / path_of(forgotten)).exists(), "half a backup may need it: as long as it lies there, no file goes"
    (to / "20200101T000000Z").rmdir()
    back_up(desk, to, NOW + 2 * DAY, keep="1d")
    assert not (to / path_of(forgotten)).exists()
    assert (to / path_of(lasting)).exists()


def test_a_file_of_somebody_else_in_an_old_backup_stays(desk: SourceArchive, to: Path) -> None:
    first = back_up(desk, to)
    (first.backup.path / "why.txt").write_text("before the trial")
    back_up(desk, to, NOW + DAY, keep="1d")
    assert files_of(first.backup.path) == {"why.txt": b"before the trial"}


def test_backups_of_another_archive_are_never_let_go(
    desk: SourceArchive, fresh_desk: Callable[[], SourceArchive], to: Path
) -> None:
    other = fresh_desk()
    for one in (desk, other):
        with one.archive.writing() as writer:
            marker.raise_count(writer)
    back_up(other, to)
    back_up(desk, to, NOW + DAY, keep="1d")
    assert len(kept(to)) == 2
    other.archive.close()


def test_a_file_that_is_lost_or_damaged_here_is_named_and_the_rest_is_backed_up(desk: SourceArchive, to: Path) -> None:
    desk.save(fetched(1))
    lost = put_file(desk, b"lost", "p1")
    whole = put_file(desk, b"whole", "p2")
    flipped = put_file(desk, b"flipped", "p3")
    (desk.archive.path.parent / path_of(lost)).unlink()
    (desk.archive.path.parent / path_of(flipped)).write_bytes(b"flopped")
    made = back_up(desk, to)
    assert set(made.backup.manifest.missing) == {lost, flipped}
    assert (to / path_of(whole)).read_bytes() == b"whole"
    assert not (to / path_of(flipped)).exists()


@pytest.mark.parametrize("inside", ["", "backups", "media/ab"])
def test_a_place_inside_the_data_directory_is_refused(desk: SourceArchive, inside: str) -> None:
    before = sorted(path.name for path in desk.archive.path.parent.iterdir())
    with pytest.raises(ArchiveRefused, match="inside the data directory"):
        back_up(desk, desk.archive.path.parent / inside)
    assert sorted(path.name for path in desk.archive.path.parent.iterdir()) == before


def test_a_place_that_anybody_may_write_to_is_refused(desk: SourceArchive, to: Path) -> None:
    to.mkdir()
    to.chmod(0o777)
    with pytest.raises(ArchiveRefused, match="anybody may write"):
        back_up(desk, to)


def test_a_second_backup_into_the_same_place_at_the_same_time_is_refused(desk: SourceArchive, to: Path) -> None:
    back_up(desk, to)
    with making._held(to), pytest.raises(ArchiveUnwritable, match="another process"):
        back_up(desk, to, NOW + DAY)
    assert len(kept(to)) == 1


def test_bad_input_77_a_full_target_leaves_older_backups_and_nothing_half(
    desk: SourceArchive, to: Path, tmp_path: Path
) -> None:
    desk.save(fetched(1))
    back_up(desk, to)
    put_file(desk, b"x" * 2_000_000, "p1")
    before = files_of(to)
    for most in (100_000, 1_000_000):
        with small_files(most), pytest.raises(ArchiveUnwritable):
            back_up(desk, to, NOW + DAY)
        assert files_of(to) == before
    with pytest.raises(ArchiveUnwritable), small_files(100_000):
        restoring.restore(to, tmp_path / "new", tmp_path / "new" / "communique.db")
    with restored_archive(to, tmp_path / "new") as archive:  # there is room again: the same command goes on
        assert_invariants(archive)


def test_what_a_dead_backup_left_is_cleared_and_its_files_are_used(desk: SourceArchive, to: Path) -> None:
    desk.save(fetched(1))
    put_file(desk, b"a picture", "p1")
    back_up(desk, to)
    left = to / ".unfinished-4711"
    left.mkdir()
    (left / "communique.db").write_bytes(b"half")
    made = back_up(desk, to, NOW + DAY)
    assert not left.exists()
    assert made.new_files == 0


def cut_database(backup: Path) -> None:
    os.truncate(backup / "communique.db", 50_000)


def flip_database(backup: Path) -> None:
    data = bytearray((backup / "communique.db").read_bytes())
    data[len(data) // 2] ^= 1
    (backup / "communique.db").write_bytes(data)


def edit_database(backup: Path) -> None:
    """What no check of SQLite finds: every page and every reference is sound."""
    with closing(connect(backup / "communique.db", mode="rw")) as direct:
        direct.execute("UPDATE meta SET value = value || '0' WHERE key = 'made_at'")


def lose_database(backup: Path) -> None:
    (backup / "communique.db").unlink()


def cut_manifest(backup: Path) -> None:
    os.truncate(backup / "manifest.json", 30)


def lose_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


@pytest.mark.parametrize(
    "spoil", [cut_database, flip_database, edit_database, lose_database, cut_manifest, lose_manifest]
)
def test_bad_input_76_half_a_backup_is_refused_and_the_one_before_it_is_named(
    desk: SourceArchive, to: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    desk.save(fetched(1))
    older = back_up(desk, to).backup.path
    newest = back_up(desk, to, NOW + DAY).backup.path
    spoil(newest)
    new = tmp_path / "new"
    for source in (to, newest):
        with pytest.raises(ArchiveDamaged, match=f"restore the one before it, {older}"):
            restoring.restore(source, new, new / "communique.db")
        assert not (new / "communique.db").exists()
    with restored_archive(older, new) as archive:
        assert_invariants(archive)


def test_a_copy_whose_index_has_lost_its_words_is_no_backup(desk: SourceArchive, to: Path) -> None:
    desk.save(fetched(1))
    back_up(desk, to)
    with desk.archive.writing() as writer:
        writer.execute("INSERT INTO posts_index (posts_index) VALUES ('delete-all')")
    with pytest.raises(ArchiveDamaged, match="full-text index"):
        back_up(desk, to, NOW + DAY)
    assert len(kept(to)) == 1
    full_text.rebuild(desk.archive)
    back_up(desk, to, NOW + DAY)


def test_a_row_that_refers_to_nothing_is_no_backup(desk: SourceArchive, to: Path) -> None:
    desk.save(fetched(1))
    desk.archive.close()
    with closing(connect(desk.archive.path, mode="rw")) as direct:
        direct.execute("PRAGMA foreign_keys = OFF")
        direct.execute("UPDATE posts SET source_id = 77")
    with pytest.raises(ArchiveDamaged, match="missing row of sources"):
        back_up(desk, to)
    assert kept(to) == []


def test_bad_input_76_a_newer_schema_is_refused_and_says_so(desk: SourceArchive, to: Path, tmp_path: Path) -> None:
    made = back_up(desk, to)
    manifest = made.backup.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema": "9999"}))
    with pytest.raises(ArchiveTooNew, match="9999"):
        restoring.restore(to, tmp_path / "new", tmp_path / "new" / "communique.db")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 2}))
    with pytest.raises(ArchiveTooNew, match="upgrade the program"):
        restoring.restore(to, tmp_path / "new", tmp_path / "new" / "communique.db")
    assert not (tmp_path / "new").exists()


def test_a_file_of_the_backup_that_is_damaged_is_left_out_and_named(
    desk: SourceArchive, to: Path, tmp_path: Path
) -> None:
    desk.save(fetched(1))
    content = put_file(desk, b"a picture", "p1")
    back_up(desk, to)
    (to / path_of(content)).chmod(0o600)
    (to / path_of(content)).write_bytes(b"a pictura")
    restored = restoring.restore(to, tmp_path / "new", tmp_path / "new" / "communique.db")
    assert restored.missing == (content,)
    assert not (tmp_path / "new" / path_of(content)).exists()


def test_only_an_empty_directory_is_filled(desk: SourceArchive, to: Path, tmp_path: Path) -> None:
    back_up(desk, to)
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    (new / "config.toml").write_text("mine")
    with pytest.raises(restoring.WrongPlace, match="not empty"):
        restoring.restore(to, new, new / "communique.db")
    assert files_of(new) == {"config.toml": b"mine"}
    with pytest.raises(restoring.WrongPlace, match="inside the directory of backups"):
        restoring.restore(to, to / "new", to / "new" / "communique.db")


def test_an_archive_of_an_older_version_gets_its_mark_by_the_restore(
    desk: SourceArchive, to: Path, tmp_path: Path
) -> None:
    desk.save(fetched(1))
    assert back_up(desk, to).backup.manifest.mark is None
    with restored_archive(to, tmp_path / "new") as archive:
        assert marker.read(archive.path) is not None
        marker.check(archive.path)


def test_a_restore_of_one_backup_names_the_newer_ones(desk: SourceArchive, to: Path, tmp_path: Path) -> None:
    first = back_up(desk, to).backup.path
    back_up(desk, to, NOW + DAY)
    new = tmp_path / "new"
    assert restoring.restore(first, new, new / "communique.db").newer == ("20251123T082640Z",)


def test_the_program_that_backs_up_does_not_lose_the_locks_of_the_one_that_writes(
    desk: SourceArchive, to: Path
) -> None:
    """A backup in the writer's own process: closing a descriptor of the database would drop its locks."""
    desk.save(fetched(1))
    with desk.archive.writing() as writer:
        writer.execute("INSERT INTO meta VALUES ('open', '1')")
        back_up(desk, to)
        with pytest.raises(ArchiveError):
            _write_elsewhere(desk.archive.path)
    assert desk.rows("SELECT value FROM meta WHERE key = 'open'") == [("1",)]


def _write_elsewhere(path: Path) -> None:
    import subprocess

    program = f"""
import sys
from storage.archive.sqlite import sqlite3
other = sqlite3.connect({str(path)!r}, timeout=0)
try:
    other.execute("INSERT INTO meta VALUES ('other', '1')")
except sqlite3.OperationalError:
    sys.exit(3)
"""
    if subprocess.run([sys.executable, "-c", program], check=False).returncode == 3:
        raise ArchiveUnwritable("locked", path)
