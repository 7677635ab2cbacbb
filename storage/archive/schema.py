"""Every table on one page; columns are grouped by who owns them: what the source says, what we say.

Times are integer microseconds UTC. All tables are STRICT. Rows of `raw`, `revisions`, `texts` and `observations` are
never changed or removed (triggers of the first migration refuse it, but for `texts.current`).
"""

import builtins
from typing import ClassVar

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel

STRICT = {"sqlite_strict": True}


class SourceTable(SQLModel, table=True):
    """One configured channel or feed, under the name that the user gave it. Its row outlives its config entry."""

    __tablename__: ClassVar[str] = "sources"
    __table_args__ = (UniqueConstraint("name"), STRICT)

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


class RawTable(SQLModel, table=True):
    """Bytes as received, compressed; addressed by the SHA-256 of the uncompressed bytes."""

    __tablename__: ClassVar[str] = "raw"
    __table_args__ = (STRICT,)

    sha256: str = Field(primary_key=True, sa_type=Text)
    mime: str = Field(sa_type=Text)
    bytes: int
    zstd: builtins.bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PostTable(SQLModel, table=True):
    """One post. `id` is time-ordered (see storage.posts.ids): newest first is a walk, not a sort."""

    __tablename__: ClassVar[str] = "posts"
    __table_args__ = (
        UniqueConstraint("source_id", "native_id"),
        Index("posts_by_source", "source_id", "id"),
        Index("posts_with_more_texts", "id", sqlite_where=Column("texts", Integer) > 1),
        Index("posts_by_url", "url"),
        STRICT,
    )

    id: int = Field(primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    native_id: str = Field(sa_type=Text)
    # the source says (first revision; later ones stand in `revisions`)
    number: int | None = None
    posted_at: int | None = None
    posted_raw: str = Field(default="", sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    author: str | None = Field(default=None, sa_type=Text)
    reply_to: str | None = Field(default=None, sa_type=Text)
    group_key: str | None = Field(default=None, sa_type=Text)
    forward: str | None = Field(default=None, sa_type=Text)  # JSON of records.Forward
    views: str | None = Field(default=None, sa_type=Text)  # as first seen
    # we say
    collected_at: int
    alerts: int = 1  # 0: first contact or backfill, which never alert by themselves
    revision: int = 0  # number of the current revision
    texts: int = 0  # how many current texts it has
    language: str = Field(default="und", sa_type=Text)
    edited_at: int | None = None
    deleted_at: int | None = None  # when its absence was established


class RevisionTable(SQLModel, table=True):
    """What a post said at one time; an edit adds one when the content hash changes."""

    __tablename__: ClassVar[str] = "revisions"
    __table_args__ = (UniqueConstraint("post_id", "number"), STRICT)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    number: int
    # the source says
    title: str | None = Field(default=None, sa_type=Text)
    text: str = Field(sa_type=Text)
    links: str = Field(default="[]", sa_type=Text)  # JSON of records.Link
    poll: str | None = Field(default=None, sa_type=Text)
    preview: str | None = Field(default=None, sa_type=Text)
    edited: int = 0
    edited_at: int | None = None
    # we say
    content_hash: str = Field(sa_type=Text)
    raw_sha256: str = Field(sa_column=Column(Text, ForeignKey("raw.sha256"), nullable=False))
    collected_at: int
    method: str = Field(sa_type=Text)


class ObservationTable(SQLModel, table=True):
    """Present or absent at a time, by a method. An absence is not yet a deletion."""

    __tablename__: ClassVar[str] = "observations"
    __table_args__ = (
        Index("observations_by_post", "post_id", "at"),
        CheckConstraint("presence IN ('present', 'absent')", name="presence"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    at: int
    presence: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)


class TextTable(SQLModel, table=True):
    """What rules read: body, transcript, OCR, file titles, poll. `id` is post id * 2**14 + n, so that it sorts alike.

    `folded` is storage.language.fold of `text` under `fold_version`; the full-text index stands on it.
    """

    __tablename__: ClassVar[str] = "texts"
    __table_args__ = (Index("texts_by_post", "post_id"), STRICT)

    id: int = Field(primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    kind: str = Field(sa_type=Text)
    revision: int = 0
    media_id: int | None = None
    text: str = Field(sa_type=Text)
    folded: str = Field(sa_type=Text)
    fold_version: int
    language: str = Field(default="und", sa_type=Text)
    engine: str | None = Field(default=None, sa_type=Text)
    confidence: float | None = Field(default=None, sa_type=REAL)
    current: int = 1
    model: str | None = Field(default=None, sa_type=Text)
    unreliable: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    segments: str | None = Field(default=None, sa_type=Text)  # JSON of records.Segment: time codes


class MediaTable(SQLModel, table=True):
    """One file of a post; the bytes, once fetched, stand at media/ab/cd/<sha256>."""

    __tablename__: ClassVar[str] = "media"
    __table_args__ = (
        UniqueConstraint("post_id", "key"),
        Index("media_by_state", "state"),
        Index("media_due", "next_try_at", sqlite_where=clause("state = 'pending'")),
        Index("media_unread", "post_id", sqlite_where=clause("state = 'stored' AND read_by IS NULL")),
        STRICT,
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


class GapTable(SQLModel, table=True):
    """The ledger's open and closed gaps: see records.Gap."""

    __tablename__: ClassVar[str] = "gaps"
    __table_args__ = (Index("gaps_by_source", "source_id", "closed_at"), STRICT)

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


class QuarantineTable(SQLModel, table=True):
    """What could not be read or stored as a post: kept whole, listed by `status`, never in the way."""

    __tablename__: ClassVar[str] = "quarantine"
    __table_args__ = (UniqueConstraint("source_id", "raw_sha256"), STRICT)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    native_id: str | None = Field(default=None, sa_type=Text)
    raw_sha256: str = Field(sa_column=Column(Text, ForeignKey("raw.sha256"), nullable=False))
    reason: str = Field(sa_type=Text)
    at: int


class RunTable(SQLModel, table=True):
    """One stretch of watching a source with one outcome: equal rounds in a row extend it instead of adding rows."""

    __tablename__: ClassVar[str] = "runs"
    __table_args__ = (Index("runs_by_source", "source_id", "started_at"), STRICT)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    started_at: int
    ended_at: int
    outcome: str = Field(sa_type=Text)  # ok, or the state that a failure named
    detail: str | None = Field(default=None, sa_type=Text)
    rounds: int = 1
    posts: int = 0


class JobTable(SQLModel, table=True):
    """Work that is due; unique by kind, post, slot.

    `decide` (rules on a post), `recheck` (look at a post again), `transcript`, `ocr`, `translation`.
    """

    __tablename__: ClassVar[str] = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "post_id", "slot"),
        Index("jobs_due", "kind", "due_at"),
        Index("jobs_newest", "kind", "patient", "post_id", sqlite_where=clause("patient IS NOT NULL")),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    slot: str = Field(default="", sa_type=Text)
    due_at: int
    claimed_until: int | None = None
    attempts: int = 0
    patient: int | None = None  # of a file to be read: 1 gives way to what is fresh


class GivenUpTable(SQLModel, table=True):
    """A job that failed three times: out of the way, with its reason, listed by `status`."""

    __tablename__: ClassVar[str] = "given_up"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    slot: str = Field(default="", sa_type=Text)
    at: int
    reason: str = Field(sa_type=Text)


class RuleTable(SQLModel, table=True):
    """A rule as it was loaded: posts first collected before `loaded_at` of its name's first version never alert."""

    __tablename__: ClassVar[str] = "rules"
    __table_args__ = (UniqueConstraint("name", "version"), STRICT)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)  # hash of query and scope
    query: str = Field(sa_type=Text)
    loaded_at: int


class MatchTable(SQLModel, table=True):
    """A rule found its words in a post, or an edit or deletion changed what it had found."""

    __tablename__: ClassVar[str] = "matches"
    __table_args__ = (
        UniqueConstraint("rule", "rule_version", "post_id", "document_hash", "kind"),
        Index("matches_by_post", "post_id"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True)
    rule: str = Field(sa_type=Text)
    rule_version: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    document_hash: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)  # match edited deleted
    at: int
    hits: str = Field(default="[]", sa_type=Text)  # JSON of records.Hit
    alerting: int = 1
    why: str = Field(sa_type=Text)  # the named reason why it alerts, or why not
    before: str | None = Field(default=None, sa_type=Text)  # edited: the passage as it was


class DeliveryTable(SQLModel, table=True):
    """One message owed to one target. `possible_repeat` marks a send whose first outcome nobody knows."""

    __tablename__: ClassVar[str] = "deliveries"
    __table_args__ = (
        UniqueConstraint("match_id", "target"),
        Index("deliveries_due", "target", "state", "not_before"),
        CheckConstraint("state IN ('pending','sending','sent','digested','dead','silenced')", name="state"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True)
    match_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("matches.id")))
    target: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)  # match edited deleted digest health test
    payload: str = Field(default="{}", sa_type=Text)  # JSON; health and test messages carry their words here
    state: str = Field(default="pending", sa_type=Text)
    not_before: int
    attempts: int = 0
    possible_repeat: int = 0
    created_at: int
    started_at: int | None = None  # of the attempt under way, committed before the call
    settled_at: int | None = None
    reason: str | None = Field(default=None, sa_type=Text)
    receipt: str | None = Field(default=None, sa_type=Text)  # JSON, what the target gave back (message id)


class TargetTable(SQLModel, table=True):
    """A target that refused for good is parked until a person acts; `hold_until` is a wait that it asked for."""

    __tablename__: ClassVar[str] = "targets"
    __table_args__ = (STRICT,)

    name: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(default="ok", sa_type=Text)  # ok failing parked
    reason: str | None = Field(default=None, sa_type=Text)
    state_since: int = 0
    hold_until: int | None = None


class NoticeTable(SQLModel, table=True):
    """Something the user must hear once: a source broke or recovered, a target was parked, a file was quarantined."""

    __tablename__: ClassVar[str] = "notices"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True)
    at: int
    about: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class MetaTable(SQLModel, table=True):
    """Single facts about this archive: fold version, when it was made."""

    __tablename__: ClassVar[str] = "meta"
    __table_args__ = (STRICT,)

    key: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class TelegramAccountTable(SQLModel, table=True):
    """How the one account stands, in one row."""

    __tablename__: ClassVar[str] = "telegram_account"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    remedy: str | None = Field(default=None, sa_type=Text)
    state_since: int
    user: str | None = Field(default=None, sa_type=Text)


