"""Copies people.db while it is used: people, tokens and open requests; nobody is signed in there."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from storage.archive.connections import connect_to_read
from storage.archive.database import translate_errors
from storage.archive.errors import ArchiveRefused
from storage.backups.proof import alone
from storage.people.database import is_ours

if TYPE_CHECKING:
    from pathlib import Path


def copy_people(path: Path, to: Path) -> bool:
    """Copy the file into the new file `to` (mode 0600), as it is at one moment; False where there is none.

    Raises ArchiveError; then `to` may hold a part.
    """
    if not path.exists():
        return False
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with translate_errors(path), closing(connect_to_read(path)) as source, alone(to) as target:
        if not is_ours(source):
            raise ArchiveRefused(f"{path} is a database of another program: move it away", path)
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        for table in ("sessions", "one_time", "attempts"):
            target.execute(f"DELETE FROM {table}")
        target.execute("VACUUM")  # so that nothing of them is left in free pages
    return True
