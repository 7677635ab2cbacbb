"""The tables of people.db, which is a file of its own beside the archive: people, sessions, tokens, requests.

Times are microseconds UTC. Of passwords, sessions, tokens and one-time addresses there are only hashes here.
"""

from typing import Any, ClassVar

from sqlalchemy import Column, ForeignKey, Index, Integer, Text
from sqlalchemy import text as clause
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import registry
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, SQLModel


class PeopleTables(SQLModel, registry=registry()):
    """What all of them share: they are none of the archive's tables."""


def _owned_by(*, optional: bool = False) -> Any:
    return Field(
        default=None, sa_column=Column(Integer, ForeignKey("people.id", ondelete="CASCADE"), nullable=optional)
    )


class PersonTable(PeopleTables, table=True):
    """Somebody who may use the reading room."""

    __tablename__: ClassVar[str] = "people"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text, unique=True)  # the name as it is compared
    role: str = Field(sa_type=Text)  # reader desk owner
    may_read: str | None = Field(default=None, sa_type=Text)  # JSON list of tag:… and source:…; None: everything
    password: str | None = Field(default=None, sa_type=Text)  # Argon2id; None: only a proxy signs them in
    made_at: int
    password_at: int | None = None
    locked_at: int | None = None
    seen_at: int | None = None


class SessionTable(PeopleTables, table=True):
    """A browser that has signed in. Without a person: the user of this system, by a one-time address."""

    __tablename__: ClassVar[str] = "sessions"
    __table_args__ = (Index("sessions_of", "person_id"),)

    hash: str = Field(primary_key=True, sa_type=Text)
    person_id: int | None = _owned_by(optional=True)
    name: str | None = Field(default=None, sa_type=Text)  # of the user of this system
    made_at: int
    seen_at: int


class OneTimeTable(PeopleTables, table=True):
    """An address that signs the user of this system in, once."""

    __tablename__: ClassVar[str] = "one_time"

    hash: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    ends_at: int


class TokenTable(PeopleTables, table=True):
    """A token of a program or of a feed reader, which may do no more than its owner."""

    __tablename__: ClassVar[str] = "tokens"
    __table_args__ = (Index("tokens_of", "person_id"),)

    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text)
    person_id: int = _owned_by()
    scope: str = Field(sa_type=Text)  # feeds read act
    made_at: int
    ends_at: int | None = None
    used_at: int | None = None
    revoked_at: int | None = None


class AttemptTable(PeopleTables, table=True):
    """Wrong passwords in a row for one name from one address; the name may be nobody's."""

    __tablename__: ClassVar[str] = "attempts"
    __table_args__ = (Index("attempts_at", "at"),)

    name: str = Field(primary_key=True, sa_type=Text)
    address: str = Field(primary_key=True, sa_type=Text)
    failures: int
    at: int


class ActionTable(PeopleTables, table=True):
    """What somebody asked for on a page: the daemon does it, and writes down what came of it."""

    __tablename__: ClassVar[str] = "requests"
    __table_args__ = (Index("requests_open", "id", sqlite_where=clause("done_at IS NULL")),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(sa_type=Text, unique=True)
    who: str = Field(sa_type=Text)
    what: str = Field(sa_type=Text)  # ack useful noise mute unmute
    arguments: str = Field(sa_type=Text)  # JSON
    asked_at: int
    done_at: int | None = None
    outcome: str | None = Field(default=None, sa_type=Text)  # ok refused
    said: str | None = Field(default=None, sa_type=Text)


def list_statements() -> list[str]:
    """What creates every table and index in an empty file."""
    dialect = sqlite.dialect()
    statements: list[str] = []
    for table in PeopleTables.metadata.sorted_tables:
        table.dialect_options["sqlite"]["strict"] = True
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    return statements