class TelegramPeerTable(SQLModel, table=True):
    """A name that was resolved once; the access hash belongs to one account."""

    __tablename__: ClassVar[str] = "telegram_peers"
    __table_args__ = (STRICT,)

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
    __table_args__ = (STRICT,)

    method: str = Field(primary_key=True, sa_type=Text)
    until: int


class TelegramSpentTable(SQLModel, table=True):
    """One call of a method that has a budget by the hour."""

    __tablename__: ClassVar[str] = "telegram_spent"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True)
    method: str = Field(sa_type=Text)
    at: int


class TelegramWatchTable(SQLModel, table=True):
    """How a source is watched by the account."""

    __tablename__: ClassVar[str] = "telegram_watches"
    __table_args__ = (STRICT,)

    source: str = Field(primary_key=True, sa_type=Text)
    mode: str = Field(sa_type=Text)
    joined: int


class TelegramRequestTable(SQLModel, table=True):
    """What a person asked of the process that holds the session."""

    __tablename__: ClassVar[str] = "telegram_requests"
    __table_args__ = (STRICT,)

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    asked_at: int
    done_at: int | None = None
    outcome: str | None = Field(default=None, sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)


FTS = (
    'CREATE VIRTUAL TABLE texts_index USING fts5(folded, content="texts", content_rowid="id", '
    "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
)
