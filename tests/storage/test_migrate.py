import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from storage.alerts import matches, rules
from storage.archive import full_text, integrity
from storage.archive.connections import connect
from storage.archive.database import REVISIONS, Archive
from storage.archive.errors import ArchiveDamaged, ArchiveFull, ArchiveRefused, ArchiveTooNew
from storage.archive.guards import GUARDS
from storage.archive.sequence import take_number
from storage.archive.views import INNER_VIEWS, VIEWS
from storage.migrations import migrate

NOW = 1_763_800_000_000_000
STEP = """
from alembic import op
revision = "next"
down_revision = "{last}"

def upgrade():
    op.execute("ALTER TABLE notices ADD COLUMN seen INTEGER NOT NULL DEFAULT 0")
    {more}
"""


@pytest.fixture
def next_version(tmp_path: Path) -> migrate.Steps:
    """The steps of a version that adds a column."""
    scripts = tmp_path / "migrations"
    copytree(migrate.OURS.scripts, scripts)
    (scripts / "versions" / "v_next.py").write_text(STEP.format(last=REVISIONS[-1], more=""))
    return migrate.Steps((*REVISIONS, "next"), scripts)


def shape(reader: Any) -> dict[str, Any]:
    """What a schema is, without the spelling of its DDL."""
    found: dict[str, Any] = {}
    for name, text in reader.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        if name.startswith(("posts_index_", "texts_index")):
            continue
        indexes = []
        for _, index, unique, origin, partial in reader.execute(f"PRAGMA index_list({name})").fetchall():
            columns = tuple(row[2] for row in reader.execute(f"PRAGMA index_info({index})").fetchall())
            made = reader.execute("SELECT sql FROM sqlite_master WHERE name = :name", {"name": index}).fetchone()
            tail = made[0].partition(" WHERE ")[2] if made and made[0] else ""
            indexes.append((index if origin == "c" else "", unique, origin, partial, columns, tail))
        found[name] = {
            "columns": reader.execute(f"PRAGMA table_xinfo({name})").fetchall(),
            "references": sorted(row[1:] for row in reader.execute(f"PRAGMA foreign_key_list({name})").fetchall()),
            "indexes": sorted(indexes),
            "checks": sorted(check.lower() for check in re.findall(r"CHECK \((.*)\)", text)),
            "strict": text.rstrip().endswith("STRICT"),
            "virtual": text if text.startswith("CREATE VIRTUAL") else "",
        }
    return found


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_upgrade_from_any_release_arrives_at_the_schema_of_a_fresh_archive(
    archive: Archive, tmp_path: Path, revision: str
) -> None:
    older = REVISIONS[: REVISIONS.index(revision) + 1]
    with Archive(tmp_path / "older" / "communique.db") as upgraded:
        assert migrate.ensure(upgraded, now=NOW, steps=migrate.Steps(older)).after == revision
        assert migrate.ensure(upgraded, now=NOW).before == revision
        assert shape_of(upgraded) == shape_of(archive)


def test_every_migration_from_an_empty_file_arrives_at_the_schema_of_a_fresh_archive(
    archive: Archive, tmp_path: Path
) -> None:
    scripts = tmp_path / "migrations"
    copytree(migrate.OURS.scripts, scripts)
    with Archive(tmp_path / "stepped" / "communique.db") as stepped:
        assert migrate.ensure(stepped, now=NOW, steps=migrate.Steps(scripts=scripts)).created
        assert shape_of(stepped) == shape_of(archive)


def test_the_text_that_makes_a_fresh_archive_is_written_from_the_tables() -> None:
    from storage.migrations import schema

    assert migrate.FRESH.read_text(encoding="utf-8") == schema.write_statements(), "run `make docs`"


