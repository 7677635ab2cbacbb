"""Makes one backup: the database of one moment, the files that are new, the config; then lets old backups go."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EIO
from hashlib import sha256
from pathlib import Path

from storage.archive.errors import ArchiveBusy, ArchiveError, ArchiveRefused, disk_errors
from storage.archive.permissions import create_or_check
from storage.backups.catalog import (
    CONFIG,
    DATABASE,
    MANIFEST,
    PEOPLE,
    UNFINISHED,
    BackupRow,
    Manifest,
    SecretName,
    backups_in,
    name_of,
    names_in,
    read,
)
from storage.backups.keeping import Keep, superseded
from storage.backups.people import copy_people
from storage.backups.proof import Snapshot, at_rest, copy_database, digest, prove, stored_files, sync
from storage.frozen import dataclass
from storage.media.shelf import Shelf, path_of

_PIECE = 1 << 20
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Brought:
    """What goes along beside the archive: the bytes of the config file, and the files that it names."""

    config: bytes | None = None
    secrets: tuple[SecretName, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup, how many files and bytes were new in it, and the names of the backups that it let go."""

    backup: BackupRow
    new_files: int
    new_bytes: int
    removed: tuple[str, ...] = ()


def refuse_place(destination: Path, data_dir: Path) -> None:
    """Raise ArchiveRefused for a place that would not survive the data directory, or that is not ours alone."""
    inside, around = destination.resolve(), data_dir.resolve()
    if inside == around or around in inside.parents:
        raise ArchiveRefused(
            f"{destination} is inside the data directory: choose another disk, or another place", destination
        )
    create_or_check(destination)


def make(
    data_dir: Path, database: Path, destination: Path, *, now: Callable[[], int], brought: Brought, keep: Keep | None
) -> Made:
    """Back the archive up into a new directory in `destination`, while it is written to.

    `now` gives microseconds UTC. `keep` None: every older backup stays. Raises ArchiveError; then no backup was made
    and older ones are as they were.
    """
    refuse_place(destination, data_dir)
    with disk_errors(destination), _held(destination):
        _clear(destination)
        work = destination / f"{UNFINISHED}{os.getpid()}"
        work.mkdir(mode=0o700)
        try:
            made = _make(data_dir, database, destination, work, now, brought)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        removed = () if keep is None else _let_go(destination, keep, made.backup.path)
    return Made(made.backup, made.new_files, made.new_bytes, removed)


def _make(
    data_dir: Path, database: Path, destination: Path, work: Path, now: Callable[[], int], brought: Brought
) -> Made:
    copy = work / DATABASE
    has_people = copy_people(data_dir / PEOPLE, work / PEOPLE)  # first: what the archive did after it, it only repeats
    snapshot = copy_database(database, copy, now)
    prove(copy, snapshot.schema, snapshot.counts)
    with at_rest(copy) as reader:
        files = list(stored_files(reader, snapshot.schema))
    new, new_bytes, missing = _copy_files(Shelf(data_dir), Shelf(destination), files)
    if brought.config is not None:
        write_new(work / CONFIG, brought.config)
    manifest = _manifest(snapshot, copy, brought, missing, digest(work / PEOPLE) if has_people else None)
    write_new(work / MANIFEST, manifest.text().encode())
    copy.chmod(0o600)
    sync(copy)
    if has_people:
        sync(work / PEOPLE)
    sync(work)
    named = _free_name(destination, name_of(snapshot.at))
    work.rename(named)
    sync(destination)
    return Made(BackupRow(named, manifest), new, new_bytes)


def _manifest(
    snapshot: Snapshot, copy: Path, brought: Brought, missing: Iterable[str], people_sha256: str | None
) -> Manifest:
    return Manifest(
        at=snapshot.at,
        schema=snapshot.schema,
        mark=snapshot.mark,
        counts=snapshot.counts,
        database_bytes=copy.stat().st_size,
        database_sha256=digest(copy),
        config_sha256=None if brought.config is None else sha256(brought.config).hexdigest(),
        people_sha256=people_sha256,
        secrets=brought.secrets,
        missing=tuple(missing),
    )


def _copy_files(source: Shelf, store: Shelf, files: Sequence[tuple[str, int]]) -> tuple[int, int, list[str]]:
    """Copy every content that the store lacks: how many, their bytes, and which the source did not have whole."""
    new, new_bytes, missing = 0, 0, []
    for number, (content, size) in enumerate(files):
        there = store.root.parent / path_of(content)
        if there.is_file() and there.stat().st_size == size:
            continue
        copied = copy_file(source.root.parent / path_of(content), store, number, content)
        if copied is None:
            missing.append(content)
        else:
            new, new_bytes = new + 1, new_bytes + copied
    return new, new_bytes, missing


