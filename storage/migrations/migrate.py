"""Brings the archive to the current schema: at head? else back it up, then upgrade in one transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.connections import connect
from storage.archive.database import (
    REVISIONS,
    Archive,
    open_writer,
    refuse_newer,
    schema_of,
    transaction,
    translate_errors,
)
from storage.archive.errors import ArchiveDamaged, ArchiveError, ArchiveFull
from storage.archive.guards import GUARDS
from storage.archive.permissions import create_or_check, tighten_file
from storage.archive.sqlite import sqlite3
from storage.archive.views import INNER_VIEWS, VIEWS
from storage.frozen import dataclass
from storage.migrations.leftover import find_copy

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.archive.database import Connection as Driver


@dataclass(frozen=True, slots=True)
class Steps:
    """The schemas that can be brought up to date, oldest first, and the directory of the scripts that do it."""

    revisions: tuple[str, ...] = REVISIONS
    scripts: Path = Path(__file__).parent


OURS = Steps()
FRESH = Path(__file__).with_name("fresh.sql")


@dataclass(frozen=True, slots=True)
class Migrated:
    """What `ensure` did: `before` is None for a new file; `backup` is the copy of before an upgrade.

    `reused`: an upgrade that did not get to its end had made that copy.
    """

    created: bool
    before: str | None
    after: str
    backup: Path | None
    reused: bool = False


def ensure(archive: Archive, *, now: int, steps: Steps = OURS) -> Migrated:
    """Create the archive with its tables, or upgrade it step by step, or find that there is nothing to do.

    `now` (microseconds UTC) names the backup and dates a new archive. Raises ArchiveRefused for a place, a version or
    a file that a person must look at, ArchiveUnwritable if the device does not let us write. A failed upgrade leaves
    the file as it was, and no backup if the disk was too full for it.
    """
    path = archive.path
    create_or_check(path.parent)
    empty = not path.exists() or path.stat().st_size == 0
    before = None if empty else _look(path)
    if before is not None:
        refuse_newer(before, steps.revisions, path)
    if before == steps.revisions[-1]:
        tighten_file(path)
        return Migrated(created=False, before=before, after=before, backup=None)
    backup, reused = None, False
    if before is not None:
        to = _backup_path(path, before, now)
        for unfinished in to.parent.glob("*.tmp*"):
            unfinished.unlink()  # of an upgrade that was killed; they are as large as the archive
        backup = find_copy(path, to.parent, f"{path.stem}-{before}-*{path.suffix}")
        reused = backup is not None
        backup = backup or back_up(path, to)
    try:
        _upgrade(path, now, steps)
    except ArchiveFull:
        if backup is not None:
            backup.unlink()  # the file is as it was; each further try would leave one more copy of it on the full disk
        raise
    return Migrated(created=before is None, before=before, after=steps.revisions[-1], backup=backup, reused=reused)


def _look(path: Path) -> str | None:
    """The revision of an existing file, after the cheap signs of damage. Whoever starts to collect shares the file."""
    with translate_errors(path), closing(connect(path, mode="ro")) as reader:
        before = schema_of(reader, path)
        pages = reader.execute("PRAGMA page_count").fetchone()[0] * reader.execute("PRAGMA page_size").fetchone()[0]
    wal = path.with_name(path.name + "-wal")
    if path.stat().st_size < pages and not (wal.exists() and wal.stat().st_size):
        raise ArchiveDamaged(f"{path} is truncated ({path.stat().st_size} of {pages} bytes): restore a backup", path)
    return before


def _backup_path(path: Path, revision: str, now: int) -> Path:
    stamp = datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return path.parent / "backups" / f"{path.stem}-{revision}-{stamp}{path.suffix}"


def back_up(path: Path, to: Path) -> Path:
    """Write a compact copy of the archive as `to` (mode 0600), complete or not at all; readers and writers continue.

    Raises ArchiveFull and its kin; a copy that was begun is removed, an older backup is never touched.
    """
    create_or_check(to.parent)
    unfinished = to.with_name(f"{to.name}.{os.getpid()}.tmp")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with translate_errors(unfinished), closing(connect(path, mode="rw")) as reader:
            reader.execute("VACUUM INTO ?", (str(unfinished),))
        _sync(unfinished)
        unfinished.rename(to)
        _sync(to.parent)
    except OSError as problem:
        raise ArchiveError(f"cannot write the backup {to}: {problem.strerror}", to) from problem
    finally:
        unfinished.unlink(missing_ok=True)
    return to


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _upgrade(path: Path, now: int, steps: Steps) -> None:
    # a table that is rebuilt must not take the rows that refer to it with it
    with translate_errors(path), closing(open_writer(path, foreign_keys=False)) as driver:
        with transaction(driver):
            if steps == OURS and schema_of(driver, path) is None:
                _create(driver)
                _derive(driver, path, now)
                return
        with _alchemy(driver) as alchemy:
            if schema_of(driver, path) == steps.revisions[-1]:
                return  # another process was faster
            _drop_derived(driver)
            _run_alembic(alchemy, steps)
            _derive(driver, path, now)


def _create(driver: Driver) -> None:
    """Make every table of an empty file: see storage.migrations.schema, which wrote the text."""
    for statement in FRESH.read_text(encoding="utf-8").split(";\n\n"):
        driver.execute(statement)
    driver.execute("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))


def _derive(driver: Driver, path: Path, now: int) -> None:
    """Make what follows from the tables, views, guards, the date; and see that each row refers to one that is there."""
    for name, select in (VIEWS | INNER_VIEWS).items():
        driver.execute(f"CREATE VIEW {name} AS {select}")
    tables = {row[0] for row in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name, trigger in GUARDS.items():
        if name.partition("_stay")[0] in tables:  # a step of an earlier release has fewer
            driver.execute(trigger)
    driver.execute("INSERT INTO meta VALUES ('made_at', ?) ON CONFLICT (key) DO NOTHING", (str(now),))
    if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
        raise ArchiveDamaged(f"{path}: {len(broken)} rows refer to nothing: restore a backup", path)


def _drop_derived(driver: Driver) -> None:
    """Views and triggers would prevent the rebuilding of tables; they are made again afterwards."""
    found = driver.execute("SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchall()
    for kind, name in found:
        driver.execute(f'DROP {kind} "{name}"')


@contextmanager
def _alchemy(driver: Driver) -> Iterator[Connection]:
    """One transaction of SQLAlchemy on an open connection, which is closed with it."""
    from sqlalchemy import StaticPool, create_engine, event

    engine = create_engine("sqlite://", module=sqlite3, creator=lambda: driver, poolclass=StaticPool)
    event.listen(engine, "begin", lambda alchemy: alchemy.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as alchemy:
            yield alchemy
    finally:
        engine.dispose()


def _run_alembic(alchemy: Connection, steps: Steps) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(steps.scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = alchemy
    command.upgrade(config, steps.revisions[-1])
