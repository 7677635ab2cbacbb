"""Which backups are in a directory, and what each of them holds.

DEST/20261129T180600Z/communique.db     the archive of one moment (UTC), proved
                      people.db         people of the reading room and their tokens, where there are any; no session
                      config.toml       the config file, where there was one
                      manifest.json     what is in it: written last
DEST/media/ab/cd/<sha256>               files by content, once for all backups
DEST/.unfinished-…                      what a dead process left; the next backup removes it
DEST/.lock                              held while a backup is made
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.archive.errors import ArchiveDamaged, ArchiveError, ArchiveTooNew
from storage.archive.marker import Mark
from storage.backups.proof import Counts
from storage.frozen import dataclass

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z(?:-[0-9]{2})?")
UNFINISHED = ".unfinished-"
DATABASE, CONFIG, MANIFEST, PEOPLE = "communique.db", "config.toml", "manifest.json", "people.db"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class SecretName:
    """A file that the config names and that is not in the backup: the key, and the path as it is written there."""

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one backup holds. `at` is its moment in microseconds UTC; `mark` None: of a version without marks.

    `missing` are contents that the archive calls stored and that nobody had when the backup was made.
    """

    at: int
    schema: str
    mark: Mark | None
    counts: Counts
    database_bytes: int
    database_sha256: str
    config_sha256: str | None = None
    people_sha256: str | None = None
    secrets: tuple[SecretName, ...] = ()
    missing: tuple[str, ...] = ()

    def text(self) -> str:
        """Write it as JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """One finished backup, by its directory."""

    path: Path
    manifest: Manifest

    @property
    def moment(self) -> int:
        """Its time by its name, to the second, in microseconds UTC."""
        return int(datetime.strptime(self.path.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1_000_000


def backups_in(directory: Path) -> list[BackupRow]:
    """Every finished backup in a directory of backups, oldest first. What is not ours, or not whole, is passed over."""
    found = []
    for name in names_in(directory):
        try:
            found.append(read(directory / name))
        except ArchiveError:
            continue
    return found


def names_in(directory: Path) -> list[str]:
    """The names of everything that is called like a backup, whole or not, oldest first."""
    return sorted(
        path.name
        for path in directory.iterdir()
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def read(path: Path) -> BackupRow:
    """The backup in this directory. Raises ArchiveDamaged for half of one, ArchiveTooNew for a newer form of one."""
    manifest = path / MANIFEST
    try:
        data = json.loads(manifest.read_bytes())
        if data["format"] != FORMAT:
            raise ArchiveTooNew(
                f"the backup {path} has form {data['format']}, this program knows {FORMAT}: upgrade the program", path
            )
        return BackupRow(path, _manifest(data))
    except OSError as problem:
        raise ArchiveDamaged(f"{path} is not a whole backup: {manifest}: {problem.strerror}", path) from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise ArchiveDamaged(f"{path} is not a whole backup: {manifest} cannot be read", path) from problem


def _manifest(data: dict[str, Any]) -> Manifest:
    return Manifest(
        at=int(data["at"]),
        schema=str(data["schema"]),
        mark=Mark(**data["mark"]) if data["mark"] else None,
        counts=Counts(**data["counts"]),
        database_bytes=int(data["database_bytes"]),
        database_sha256=str(data["database_sha256"]),
        config_sha256=data["config_sha256"],
        people_sha256=data.get("people_sha256"),  # of an older version: none
        secrets=tuple(SecretName(**secret) for secret in data["secrets"]),
        missing=tuple(data["missing"]),
    )


def name_of(at: int) -> str:
    """The name of the backup of a moment; names sort by time."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def store_of(backup: Path) -> Path:
    """The directory whose `media` holds the files of a backup: beside it, or in it where somebody put them there."""
    return backup if (backup / "media").is_dir() else backup.parent
