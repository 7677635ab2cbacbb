"""The people of the reading room: what they may do, what they may read, and whether they are locked out."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

Role = Literal["reader", "desk", "owner"]
ROLES: tuple[Role, ...] = ("reader", "desk", "owner")
LONGEST_NAME = 100
_COLUMNS = "id, name, role, may_read, password, made_at, password_at, locked_at, seen_at"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One of them. `may_read` None: everything; `password` is a hash, None where only a proxy signs them in.

    Times are microseconds UTC.
    """

    id: int
    name: str
    role: Role
    may_read: tuple[str, ...] | None
    password: str | None
    made_at: int
    password_at: int | None
    locked_at: int | None
    seen_at: int | None


def key_of(name: str) -> str:
    """A name as it is compared: neither case nor the way in which its letters are composed tells two people apart."""
    return unicodedata.normalize("NFKC", name.encode(errors="replace").decode()).casefold().strip()[: 4 * LONGEST_NAME]


def add_person(
    writer: Writer, name: str, role: Role, may_read: Sequence[str] | None, password: str | None, now: int
) -> PersonRow | None:
    """Write somebody down; None where somebody has this name already."""
    row = writer.one(
        "INSERT INTO people (name, key, role, may_read, password, made_at, password_at)"
        " VALUES (:name, :key, :role, :may_read, :password, :now, iif(:password IS NULL, NULL, :now))"
        f" ON CONFLICT (key) DO NOTHING RETURNING {_COLUMNS}",
        {
            "name": name,
            "key": key_of(name),
            "role": role,
            "may_read": None if may_read is None else json.dumps(list(may_read), ensure_ascii=False),
            "password": password,
            "now": now,
        },
    )
    return None if row is None else _person(row)


def list_people(reader: Reader) -> list[PersonRow]:
    """All of them, by name."""
    return [_person(row) for row in reader.rows(f"SELECT {_COLUMNS} FROM people ORDER BY key")]


def find_person(reader: Reader, name: str) -> PersonRow | None:
    """The one with this name; None if there is none."""
    row = reader.one(f"SELECT {_COLUMNS} FROM people WHERE key = :key", {"key": key_of(name)})
    return None if row is None else _person(row)


def read_person(reader: Reader, person_id: int) -> PersonRow | None:
    """The one with this id; None if there is none."""
    row = reader.one(f"SELECT {_COLUMNS} FROM people WHERE id = :id", {"id": person_id})
    return None if row is None else _person(row)


def set_password(writer: Writer, person_id: int, password: str, now: int) -> None:
    """Give somebody another password; whoever is signed in by the old one is no longer."""
    writer.execute(
        "UPDATE people SET password = :password, password_at = :now WHERE id = :id",
        {"id": person_id, "password": password, "now": now},
    )
    end_sessions(writer, person_id)


def set_rights(writer: Writer, person_id: int, role: Role, may_read: Sequence[str] | None) -> None:
    """What somebody may do and read, from their next request on."""
    writer.execute(
        "UPDATE people SET role = :role, may_read = :may_read WHERE id = :id",
        {
            "id": person_id,
            "role": role,
            "may_read": None if may_read is None else json.dumps(list(may_read), ensure_ascii=False),
        },
    )


def lock_person(writer: Writer, person_id: int, now: int) -> None:
    """Let nobody in by this name, and no token of theirs, until they are unlocked; their sessions end."""
    writer.execute(
        "UPDATE people SET locked_at = coalesce(locked_at, :now) WHERE id = :id", {"id": person_id, "now": now}
    )
    end_sessions(writer, person_id)


def unlock_person(writer: Writer, person_id: int) -> None:
    """Let somebody in again."""
    writer.execute("UPDATE people SET locked_at = NULL WHERE id = :id", {"id": person_id})


def remove_person(writer: Writer, person_id: int) -> None:
    """Forget somebody, with their sessions and tokens. What they did stays in the archive under their name."""
    writer.execute("DELETE FROM people WHERE id = :id", {"id": person_id})


def end_sessions(writer: Writer, person_id: int) -> None:
    """Sign somebody out everywhere."""
    writer.execute("DELETE FROM sessions WHERE person_id = :id", {"id": person_id})


def note_seen(writer: Writer, person_id: int, now: int) -> None:
    """Remember when somebody was last here."""
    writer.execute("UPDATE people SET seen_at = :now WHERE id = :id", {"id": person_id, "now": now})


def _person(row: Row) -> PersonRow:
    values = dict(row)
    written = values["may_read"]
    return PersonRow(**{**values, "may_read": None if written is None else tuple(json.loads(written))})
