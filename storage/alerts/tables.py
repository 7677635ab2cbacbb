"""The tables of alerts: rules, what they found, what is owed to whom, and notices."""

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


def count_column(default: int = 0) -> Any:
    """A number that rows of an earlier release have too."""
    return Field(default=default, sa_column=Column(Integer, nullable=False, server_default=clause(str(default))))


class RuleTable(SQLModel, table=True):
    """A rule as it was loaded: posts that came before `loaded_seq` of its name's first version never alert."""

    __tablename__: ClassVar[str] = "rules"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)  # hash of query and scope
    query: str = Field(sa_type=Text)
    loaded_at: int
    loaded_seq: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    language_version: int = count_column(1)  # by which its query was first read


class UndecidedTable(SQLModel, table=True):
    """A post that waited for its decision when new rules got the number `loaded_seq`, and its revision of then.

    For these rules that revision is what the post has always said. Removed with the decision.
    """

    __tablename__: ClassVar[str] = "undecided"
    __table_args__ = ({"sqlite_with_rowid": False},)

    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), primary_key=True))
    loaded_seq: int = Field(sa_column=Column(Integer, primary_key=True))
    revision: int


class MatchTable(SQLModel, table=True):
    """A rule found its words in a post, or an edit or deletion changed what it had found."""

    __tablename__: ClassVar[str] = "matches"
    __table_args__ = (
        UniqueConstraint("rule", "rule_version", "post_id", "document_hash", "kind"),
        Index("matches_by_post", "post_id"),
        Index("matches_by_rule", "rule", "at"),
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
    """One message owed to one target. `possible_repeat`: 1 once an attempt may have arrived.

    `held`: the kind of digest that a pending one waits for; `digest_id`: the digest that lists a digested one.
    `escalates`: the alert that nobody took up; then `match_id` is NULL.
    """

    __tablename__: ClassVar[str] = "deliveries"
    __table_args__ = (
        UniqueConstraint("match_id", "target"),
        Index("deliveries_due", "target", "state", "held", "not_before"),
        Index(
            "deliveries_in_order",
            "target",
            "priority",
            "id",
            sqlite_where=clause("state = 'pending' AND held IS NULL"),
        ),
        Index("deliveries_held", "target", "held", "priority", "created_at", sqlite_where=clause("held IS NOT NULL")),
        Index("deliveries_by_digest", "digest_id", sqlite_where=clause("digest_id IS NOT NULL")),
        Index("deliveries_apart", "target", sqlite_where=clause("interruptions > 0")),
        Index(
            "deliveries_escalating",
            "escalates",
            "target",
            unique=True,
            sqlite_where=clause("escalates IS NOT NULL"),
        ),
        Index("deliveries_unanswered", "target", sqlite_where=clause("kind = 'escalation' AND state = 'pending'")),
        Index("deliveries_of_files", "id", sqlite_where=clause("kind = 'files' AND state = 'pending'")),
        Index("deliveries_sending", "target", sqlite_where=clause("state = 'sending'")),
        Index("deliveries_of_mute", "mute_id", sqlite_where=clause("mute_id IS NOT NULL")),
        CheckConstraint("state IN ('pending','sending','sent','joined','digested','dead','silenced')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    match_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("matches.id")))
    target: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)  # match edited deleted digest event health test escalation files
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
    priority: int = count_column(2)  # 0 max, 1 high, 2 default, 3 low, 4 min
    unanswered: int = count_column()  # attempts in a row after which nobody knew whether it had arrived
    interruptions: int = count_column()  # as of a job: see storage.alerts.deaths
    deaths: int = count_column()
    healthy: int = count_column()
    held: str | None = Field(default=None, sa_type=Text)  # quiet limit late scheduled
    digest_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("digests.id")))
    held_until: int | None = None  # as it was last expected, for people: nothing is decided by it
    escalates: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("matches.id")))
    mute_id: int | None = None  # the mute that held it, also once a person has sent it again
    asked: int = count_column()  # 1: a person wants it sent, and no mute holds it


