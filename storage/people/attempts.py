"""Wrong passwords: after five in a row for one name from one address, each further one makes the next wait longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.people.persons import key_of
from storage.people.secret import hash_secret

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

FREE = 5  # wrong ones without a wait
_FREE_OF_ADDRESS = 50  # whatever the names
_FIRST_WAIT, _LONGEST_WAIT = 15_000_000, 900_000_000
_FORGOTTEN = 86_400_000_000
_MOST = 20_000  # rows: names and addresses are what strangers send


def find_wait(reader: Reader, name: str, address: str, now: int) -> int:
    """How long this name from this address has to wait before a password is looked at, in microseconds; 0: not."""
    rows = reader.rows(
        "SELECT name, failures, at FROM attempts WHERE address = :address AND name IN (:name, '') AND at > :floor",
        {"name": _key(name), "address": address, "floor": now - _FORGOTTEN},
    )
    return max((_left(row["failures"], row["at"], now, free=bool(row["name"])) for row in rows), default=0)


def _left(failures: int, at: int, now: int, *, free: bool) -> int:
    over = failures - (FREE if free else _FREE_OF_ADDRESS)
    if over < 0:
        return 0
    return max(0, min(at, now) + min(_LONGEST_WAIT, _FIRST_WAIT << min(over, 10)) - now)


def note_failure(writer: Writer, name: str, address: str, now: int) -> None:
    """One more wrong password."""
    for one in (_key(name), ""):
        writer.execute(
            "INSERT INTO attempts (name, address, failures, at) VALUES (:name, :address, 1, :now)"
            " ON CONFLICT (name, address) DO UPDATE SET at = :now,"
            " failures = iif(at > :floor, failures + 1, 1)",
            {"name": one, "address": address, "now": now, "floor": now - _FORGOTTEN},
        )
    writer.execute(
        "DELETE FROM attempts WHERE rowid IN (SELECT rowid FROM attempts ORDER BY at DESC LIMIT -1 OFFSET :most)",
        {"most": _MOST},
    )


def note_success(writer: Writer, name: str, address: str) -> None:
    """The right password: what was wrong before no longer counts for this name from this address."""
    writer.execute(
        "DELETE FROM attempts WHERE name = :name AND address = :address", {"name": _key(name), "address": address}
    )


def _key(name: str) -> str:
    """Nothing that somebody typed into the field of the name, perhaps a password, is kept as it is."""
    return hash_secret(key_of(name))
