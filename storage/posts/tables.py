"""The tables of posts: bytes as received, posts, revisions, observations, texts, and what could not be stored.

Rows of `raw`, `revisions`, `texts` and `observations` are never changed or removed (see storage.archive.guards), but
for `texts.current`. Columns are grouped by who says them: the source, or we.
"""

import builtins
from typing import ClassVar

from sqlalchemy import REAL, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


class RawTable(SQLModel, table=True):
    """Bytes as received, compressed; addressed by the SHA-256 of the uncompressed bytes."""

    __tablename__: ClassVar[str] = "raw"

    sha256: str = Field(primary_key=True, sa_type=Text)
    mime: str = Field(sa_type=Text)
    bytes: int
    zstd: builtins.bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    text_id: int | None = None  # the text that is packed with them; None: none is


class DictionaryTable(SQLModel, table=True):
    """What packed bytes have in common: see storage.archive.dictionaries. Its rows are never changed either."""

    __tablename__: ClassVar[str] = "dictionaries"

    id: int = Field(primary_key=True)  # the frames name it
    mime: str = Field(sa_type=Text)
    made_at: int
    bytes: builtins.bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    samples: int | None = None  # of how many posts it was made; None: by an older version


class FetchTable(SQLModel, table=True):
    """How revisions came to us: see records.Fetch. Its rows are never changed either."""

    __tablename__: ClassVar[str] = "fetches"
    __table_args__ = (UniqueConstraint("digest"),)

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(sa_type=Text)  # of all that follows but `at`
    at: int
    method: str = Field(sa_type=Text)
    status: str | None = Field(default=None, sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    headers: builtins.bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # JSON, compressed
    certificate: str | None = Field(default=None, sa_type=Text)
    layer: int | None = None


class PostTable(SQLModel, table=True):
    """One post. `id` is time-ordered (see storage.posts.ids): newest first is a walk, not a sort."""

    __tablename__: ClassVar[str] = "posts"
    __table_args__ = (
        UniqueConstraint("source_id", "native_id"),
        Index("posts_by_source", "source_id", "id"),
        Index("posts_by_url", "url"),
        Index("posts_with_more_texts", "id", sqlite_where=Column("texts", Integer) > 1),
        Index("posts_by_reader", "source_id", "reader"),
        Index("posts_forwarded", "id", sqlite_where=clause("forward IS NOT NULL")),
        Index("posts_replying", "id", sqlite_where=clause("reply_to IS NOT NULL")),
        Index("posts_edited", "id", sqlite_where=clause("edited_at IS NOT NULL OR revision > 0")),
    )

    id: int = Field(primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    native_id: str = Field(sa_type=Text)
    # the source says (first revision; later ones are in `revisions`)
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
    seq: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0"))
    )  # when it came: storage.archive.sequence
    # the reader of its source that has read the bytes of its current revision: see storage.posts.rereading
    reader: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))
    # the source says that it is no statement ("Channel created"); 0 as well for what came before this was kept
    service: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=clause("0")))


class RevisionTable(SQLModel, table=True):
    """What a post said at one time; an edit adds one when the content hash changes."""

    __tablename__: ClassVar[str] = "revisions"
    __table_args__ = (UniqueConstraint("post_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    number: int
    # the source says
    title: str | None = Field(default=None, sa_type=Text)
    text: str = Field(sa_type=Text)  # empty where `text_number` names the text of the post that holds it
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
    fetch_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("fetches.id")))
    text_number: int | None = None  # its words are kept once, in `texts`, after the title and a blank line


class RereadingTable(SQLModel, table=True):
    """What a later reader found in the bytes of a revision; the newest is what that revision says. Never changed.

    Columns are as in `revisions`; they are NULL where it found the same, only that the hash says more. `replaced` holds
    what the post said of its time and origin before, as far as that changed, as JSON.
    """

    __tablename__: ClassVar[str] = "rereadings"
    __table_args__ = (UniqueConstraint("post_id", "revision", "reader"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    revision: int
    reader: int
    at: int
    title: str | None = Field(default=None, sa_type=Text)
    text: str | None = Field(default=None, sa_type=Text)
    links: str | None = Field(default=None, sa_type=Text)
    poll: str | None = Field(default=None, sa_type=Text)
    preview: str | None = Field(default=None, sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    replaced: str = Field(sa_type=Text)


class ObservationTable(SQLModel, table=True):
    """Present or absent at a time, by a method. An absence is not yet a deletion."""

    __tablename__: ClassVar[str] = "observations"
    __table_args__ = (
        Index("observations_by_post", "post_id", "at"),
        CheckConstraint("presence IN ('present', 'absent')", name="presence"),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    at: int
    presence: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)
    fetch_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("fetches.id")))


class DisappearanceTable(SQLModel, table=True):
    """That a post is gone (`gone` 1) or back (0), in the order in which it was established. Never changed."""

    __tablename__: ClassVar[str] = "disappearances"
    __table_args__ = (Index("disappearances_by_post", "post_id"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(sa_column=Column(Integer, ForeignKey("posts.id"), nullable=False))
    at: int  # of a deletion when the post was deleted, as far as we know
    gone: int


class TextTable(SQLModel, table=True):
    """What rules read: body, transcript, OCR, file titles, poll. `id` is post id * 2**14 + n, so that it sorts alike.

    Its form by storage.language.fold under `fold_version`, which the full-text index holds, is in `packed`, or in
    `folded` in rows from before: see storage.archive.packed_words.
    """

    __tablename__: ClassVar[str] = "texts"
    __table_args__ = (
        Index("texts_by_post", "post_id"),
        Index("texts_by_fold", "fold_version", "language"),
        Index("texts_in_doubt", "kind", sqlite_where=clause("unreliable = 1")),
    )

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
    ended: int | None = None  # the revision that no longer had it; None while it is current, or where that is not known
    packed: builtins.bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class WordTable(SQLModel, table=True):
    """The words of the full-text index, for fuzzy words, wildcards and beginnings: see storage.posts.index_words."""

    __tablename__: ClassVar[str] = "words"
    __table_args__ = ({"sqlite_with_rowid": False},)

    word: str = Field(primary_key=True, sa_type=Text)


class QuarantineTable(SQLModel, table=True):
    """What could not be read or stored as a post: kept whole, listed by `status`, never in the way."""

    __tablename__: ClassVar[str] = "quarantine"
    __table_args__ = (UniqueConstraint("source_id", "raw_sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("sources.id"), nullable=False))
    native_id: str | None = Field(default=None, sa_type=Text)
    raw_sha256: str = Field(sa_column=Column(Text, ForeignKey("raw.sha256"), nullable=False))
    reason: str = Field(sa_type=Text)
    at: int