class DigestTable(SQLModel, table=True):
    """One message that lists many: it settled every delivery with its id. `delivery_id` is its own delivery."""

    __tablename__: ClassVar[str] = "digests"
    __table_args__ = (Index("digests_of", "target", "kind", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    target: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)  # quiet limit late scheduled
    window_from: int  # of what it lists or counts
    window_to: int
    made_at: int
    delivery_id: int | None = None  # NULL only inside the transaction that makes it
    after_delivery: int | None = None  # scheduled: it counts the deliveries between that one and its own


class DigestScheduleTable(SQLModel, table=True):
    """A target with scheduled digests: the next one begins at `covered_until`, after `last_delivery`."""

    __tablename__: ClassVar[str] = "digest_schedules"

    target: str = Field(primary_key=True, sa_type=Text)
    covered_until: int
    last_delivery: int


class MuteTable(SQLModel, table=True):
    """What people silenced for a while: everything that is not NULL must fit. Nothing is removed."""

    __tablename__: ClassVar[str] = "mutes"

    id: int | None = Field(default=None, primary_key=True)
    rule: str | None = Field(default=None, sa_type=Text)
    source: str | None = Field(default=None, sa_type=Text)
    tag: str | None = Field(default=None, sa_type=Text)
    query: str | None = Field(default=None, sa_type=Text)
    target: str | None = Field(default=None, sa_type=Text)
    even_max: int
    from_at: int
    until: int
    why: str = Field(sa_type=Text)
    who: str = Field(sa_type=Text)
    ended_at: int | None = None  # by a person, before its time
    ended_by: str | None = Field(default=None, sa_type=Text)


class TargetTable(SQLModel, table=True):
    """A target that refused for good is parked until a person acts; `hold_until` is a wait that it asked for.

    `asked_at` is when a person last wanted it tried again. Its chat `moved_from` is now `moved_to`, if the other side
    said so.
    """

    __tablename__: ClassVar[str] = "targets"

    name: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(default="ok", sa_type=Text)  # ok failing parked
    reason: str | None = Field(default=None, sa_type=Text)
    state_since: int = 0
    hold_until: int | None = None
    asked_at: int | None = None
    moved_from: str | None = Field(default=None, sa_type=Text)
    moved_to: str | None = Field(default=None, sa_type=Text)
    move_answer: str | None = Field(default=None, sa_type=Text)  # yes no


class SendingTable(SQLModel, table=True):
    """When a message was handed to a chat, of the last minute: what keeps a pace over a restart."""

    __tablename__: ClassVar[str] = "sendings"
    __table_args__ = (Index("sendings_of", "chat", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    chat: str = Field(sa_type=Text)
    at: int


class NoticeTable(SQLModel, table=True):
    """Something the user must hear once: a source broke or recovered, a target was parked, a file was quarantined."""

    __tablename__: ClassVar[str] = "notices"
    __table_args__ = (Index("notices_about", "about", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    at: int
    about: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    ends: int | None = None  # 0 a trouble that lasts until the next notice about it with 1; NULL neither


class TopicTable(SQLModel, table=True):
    """The topic of an event at a target that opens one for each."""

    __tablename__: ClassVar[str] = "topics"
    __table_args__ = (Index("topics_open", "opened_at", sqlite_where=clause("state = 'open'")),)

    target: str = Field(sa_column=Column(Text, primary_key=True))
    chat: str = Field(sa_column=Column(Text, primary_key=True))
    event_id: int = Field(sa_column=Column(Integer, primary_key=True))
    state: str = Field(sa_type=Text)  # opening open closed none: the event is in the chat itself
    topic: int | None = None  # its number, as the other side gave it
    renewed: int = count_column()  # how often a person had deleted it
    opened_at: int