def test_a_fresh_archive_is_made_without_alembic_and_the_tables(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from storage.migrations import migrate
from storage.archive.database import Archive
with Archive(Path({str(tmp_path / "data" / "communique.db")!r})) as archive:
    assert migrate.ensure(archive, now=0).created
assert not {{"alembic", "sqlalchemy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def shape_of(archive: Archive) -> dict[str, Any]:
    """The same of a file, with its views, triggers and version."""
    with closing(connect(archive.path, mode="ro")) as reader:
        found = shape(reader)
        found["derived"] = sorted(
            reader.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')")
        )
        found["version"] = reader.execute("SELECT version_num FROM alembic_version").fetchall()
    return found


def test_views_and_guards_are_those_of_their_pages(archive: Archive) -> None:
    with archive.reading() as reader:
        found = {
            row["name"]: row["sql"]
            for row in reader.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')")
        }
    assert found == {name: f"CREATE VIEW {name} AS {select}" for name, select in (VIEWS | INNER_VIEWS).items()} | GUARDS


def test_the_known_revisions_are_the_scripts_in_order() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(migrate.OURS.scripts))
    assert tuple(step.revision for step in reversed(list(script.walk_revisions()))) == REVISIONS


def test_any_older_sqlite_opens_the_file(archive: Archive) -> None:
    """Debian 12's own SQLite 3.40, Datasette, the shell: no feature may be newer."""
    import sqlite3 as stdlib

    archive.close()
    with closing(stdlib.connect(archive.path)) as reader:
        for view in VIEWS:
            assert reader.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)
        assert reader.execute("SELECT rowid FROM posts_index WHERE posts_index MATCH 'x'").fetchall() == []


def test_a_second_start_finds_nothing_to_do_and_does_not_import_alembic(archive: Archive) -> None:
    program = f"""
import sys
from pathlib import Path
from storage.migrations import migrate
from storage.archive.database import Archive
with Archive(Path({str(archive.path)!r})) as archive:
    done = migrate.ensure(archive, now=0)
assert not done.created and done.backup is None, done
assert not {{"alembic", "sqlalchemy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_upgrade_keeps_the_rows_and_leaves_a_backup(archive: Archive, next_version: migrate.Steps) -> None:
    with archive.writing() as writer:
        writer.execute("INSERT INTO notices (at, about, text) VALUES (1, 'a', 'kept')")
    archive.close()
    done = migrate.ensure(archive, now=NOW, steps=next_version)
    assert (done.created, done.before, done.after) == (False, REVISIONS[-1], "next")
    assert done.backup == archive.path.parent / "backups" / f"communique-{REVISIONS[-1]}-20251122T082640Z.db"
    assert done.backup.stat().st_mode & 0o777 == 0o600
    with closing(connect(archive.path, mode="ro")) as reader:
        assert reader.execute("SELECT text, seen FROM notices").fetchall() == [("kept", 0)]
        names = {row[0] for row in reader.execute("SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')")}
        assert names == {*VIEWS, *INNER_VIEWS, *GUARDS}
    with Archive(done.backup) as backup, backup.reading() as reader:
        assert [row["text"] for row in reader.execute("SELECT text FROM notices")] == ["kept"]
    with Archive(done.backup) as backup:
        assert integrity.find_problems(backup) == []


def test_what_a_killed_upgrade_left_of_its_backup_is_cleared_away(
    archive: Archive, next_version: migrate.Steps
) -> None:
    archive.close()
    backups = archive.path.parent / "backups"
    backups.mkdir(mode=0o700)
    for name in ("communique-0001.db.77.tmp", "communique-0001.db.77.tmp-journal", "communique-0001.db"):
        (backups / name).touch(0o600)
    backup = migrate.ensure(archive, now=0, steps=next_version).backup
    assert backup is not None
    assert {path.name for path in backups.iterdir()} == {backup.name, "communique-0001.db"}


def test_an_upgrade_that_died_after_its_backup_leaves_one_copy_however_often(
    archive: Archive, next_version: migrate.Steps
) -> None:
    with archive.writing() as writer:
        writer.execute("INSERT INTO notices (at, about, text) VALUES (1, 'a', 'kept')")
    archive.close()
    step = next_version.scripts / "versions" / "v_next.py"
    whole = step.read_text()
    step.write_text(STEP.format(last=REVISIONS[-1], more="import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    program = """
import sys
from pathlib import Path
from storage.archive.database import Archive
from storage.migrations import migrate
steps = migrate.Steps((*migrate.REVISIONS, "next"), Path(sys.argv[2]))
with Archive(Path(sys.argv[1])) as archive:
    migrate.ensure(archive, now=int(sys.argv[3]) * 1_000_000, steps=steps)
"""
    words = [sys.executable, "-c", program, str(archive.path), str(next_version.scripts)]
    backups = archive.path.parent / "backups"
    for second in (1, 2):
        assert subprocess.run([*words, str(second)], check=False).returncode == -9
        assert len(list(backups.iterdir())) == 1
    step.write_text(whole)
    [copy] = backups.iterdir()
    done = migrate.ensure(archive, now=NOW, steps=next_version)
    assert (done.backup, done.reused, list(backups.iterdir())) == (copy, True, [copy])


def test_a_copy_of_before_the_last_run_is_kept_and_a_new_one_made(
    archive: Archive, next_version: migrate.Steps
) -> None:
    with archive.writing() as writer:
        writer.execute("INSERT INTO notices (at, about, text) VALUES (1, 'a', 'kept')")
    older = migrate.back_up(archive.path, archive.path.parent / "backups" / f"communique-{REVISIONS[-1]}-2.db")
    (older.parent / f"communique-{REVISIONS[-1]}-9.db").write_bytes(b"no database")
    with archive.writing() as writer:
        writer.execute("UPDATE notices SET text = 'changed'")
    archive.close()
    done = migrate.ensure(archive, now=NOW, steps=next_version)
    assert (done.backup != older, done.reused) == (True, False)
    assert len(list(older.parent.iterdir())) == 3


def test_bad_input_76_a_newer_schema_is_refused_by_every_door(archive: Archive, next_version: migrate.Steps) -> None:
    migrate.ensure(archive, now=NOW, steps=next_version)
    with Archive(archive.path) as newer:
        with pytest.raises(ArchiveTooNew, match="upgrade the program"):
            migrate.ensure(newer, now=NOW)
        with pytest.raises(ArchiveTooNew), newer.reading():
            pass
        with pytest.raises(ArchiveTooNew), newer.writing():
            pass


def test_an_upgrade_that_finds_the_disk_full_leaves_the_file_and_the_disk_as_they_were(
    archive: Archive, next_version: migrate.Steps
) -> None:
    archive.close()
    before, step = archive.path.read_bytes(), next_version.scripts / "versions" / "v_next.py"
    full = 'op.execute("PRAGMA max_page_count = 1"); op.execute("CREATE TABLE large AS SELECT zeroblob(9999999)")'
    step.write_text(STEP.format(last=REVISIONS[-1], more=full))
    for now in (NOW, NOW + 60_000_000):
        with pytest.raises(ArchiveFull):
            migrate.ensure(archive, now=now, steps=next_version)
    assert archive.path.read_bytes() == before
    assert list((archive.path.parent / "backups").iterdir()) == []


def test_bad_input_76_a_step_that_breaks_half_way_leaves_the_file_as_it_was(
    archive: Archive, next_version: migrate.Steps
) -> None:
    step = next_version.scripts / "versions" / "v_next.py"
    step.write_text(STEP.format(last=REVISIONS[-1], more='op.execute("INSERT INTO nowhere VALUES (1)")'))
    with closing(connect(archive.path, mode="ro")) as reader:
        before = (shape(reader), reader.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall())
    with pytest.raises(Exception, match="nowhere"):
        migrate.ensure(archive, now=NOW, steps=next_version)
    with closing(connect(archive.path, mode="ro")) as reader:
        assert before == (shape(reader), reader.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall())
    assert migrate.ensure(archive, now=NOW).before == REVISIONS[-1]


def test_bad_input_76_a_truncated_file_is_named(archive: Archive) -> None:
    archive.close()
    with archive.path.open("r+b") as file:
        file.truncate(archive.path.stat().st_size - 8192)
    with Archive(archive.path) as cut, pytest.raises(ArchiveDamaged, match="restore a backup"):
        migrate.ensure(cut, now=NOW)


def test_bad_input_76_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data" / "communique.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"Dear diary, " * 1000)
    with Archive(path) as other, pytest.raises(ArchiveDamaged, match=r"communique\.db cannot be read"):
        migrate.ensure(other, now=NOW)
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_bad_input_76_one_flipped_byte_in_the_index_is_found(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute("INSERT INTO posts_index (rowid, body) VALUES (5, 'a word that no text has')")
    [problem] = integrity.find_problems(archive)
    assert "full-text index" in problem
    full_text.rebuild(archive)
    assert integrity.find_problems(archive) == []


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "communique.db"
    path.parent.mkdir(mode=0o700)
    with closing(connect(path, mode="rwc")) as other:
        other.execute("CREATE TABLE moz_places (id INTEGER)")
    with Archive(path) as foreign, pytest.raises(ArchiveRefused, match="another program"):
        migrate.ensure(foreign, now=NOW)
    with closing(connect(path, mode="ro")) as reader:
        assert reader.execute("SELECT name FROM sqlite_master").fetchall() == [("moz_places",)]


def test_an_empty_file_becomes_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "data" / "communique.db"
    path.parent.mkdir(mode=0o700)
    path.touch()
    with Archive(path) as fresh:
        assert migrate.ensure(fresh, now=NOW).created
        assert integrity.find_problems(fresh) == []


def test_bad_input_77_a_backup_that_cannot_be_finished_leaves_the_older_one(archive: Archive) -> None:
    to = archive.path.parent / "backups" / "daily.db"
    migrate.back_up(archive.path, to)
    first = to.read_bytes()
    program = f"""
import resource, signal
from pathlib import Path
from storage.migrations import migrate
from storage.archive.errors import ArchiveError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    migrate.back_up(Path({str(archive.path)!r}), Path({str(to)!r}))
except ArchiveError as problem:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "refused\n"
    assert to.read_bytes() == first
    assert sorted(path.name for path in to.parent.iterdir()) == ["daily.db"]


def test_the_files_that_an_archive_of_the_first_schema_waits_for_become_due(tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOW, steps=migrate.Steps(REVISIONS[:1]))
        with closing(connect(archive.path, mode="rw")) as old:
            old.execute(
                "INSERT INTO sources (name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures) VALUES ('s', 'feed', '[]', 1, 'ok', 0, 0, 0, 0)"
            )
            old.execute(
                "INSERT INTO posts (id, source_id, native_id, posted_raw, collected_at, alerts, revision, texts, language) VALUES (1, 1, '1', '', 0, 1, 0, 0, 'und')"
            )
            for state in ("pending", "not downloadable"):
                old.execute(
                    "INSERT INTO media (post_id, key, kind, revision, state) VALUES (1, :state, 'voice', 0, :state)",
                    {"state": state},
                )
        migrate.ensure(archive, now=NOW)
        with archive.reading() as reader:
            rows = reader.execute("SELECT state, next_try_at, failures FROM media ORDER BY id").fetchall()
    assert [tuple(row) for row in rows] == [("pending", 0, 0), ("not downloadable", None, 0)]


def test_what_an_archive_of_the_third_schema_had_read_is_not_read_again(tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOW, steps=migrate.Steps(REVISIONS[:3]))
        with closing(connect(archive.path, mode="rw")) as old:
            old.execute(
                "INSERT INTO sources (name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures) VALUES ('s', 'feed', '[]', 1, 'ok', 0, 0, 0, 0)"
            )
            old.execute(
                "INSERT INTO posts (id, source_id, native_id, posted_raw, collected_at, alerts, revision, texts, language) VALUES (1, 1, '1', '', 0, 1, 0, 0, 'und')"
            )
            for key in ("heard", "unheard"):
                old.execute(
                    "INSERT INTO media (post_id, key, kind, revision, state, stored_at) VALUES (1, :key, 'voice', 0, 'stored', 5)",
                    {"key": key},
                )
            old.execute(
                "INSERT INTO texts (id, post_id, kind, media_id, revision, text, folded, fold_version, language, current) VALUES (1, 1, 'transcript', 1, 0, 'x', 'x', 1, 'en', 1)"
            )
            old.execute("INSERT INTO jobs (kind, post_id, slot, due_at, attempts) VALUES ('ocr', 1, '2', 5, 0)")
            old.execute("INSERT INTO jobs (kind, post_id, slot, due_at, attempts) VALUES ('decide', 1, '', 5, 0)")
        migrate.ensure(archive, now=NOW)
        with archive.reading() as reader:
            read = reader.execute("SELECT read_by, read_at FROM media ORDER BY id").fetchall()
            waits = reader.execute("SELECT kind, patient FROM jobs ORDER BY kind").fetchall()
    assert [tuple(row) for row in read] == [("unknown", 5), (None, None)]
    assert [tuple(row) for row in waits] == [("decide", None), ("ocr", 0)]


def test_a_source_of_an_older_archive_has_its_state_under_the_name_of_today(tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOW, steps=migrate.Steps(REVISIONS[: REVISIONS.index("0004") + 1]))
        with closing(connect(archive.path, mode="rw")) as old:
            for name in ("flood wait", "preview off", "ok"):
                old.execute(
                    "INSERT INTO sources (name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures) VALUES (:state, 'feed', '[]', 1, :state, 7, 0, 0, 0)",
                    {"state": name},
                )
        migrate.ensure(archive, now=NOW)
        with archive.reading() as reader:
            states = reader.column("SELECT state FROM sources_readable ORDER BY id")
    assert states == ["rate-limited", "preview disabled", "ok"]


def test_bad_input_75_rules_and_posts_of_an_older_archive_keep_the_order_of_their_times(tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOW, steps=migrate.Steps(REVISIONS[: REVISIONS.index("0004") + 1]))
        with closing(connect(archive.path, mode="rw")) as old:
            old.execute(
                "INSERT INTO sources (name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures, first_contact_at) VALUES ('s', 'feed', '[]', 1, 'ok', 0, 0, 0, 0, 5)"
            )
            for at in (9, 10, 11):
                old.execute(
                    "INSERT INTO posts (id, source_id, native_id, posted_raw, collected_at, alerts, revision, texts, language) VALUES (:at, 1, :at, '', :at, 1, 0, 0, 'und')",
                    {"at": at},
                )
            old.execute("INSERT INTO rules (name, version, query, loaded_at) VALUES ('fall', 'v1', 'x', 10)")
        migrate.ensure(archive, now=NOW)
        with archive.writing() as writer:
            since = rules.find_first_loaded(writer, "fall")
            facts = matches.read_facts(writer, [9, 10, 11])
            assert {at: fact.seq < since for at, fact in facts.items()} == {9: True, 10: True, 11: False}
            assert take_number(writer) > max(since, *(fact.seq for fact in facts.values()))
