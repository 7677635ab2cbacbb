"""Gathers the tables of every folder, adds those of jobs and of the archive itself, and writes them as fresh.sql.

Times are integer microseconds UTC. All tables are STRICT. `make docs` writes the file: a process that makes an archive
reads it, and need not import SQLAlchemy and all tables for a second.
"""

from typing import ClassVar

from sqlalchemy import Column, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy import text as clause
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, SQLModel

from storage.alerts.tables import count_column
from storage.answers import tables as _answers  # noqa: F401  each registers its tables
from storage.archive import full_text
from storage.events import tables as _events  # noqa: F401
from storage.media import tables as _media  # noqa: F401
from storage.posts import tables as _posts  # noqa: F401
from storage.sources import tables as _sources  # noqa: F401


class JobTable(SQLModel, table=True):
    """Work that is due; unique by kind, post, slot.

    `decide` (rules on a post), `recheck` (look at a post again), `transcript`, `ocr`, `translation`.
    """

    __tablename__: ClassVar[str] = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "post_id", "slot"),
        Index("jobs_due", "kind", "due_at"),
        Index("jobs_newest", "kind", "patient", "post_id", sqlite_where=clause("patient IS NOT NULL")),
        Index("jobs_apart", "kind", "due_at", sqlite_where=clause("attempts + interruptions > 0")),
        Index("jobs_claimed", "kind", sqlite_where=clause("claimed_until IS NOT NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    slot: str = Field(default="", sa_type=Text)
    due_at: int
    claimed_until: int | None = None
    attempts: int = 0  # that failed while the process lived
    patient: int | None = None  # of a file to be read: 1 gives way to what is fresh
    interruptions: int = count_column()  # deaths of the process in a row with this job claimed
    deaths: int = count_column()  # those of them that count against it: see storage.alerts.deaths
    healthy: int = count_column()  # 1: whoever claimed it had been healthy for a minute
    seen: int | None = None  # of `decide`: the revision that rules have seen already; None if there is none


class GivenUpTable(SQLModel, table=True):
    """A job that failed three times: out of the way, with its reason, listed by `status`."""

    __tablename__: ClassVar[str] = "given_up"
    __table_args__ = (
        Index("given_up_of", "post_id", "kind"),
        Index("given_up_unsaid", "id", sqlite_where=clause("announced = 0")),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    slot: str = Field(default="", sa_type=Text)
    at: int
    reason: str = Field(sa_type=Text)
    announced: int = count_column()  # 1: people have heard of it, or need not


class ConfigEntryTable(SQLModel, table=True):
    """What the config has or had: see storage.sources.renames."""

    __tablename__: ClassVar[str] = "config_entries"

    part: str = Field(primary_key=True, sa_type=Text)  # sources targets rules
    name: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    mark: str = Field(sa_type=Text)


class MetaTable(SQLModel, table=True):
    """Single facts about this archive: fold version, when it was made."""

    __tablename__: ClassVar[str] = "meta"

    key: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


_VERSION = (  # as Alembic makes it
    "CREATE TABLE alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def write_statements() -> str:
    """What creates every table, every index and the full-text index in an empty file."""
    dialect = sqlite.dialect()
    statements: list[str] = []
    for table in SQLModel.metadata.sorted_tables:
        table.dialect_options["sqlite"]["strict"] = True
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    statements += [full_text.CREATE, _VERSION]
    return "".join(f"{_tidy(statement)};\n\n" for statement in statements)


def _tidy(statement: str) -> str:
    return "\n".join(line.rstrip() for line in statement.strip().splitlines())
