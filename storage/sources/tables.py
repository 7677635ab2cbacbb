"""The tables of sources: their states, gaps and rounds, and what a Telegram account remembers."""

from typing import Any, ClassVar

from sqlalchemy import Column, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


class SourceTable(SQLModel, table=True):
    """One configured channel or feed, under the name that the user gave it. Its row outlives its config entry."""

    __tablename__: ClassVar[str] = "sources"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("sources_failing", "failure", sqlite_where=clause("failure IS NOT NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    # the config says
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    tags: str = Field(default="[]", sa_type=Text)  # JSON list
    side: str | None = Field(default=None, sa_type=Text)
    enabled: int = 1  # 0: no longer in the config
    # the source says
    channel_id: str | None = Field(default=None, sa_type=Text)
    handle: str | None = Field(default=None, sa_type=Text)
    title: str | None = Field(default=None, sa_type=Text)
    # we say
    state: str = Field(default="new", sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    state_since: int = 0
    paused: int = 0
    cursor: str | None = Field(default=None, sa_type=Text)
    high_water: int | None = None
    first_contact_at: int | None = None
    next_poll_at: int = 0
    hold_until: int | None = None  # set by the other side (Retry-After, flood wait): never broken
    failures: int = 0
    last_ok_at: int | None = None
    last_post_at: int | None = None
    first_contact_seq: int | None = None  # what came up to then was there before us: storage.archive.sequence
    server: str | None = Field(default=None, sa_type=Text)  # what had to be reached for it; None: no network
    failure: str | None = Field(default=None, sa_type=Text)  # records.FailureKind of the last round
    failing_since: int | None = None  # with this kind of failure
    failures_alike: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    # the reader by which its posts are to be read: see storage.posts.rereading
    reader: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    family: str | None = Field(default=None, sa_type=Text)  # the config says: of one house with others; None: its own
    picture: str | None = Field(default=None, sa_type=Text)  # the source says: what it calls its picture
    moved_to: str | None = Field(default=None, sa_type=Text)  # the source says: where it is from now on
    pace: int | None = None  # microseconds between two polls, where its host allows no more; None: as the config says


class GapTable(SQLModel, table=True):
    """The ledger's open and closed gaps: see records.Gap."""

    __tablename__: ClassVar[str] = "gaps"
    __table_args__ = (
        Index("gaps_by_source", "source_id", "closed_at"),
        Index("gaps_unsaid", "id", sqlite_where=clause("said < 2")),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    low: int | None = None
    high: int | None = None
    from_at: int | None = None
    to_at: int | None = None
    reason: str = Field(sa_type=Text)
    opened_at: int
    closed_at: int | None = None
    closed_how: str | None = Field(default=None, sa_type=Text)
    until_count: int | None = None
    until_time: int | None = None
    alerts: int = 0
    # what people have heard of it: 1 that it is open, 2 that it is closed
    said: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))


class RunTable(SQLModel, table=True):
    """One stretch of watching a source with one outcome: equal rounds in a row extend it instead of adding rows."""

    __tablename__: ClassVar[str] = "runs"
    __table_args__ = (Index("runs_by_source", "source_id", "started_at"), Index("runs_in_order", "source_id"))

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    started_at: int
    ended_at: int
    outcome: str = Field(sa_type=Text)  # ok, or the state that a failure named
    detail: str | None = Field(default=None, sa_type=Text)
    rounds: int = 1
    posts: int = 0
    longest_pause: int | None = None  # microseconds between two rounds; None: begun before that was recorded


class IdentityChangeTable(SQLModel, table=True):
    """What has changed about who a source is: see storage.sources.identity."""

    __tablename__: ClassVar[str] = "identity_changes"
    __table_args__ = (
        Index("identity_changes_of", "source_id", "what", "at"),
        Index("identity_changes_unsaid", "id", sqlite_where=clause("said = 0")),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    at: int
    what: str = Field(sa_type=Text)
    before: str | None = Field(default=None, sa_type=Text)
    after: str | None = Field(default=None, sa_type=Text)
    said: int = 0


class SilenceTable(SQLModel, table=True):
    """A source that was silent for longer than usual, or when it usually posts: see storage.sources.rhythm."""

    __tablename__: ClassVar[str] = "silences"
    __table_args__ = (Index("silences_open", "source_id", sqlite_where=clause("ended_at IS NULL")),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    slot: str = Field(sa_type=Text)  # "": a silence; else the time of day, "18:00" or "Mon 18:00"
    since: int
    said_at: int | None = None
    accepted_until: int | None = None
    ended_at: int | None = None


def _account() -> Any:
    """The name of an account in the config; '' where [telegram] describes the only one."""
    return Field(sa_column=Column(Text, nullable=False, server_default=clause("''")))


class TelegramAccountTable(SQLModel, table=True):
    """The state of each account, by its name in the config; '' is the one that [telegram] alone describes."""

    __tablename__: ClassVar[str] = "telegram_account"
    __table_args__ = (Index("telegram_account_by_name", "account", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    remedy: str | None = Field(default=None, sa_type=Text)
    state_since: int
    user: str | None = Field(default=None, sa_type=Text)
    account: str = _account()


class TelegramPeerTable(SQLModel, table=True):
    """A name that was resolved once; the access hash belongs to one account, which is named by its user id here."""

    __tablename__: ClassVar[str] = "telegram_peers"

    account: str = Field(primary_key=True, sa_type=Text)
    asked: str = Field(primary_key=True, sa_type=Text)
    channel_id: int
    access_hash: int
    handle: str | None = Field(default=None, sa_type=Text)
    title: str | None = Field(default=None, sa_type=Text)
    joined: int
    at: int


class TelegramWaitTable(SQLModel, table=True):
    """A method that Telegram does not want to hear before `until`."""

    __tablename__: ClassVar[str] = "telegram_waits"

    account: str = Field(primary_key=True, sa_type=Text)
    method: str = Field(primary_key=True, sa_type=Text)
    until: int


class TelegramSpentTable(SQLModel, table=True):
    """One call of a method that has a budget by the hour."""

    __tablename__: ClassVar[str] = "telegram_spent"

    id: int | None = Field(default=None, primary_key=True)
    method: str = Field(sa_type=Text)
    at: int
    account: str = _account()


class TelegramWatchTable(SQLModel, table=True):
    """How a source is watched by the account."""

    __tablename__: ClassVar[str] = "telegram_watches"

    source: str = Field(primary_key=True, sa_type=Text)
    mode: str = Field(sa_type=Text)
    joined: int
    account: str = _account()


class TelegramRequestTable(SQLModel, table=True):
    """What a person asked of the process that holds the session."""

    __tablename__: ClassVar[str] = "telegram_requests"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    asked_at: int
    done_at: int | None = None
    outcome: str | None = Field(default=None, sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)
    account: str = _account()
