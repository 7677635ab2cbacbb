"""Brings a backup back into an empty directory: every byte is proved on its way, and only the last step makes it count.

A restore that died is continued by the same command: until the last step the database bears a name that nobody opens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from storage.archive import marker
from storage.archive.database import REVISIONS, Writer, refuse_newer
from storage.archive.errors import ArchiveDamaged, disk_errors
from storage.archive.permissions import create_or_check, refuse_network
from storage.backups.catalog import (
    CONFIG,
    DATABASE,
    MANIFEST,
    NAME,
    PEOPLE,
    BackupRow,
    backups_in,
    names_in,
    read,
    store_of,
)
from storage.backups.making import copy_file, hold_alone, write_new
from storage.backups.proof import alone, at_rest, prove, stored_files, sync
from storage.frozen import dataclass
from storage.media.shelf import Shelf, path_of

_PIECE = 1 << 20


class WrongPlace(Exception):
    """There is no backup here, or none is restored into this directory; its text is one sentence."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back; `missing` are contents that the backup does not have, or not as they were."""

    backup: BackupRow
    files: int
    missing: tuple[str, ...]
    config: Path | None
    people: Path | None
    config_damaged: bool
    people_damaged: bool
    newer: tuple[str, ...]  # backups beside it that were made later


def choose(source: Path) -> tuple[BackupRow, tuple[str, ...]]:
    """The backup that `source` means, and the names of those beside it that are newer.

    `source` is one backup, or a directory of backups, of which the newest is meant. Raises ArchiveError and WrongPlace.
    """
    if not source.is_dir():
        raise WrongPlace(f"{source} is not a directory: name a backup, or the directory where backups are")
    names = names_in(source)
    if not names and not (source / MANIFEST).exists() and not NAME.fullmatch(source.absolute().name):
        raise WrongPlace(f"{source} holds no backup: name a backup, or the directory where backups are")
    path = source / names[-1] if names else source
    chosen = _read(path)
    beside = backups_in(path.absolute().parent)
    return chosen, tuple(row.path.name for row in beside if row.path.name > path.name)


def _read(path: Path) -> BackupRow:
    try:
        return read(path)
    except ArchiveDamaged as problem:
        raise ArchiveDamaged(f"{problem}{_older(path)}", path) from problem


def restore(source: Path, data_dir: Path, database: Path) -> Restored:
    """Fill the empty directory `data_dir`; `database` is the archive's place in it.

    Raises ArchiveError and WrongPlace; then `data_dir` holds no archive that a run would open, and the backup is
    as it was.
    """
    with disk_errors(source):
        backup, newer = choose(source)
    manifest = backup.manifest
    refuse_newer(manifest.schema, REVISIONS, backup.path)
    _refuse_place(backup.path, data_dir, database)
    unfinished = marker.unfinished_of(database)
    with disk_errors(data_dir), _held(unfinished) as descriptor:
        try:
            _copy_database(backup, descriptor, unfinished)
        except ArchiveDamaged as problem:
            unfinished.unlink()
            raise ArchiveDamaged(f"{problem}{_older(backup.path)}", unfinished) from problem
        files, missing = _copy_files(backup, unfinished, Shelf(data_dir))
        config = _copy_small(backup.path / CONFIG, data_dir / CONFIG, manifest.config_sha256)
        people = _copy_small(backup.path / PEOPLE, data_dir / PEOPLE, manifest.people_sha256)
        marker.write(database, manifest.mark or _marked(unfinished))
        unfinished.rename(database)
        sync(data_dir)
    return Restored(
        backup,
        files,
        missing,
        config,
        people,
        config_damaged=manifest.config_sha256 is not None and config is None,
        people_damaged=manifest.people_sha256 is not None and people is None,
        newer=newer,
    )


def _marked(unfinished: Path) -> marker.Mark:
    """The mark of an archive of a version without marks, which gets one now."""
    with alone(unfinished) as copy:
        mark = marker.raise_count(Writer(copy))
    sync(unfinished)
    return mark


@contextmanager
def _held(unfinished: Path) -> Iterator[int]:
    """The file that becomes the database, open and locked: two restores never fill it at once."""
    descriptor = os.open(unfinished, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        hold_alone(descriptor, unfinished.parent)
        os.ftruncate(descriptor, 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_place(backup: Path, data_dir: Path, database: Path) -> None:
    inside, store = data_dir.resolve(), store_of(backup).resolve()
    if inside == store or store in inside.parents:
        raise WrongPlace(f"{data_dir} is inside the directory of backups: choose another place")
    made = create_or_check(data_dir)
    refuse_network(data_dir)
    if not made and any(data_dir.iterdir()) and (database.exists() or not marker.unfinished_of(database).exists()):
        raise WrongPlace(f"{data_dir} is not empty: a backup is only restored into an empty directory")
    data_dir.chmod(0o700)


def _copy_database(backup: BackupRow, descriptor: int, to: Path) -> None:
    """Copy it, compare it with what the manifest says, and prove it. Raises ArchiveDamaged."""
    state = sha256()
    try:
        with (backup.path / DATABASE).open("rb") as source:
            while piece := source.read(_PIECE):
                state.update(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(descriptor, view) :]
    except FileNotFoundError:
        raise ArchiveDamaged(f"the backup {backup.path} has no database", to) from None
    if state.hexdigest() != backup.manifest.database_sha256:
        raise ArchiveDamaged(f"the database of the backup {backup.path} is not the one that was written", to)
    prove(to, backup.manifest.schema, backup.manifest.counts)
    os.fsync(descriptor)


def _older(path: Path) -> str:
    older = [row for row in backups_in(path.absolute().parent) if row.path.name < path.name]
    return f": restore the one before it, {older[-1].path}" if older else ": there is none before it"


def _copy_files(backup: BackupRow, copy: Path, shelf: Shelf) -> tuple[int, tuple[str, ...]]:
    """Copy every file that the restored archive names, each proved by its hash: how many, and which could not be."""
    store = store_of(backup.path)
    with at_rest(copy) as reader:
        contents = [content for content, _ in stored_files(reader, backup.manifest.schema)]
    missing = []
    for number, content in enumerate(contents):
        if copy_file(store / path_of(content), shelf, number, content) is None:
            missing.append(content)
    return len(contents) - len(missing), tuple(missing)


def _copy_small(path: Path, to: Path, expected: str | None) -> Path | None:
    """Copy the config or the people; None where there is none, or another than was written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if sha256(data).hexdigest() != expected:
        return None
    to.unlink(missing_ok=True)  # of a restore that died
    write_new(to, data)
    return to
