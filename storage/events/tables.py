"""The tables of events: each statement with its copies, the words by which copies are found, what people corrected.

All but `event_corrections` and `event_steps` follow from the archive: `communique events rebuild` makes them again.
`event_messages` and `facing` are about messages, and stay.
"""

from typing import ClassVar

from sqlalchemy import REAL, Column, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


class EventTable(SQLModel, table=True):
    """A statement: `id` is that of its first archived post and never changes."""

    __tablename__: ClassVar[str] = "events"
    __table_args__ = (Index("events_by_time", "newest_at"),)

    id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), primary_key=True))
    opened_at: int  # when its first post was collected
    newest_at: int  # when its newest member was collected
    origin: int | None = None  # the post that the others forwarded, if it came after one of them
    leads_to: int | None = None  # the older event that this one turned out to be
    quotes: int | None = None  # the event that its first post repeats, with words of its own


class EventPostTable(SQLModel, table=True):
    """The event of a post, and why it belongs there."""

    __tablename__: ClassVar[str] = "event_posts"
    __table_args__ = (Index("event_posts_by_event", "event_id", "post_id"),)

    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), primary_key=True))
    event_id: int = Field(sa_column=Column(Integer, ForeignKey("events.id"), nullable=False))
    reason: str = Field(sa_type=Text)  # first, forward, origin, words, file, picture, person
    measure: float | None = Field(default=None, sa_type=REAL)  # of words: how alike, 0 to 1
    at: int
    added: str | None = Field(default=None, sa_type=Text)  # a quote: the words of its own
    # 1: a person said that it is no copy
    apart: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))


class EventOriginTable(SQLModel, table=True):
    """A message that posts forward, by channel and number, and the event that it is."""

    __tablename__: ClassVar[str] = "event_origins"

    origin: str = Field(primary_key=True, sa_type=Text)
    event_id: int
    post_id: int | None = None  # the first of those posts


class EventWordsTable(SQLModel, table=True):
    """The compared words of a first statement and of each of its revisions, while copies of it may come."""

    __tablename__: ClassVar[str] = "event_words"
    __table_args__ = (
        Index("event_words_of", "event_id"),
        Index("event_words_equal", "digest", "at"),
        Index("event_words_by_time", "at"),
    )

    text_id: int = Field(primary_key=True)
    event_id: int
    tokens: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)  # of the tokens: equal short texts are found by it
    prints: int  # how many fingerprints they have
    at: int


class EventPrintTable(SQLModel, table=True):
    """A fingerprint of such words; see storage.events.fingerprints."""

    __tablename__: ClassVar[str] = "event_prints"
    __table_args__ = ({"sqlite_with_rowid": False},)

    fingerprint: int = Field(sa_column=Column(Integer, primary_key=True))
    text_id: int = Field(sa_column=Column(Integer, primary_key=True))


class EventWaitingPrintsTable(SQLModel, table=True):
    """The fingerprints of a text of the newest, which wait to be rows of EventPrintTable: see storage.events.prints."""

    __tablename__: ClassVar[str] = "event_waiting_prints"

    text_id: int = Field(primary_key=True)
    prints: bytes = Field(sa_type=LargeBinary)


class EventCorrectionTable(SQLModel, table=True):
    """What a person said: "split": `post_id` is no copy in event `other`; "join": it belongs to that of `other`."""

    __tablename__: ClassVar[str] = "event_corrections"

    id: int | None = Field(default=None, primary_key=True)
    at: int
    kind: str = Field(sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    other: int | None = None
    who: str | None = Field(default=None, sa_type=Text)


class EventMessageTable(SQLModel, table=True):
    """A message about a statement that a target has: what it says of copies, and when that is looked at again."""

    __tablename__: ClassVar[str] = "event_messages"
    __table_args__ = (Index("event_messages_due", "due_at", sqlite_where=clause("due_at IS NOT NULL")),)

    delivery_id: int = Field(sa_column=Column(Integer, ForeignKey("deliveries.id"), primary_key=True))
    shown: str = Field(sa_type=Text)  # the lines about copies that it has
    copies: int  # that these lines count
    edits: int
    due_at: int | None = None  # when it is looked at; None: not before something about its event changes
    not_before: int  # the earliest time of the next edit
    ended: str | None = Field(default=None, sa_type=Text)  # why it is edited no more


class FacingTable(SQLModel, table=True):
    """The match of a statement that faces one of the other side, and the match of that one."""

    __tablename__: ClassVar[str] = "facing"
    __table_args__ = (Index("facing_of", "faces"),)

    match_id: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), primary_key=True))
    faces: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), nullable=False))


class EventStepTable(SQLModel, table=True):
    """What else places posts, in the order in which it happened among the revisions; kept by every rebuild.

    A `file` has arrived, an engine has `read` one, a person said `split` or `join`.
    """

    __tablename__: ClassVar[str] = "event_steps"

    id: int | None = Field(default=None, primary_key=True)
    after: int  # the newest revision when it happened
    at: int
    kind: str = Field(sa_type=Text)  # file, read, split, join
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    media_id: int | None = None  # of `file` and `read`
    text_id: int | None = None  # of `read`: the words; None if there are none
    other: int | None = None  # of `join`: the event that the post joins
    unread: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))


class EventLinkTable(SQLModel, table=True):
    """Why two posts belong together, one reason a row; the posts that links connect are one event."""

    __tablename__: ClassVar[str] = "event_links"
    __table_args__ = (
        Index("event_links_by_file", "file", sqlite_where=clause("file <> ''")),
        Index("event_links_to", "other"),
        {"sqlite_with_rowid": False},
    )

    post_id: int = Field(sa_column=Column(Integer, primary_key=True))
    other: int = Field(sa_column=Column(Integer, primary_key=True))
    reason: str = Field(sa_column=Column(Text, primary_key=True))
    file: str = Field(primary_key=True, sa_type=Text)  # the SHA-256 of the file that they share; else empty
    measure: float | None = Field(default=None, sa_type=REAL)


class EventFileTable(SQLModel, table=True):
    """A post that shows a file, and the words that it has beside it."""

    __tablename__: ClassVar[str] = "event_files"
    __table_args__ = (Index("event_files_of", "post_id"), {"sqlite_with_rowid": False})

    sha256: str = Field(primary_key=True, sa_type=Text)
    post_id: int = Field(sa_column=Column(Integer, primary_key=True))
    source_id: int
    forward: str | None = Field(default=None, sa_type=Text)  # the message that the post forwards
    tokens: str | None = Field(default=None, sa_type=Text)  # None: long enough to be judged without the file


class EventBannerTable(SQLModel, table=True):
    """A file that joins nothing: its source shows it with several statements, or others contradict each other by it."""

    __tablename__: ClassVar[str] = "event_banners"

    sha256: str = Field(primary_key=True, sa_type=Text)


class EventPictureTable(SQLModel, table=True):
    """A picture that may be compared with others, while copies of it may come; see bot.events.pictures."""

    __tablename__: ClassVar[str] = "event_pictures"
    __table_args__ = (Index("event_pictures_of", "post_id"),)

    media_id: int = Field(sa_column=Column(Integer, primary_key=True))
    post_id: int
    signature: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)  # the few that were read in it
    at: int


class EventBandTable(SQLModel, table=True):
    """A part of the signature of such a picture: near ones share one at least."""

    __tablename__: ClassVar[str] = "event_bands"
    __table_args__ = (Index("event_bands_of", "media_id"), {"sqlite_with_rowid": False})

    band: int = Field(sa_column=Column(Integer, primary_key=True))
    media_id: int = Field(sa_column=Column(Integer, primary_key=True))
