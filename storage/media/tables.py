"""The table of files: what a post shows, what we have of it, and who has read it."""

from typing import ClassVar

from sqlalchemy import REAL, Column, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


class MediaTable(SQLModel, table=True):
    """One file of a post; the bytes, once fetched, are at media/ab/cd/<sha256>."""

    __tablename__: ClassVar[str] = "media"
    __table_args__ = (
        UniqueConstraint("post_id", "key"),
        Index("media_by_state", "state"),
        Index("media_by_kind", "kind", "post_id"),
        Index("media_by_content", "sha256", sqlite_where=clause("sha256 IS NOT NULL")),
        Index("media_due", "next_try_at", sqlite_where=clause("state = 'pending'")),
        Index("media_unread", "post_id", sqlite_where=clause("state = 'stored' AND read_by IS NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    # the source says
    key: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    mime: str | None = Field(default=None, sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    bytes: int | None = None
    duration_s: float | None = Field(default=None, sa_type=REAL)
    # we say
    revision: int = 0  # the newest revision that shows it
    state: str = Field(default="pending", sa_type=Text)  # pending stored "too big" gone refused "not downloadable"
    reason: str | None = Field(default=None, sa_type=Text)
    sha256: str | None = Field(default=None, sa_type=Text)
    path: str | None = Field(default=None, sa_type=Text)  # from the data directory
    sniffed: str | None = Field(default=None, sa_type=Text)  # the type that its first bytes show
    size: int | None = None  # of what is stored
    stored_at: int | None = None
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    next_try_at: int | None = None  # of a pending one
    read_by: str | None = Field(default=None, sa_type=Text)  # the engine, as configured, that read it or gave it up
    read_at: int | None = None
    reading_since: int | None = None  # written before an engine begins, so that a crash of the whole unit has a name
    crashes: int | None = None  # deaths of the whole process that count; 0: one that does not
    reread: int | None = None  # 1: only a better reader saw it, or what it says, in stored bytes: no news
    picture: str | None = Field(default=None, sa_type=Text)  # what it looks like: see bot.events.pictures