def copy_file(path: Path, store: Shelf, number: int, content: str) -> int | None:
    """Copy one file into a store by its content; its size, or None where it is not there or does not hold it."""
    try:
        descriptor = os.open(path, _OLD)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file, store.arriving(number) as arriving:
        while piece := _read(file.fileno()):
            arriving.write(piece)
        if arriving.sha256 != content:
            return None
        _mend(store, content, arriving.size)
        arriving.keep()
        store.forget(number)
        return arriving.size


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError as problem:
        if problem.errno == EIO:
            return b""  # then its hash is another one
        raise


def _mend(store: Shelf, content: str, size: int) -> None:
    """A copy that was cut off makes room for the whole one; any other file under that name is refused by `keep`."""
    there = store.root.parent / path_of(content)
    if there.is_file() and not there.is_symlink() and (there.stat().st_size != size or digest(there) != content):
        there.unlink()


def write_new(path: Path, data: bytes) -> None:
    """Write a new file (mode 0600), synced."""
    with os.fdopen(os.open(path, _NEW, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _free_name(destination: Path, name: str) -> Path:
    number, path = 1, destination / name
    while path.exists():
        number += 1
        path = destination / f"{name}-{number:02}"
    return path


@contextmanager
def _held(destination: Path) -> Iterator[None]:
    """Hold the directory of backups alone."""
    descriptor = os.open(destination / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        hold_alone(descriptor, destination)
        yield
    finally:
        os.close(descriptor)


def hold_alone(descriptor: int, place: Path) -> None:
    """Lock an open file for as long as it is open. Raises ArchiveBusy where another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ArchiveBusy(f"another process is writing to {place}: wait for it", place) from None


def _clear(destination: Path) -> None:
    """Remove what a dead process had not finished; it had made every one of these names."""
    for left in destination.glob(f"{UNFINISHED}*"):
        for name in (MANIFEST, CONFIG, DATABASE, f"{DATABASE}-journal", PEOPLE, f"{PEOPLE}-journal"):
            (left / name).unlink(missing_ok=True)
        with suppress(OSError):
            left.rmdir()  # where somebody keeps files of their own in it, it stays
    for left in (destination / "media" / ".incoming").glob("*"):
        left.unlink()


def _let_go(destination: Path, keep: Keep, made: Path) -> tuple[str, ...]:
    """Remove the backups that `keep` no longer wants, and the files that no backup has any more."""
    archive = _archive_of(read(made))
    rows = [row for row in backups_in(destination) if _archive_of(row) == archive]
    gone = superseded([row.moment for row in rows], keep)
    newest = {row.moment: row.path for row in rows}  # of two in one second
    removed = [row.path for row in rows if row.moment in gone or newest[row.moment] != row.path]
    removed = [path for path in removed if path != made]
    for path in removed:
        _remove(destination, path)
    if removed:
        _remove_unused(destination)
    return tuple(path.name for path in removed)


def _archive_of(row: BackupRow) -> str | None:
    return row.manifest.mark.archive if row.manifest.mark else None


def _remove(destination: Path, path: Path) -> None:
    """Remove the files of one backup; what somebody else put there stays."""
    gone = destination / f"{UNFINISHED}{path.name}"  # from here on it is no backup, whenever we die
    path.rename(gone)
    sync(destination)
    for name in (MANIFEST, CONFIG, PEOPLE, DATABASE):
        (gone / name).unlink(missing_ok=True)
    if any(gone.iterdir()):
        gone.rename(path)
    else:
        gone.rmdir()


def _remove_unused(destination: Path) -> None:
    """Remove the files that no backup names. Where one of them cannot be read, every file stays."""
    used: set[bytes] = set()
    for name in names_in(destination):
        try:
            schema = read(destination / name).manifest.schema
            with at_rest(destination / name / DATABASE) as reader:
                used.update(bytes.fromhex(content) for content, _ in stored_files(reader, schema))
        except ArchiveError:
            return
    for file in (destination / "media").glob("??/??/*"):
        content = file.name
        if file == destination / path_of(content) and len(content) == 64 and bytes.fromhex(content) not in used:
            file.unlink()
