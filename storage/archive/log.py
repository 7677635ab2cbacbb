"""Empties the write-ahead log beside the writer, so that no commit has to wait for it."""

from contextlib import closing
from pathlib import Path

from storage.archive.connections import connect
from storage.archive.database import Writer, translate_errors


def spare_commits(writer: Writer) -> None:
    """Let no commit of this connection empty the log, however long it is: whoever calls this calls `empty_log` too."""
    writer.execute("PRAGMA wal_autocheckpoint = 0")


def empty_log(database: Path) -> None:
    """Copy what was committed from the log into the database, as far as no reader needs it in the log.

    Takes a while and delays neither readers nor writers (https://www.sqlite.org/pragma.html#pragma_wal_checkpoint,
    PASSIVE): call it from a thread of its own. Raises ArchiveError.
    """
    with translate_errors(database), closing(connect(database, mode="rw")) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
