"""Who is signed in, in which browser: sessions that end by themselves, and addresses that begin one, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass
from storage.people.secret import hash_secret, make_secret

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

IDLE, LONGEST = 12 * 3_600_000_000, 30 * 86_400_000_000
ONE_TIME = 86_400_000_000  # that an address is good for
_TOUCH = 60_000_000  # a session that was used is written down at most so often
_OVER = "(seen_at <= :now - :idle OR made_at <= :now - :longest)"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A browser that is signed in, as a person, or without one as the user of this system whose `name` it is."""

    person_id: int | None
    name: str | None
    seen_at: int

    def is_stale(self, now: int) -> bool:
        """Whether `touch` has something to write."""
        return not now - _TOUCH < self.seen_at <= now


def begin_session(writer: Writer, now: int, *, person_id: int | None = None, name: str | None = None) -> str:
    """Sign a browser in; what it has to show from now on."""
    _forget_old(writer, now)
    secret = make_secret()
    writer.execute(
        "INSERT INTO sessions (hash, person_id, name, made_at, seen_at) VALUES (:hash, :person, :name, :now, :now)",
        {"hash": hash_secret(secret), "person": person_id, "name": name, "now": now},
    )
    return secret


def find_session(reader: Reader, secret: str, now: int) -> SessionRow | None:
    """The session that this belongs to, unless it is over."""
    row = reader.one(
        f"SELECT person_id, name, seen_at FROM sessions WHERE hash = :hash AND NOT {_OVER}",
        {"hash": hash_secret(secret), **_at(now)},
    )
    return None if row is None else SessionRow(*row)


def touch_session(writer: Writer, secret: str, now: int) -> None:
    """Remember that a session was used."""
    writer.execute("UPDATE sessions SET seen_at = :now WHERE hash = :hash", {"hash": hash_secret(secret), "now": now})


def end_session(writer: Writer, secret: str) -> None:
    """Sign a browser out."""
    writer.execute("DELETE FROM sessions WHERE hash = :hash", {"hash": hash_secret(secret)})


def count_sessions(reader: Reader, now: int) -> dict[int, int]:
    """How many browsers each person is signed in with."""
    rows = reader.rows(
        "SELECT person_id, count(*) AS sessions FROM sessions"
        f" WHERE person_id IS NOT NULL AND NOT {_OVER} GROUP BY person_id",
        _at(now),
    )
    return {row["person_id"]: row["sessions"] for row in rows}


def make_one_time(writer: Writer, name: str, now: int) -> str:
    """What signs the user of this system in, once, within a day."""
    writer.execute("DELETE FROM one_time WHERE ends_at <= :now", {"now": now})
    secret = make_secret()
    writer.execute(
        "INSERT INTO one_time (hash, name, ends_at) VALUES (:hash, :name, :ends)",
        {"hash": hash_secret(secret), "name": name, "ends": now + ONE_TIME},
    )
    return secret


def use_one_time(writer: Writer, secret: str, now: int) -> str | None:
    """Take it, and begin a session: what the browser has to show; None where it was used, or is too old."""
    row = writer.one("DELETE FROM one_time WHERE hash = :hash RETURNING name, ends_at", {"hash": hash_secret(secret)})
    if row is None or row["ends_at"] <= now:
        return None
    return begin_session(writer, now, name=row["name"])


def _forget_old(writer: Writer, now: int) -> None:
    writer.execute(f"DELETE FROM sessions WHERE {_OVER}", _at(now))


def _at(now: int) -> dict[str, int]:
    return {"now": now, "idle": IDLE, "longest": LONGEST}
