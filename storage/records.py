"""The values that storage exchanges with everything else: frozen, stdlib only.

All times are integer microseconds UTC. Ids of posts and channels at a source are kept as text.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from storage.fetched import (
    FetchedMedia,
    FetchedPost,
    GivenText,
    MediaKind,
    Poll,
    Preview,
    Quarantined,
    Raw,
    StoredRaw,
    TextKind,
)
from storage.frozen import dataclass
from storage.rows import Forward, Hit, Link, MediaRow, PostRow, Segment, Statement, TextRow

# These are in files of their own: rows are all that a search imports. The rest of this page exports itself.
__all__ = [
    "FetchedMedia",
    "FetchedPost",
    "Forward",
    "GivenText",
    "Hit",
    "Link",
    "MediaKind",
    "MediaRow",
    "Poll",
    "PostRow",
    "Preview",
    "Quarantined",
    "Raw",
    "Segment",
    "Statement",
    "StoredRaw",
    "TextKind",
    "TextRow",
]

MatchKind = Literal["match", "edited", "deleted"]
DeliveryKind = Literal["match", "edited", "deleted", "digest", "event", "health", "test", "escalation", "files"]
DigestKind = Literal["quiet", "limit", "late", "scheduled"]
Presence = Literal["present", "absent"]
FailureKind = Literal["unreached", "error", "closed", "refused"]
DELIVERY_STATES: Final = ("pending", "sending", "sent", "joined", "digested", "silenced", "dead")
PRIORITIES: Final = ("max", "high", "default", "low", "min")  # as a column holds them: the first are sent first
LATE: Final = 1_800_000_000  # microseconds after its publishing, from which a post is found late


# What a source brings ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """The closed range of post numbers that one reply accounts for: what is not in it was not there."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """How something came to us: the method, and what HTTP or Telegram's protocol said around it.

    `status` is the whole status line, `certificate` the SHA-256 of the server's as hex, `headers` without cookies.
    """

    method: str
    status: str | None = None
    url: str | None = None  # in the end, after redirects
    headers: tuple[tuple[str, str], ...] = ()
    certificate: str | None = None
    layer: int | None = None  # of Telegram's protocol


@dataclass(frozen=True, slots=True)
class Batch:
    """One reply of a source, stored in one transaction.

    `seen` is None for sources without ascending numbers. `overlap` is False when a source without numbers cannot tell
    that this reply reaches back to what is already known: its window was shorter than our absence. `cursor` is the
    source's own note to its next fetch, stored with the posts. `more` asks to be called again at once. `end` says that
    nothing older exists. `channel_id` is the numeric or otherwise lasting identity behind a changeable `handle`.
    `picture` is what the source calls its picture, the same as long as that is the same; `moved_to` where the source
    says that it is from now on. None: this reply does not say it. `history` are ids of posts that come only now but
    are dated from before the source was watched: what of them is new to the archive alerts nobody by itself. Two
    replies with one `mark` say the same; with `repeats` the posts are left out, because the caller has them.
    `lasting`: nobody can edit such posts, so that bytes which were stored before are no edit back to them.
    """

    posts: tuple[FetchedPost, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    seen: Seen | None = None
    overlap: bool = True
    cursor: str | None = None
    more: bool = False
    end: bool = False
    channel_id: str | None = None
    handle: str | None = None
    title: str | None = None
    picture: str | None = None
    moved_to: str | None = None
    notices: tuple[str, ...] = ()
    method: str | None = None  # how it was read, where the kind of the source does not say it
    detail: str | None = None  # what a person should know about a round that went well
    fetch: Fetch | None = None
    ids_move: bool = False  # an entry may come back under another id: see bot.intake.identities
    history: frozenset[str] = frozenset()
    mark: str | None = None
    repeats: bool = False
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer of one re-check of one post: what is there now, or that nothing is.

    `control` is True when a post that must exist was seen alive by the same method just before: without it an
    absence proves nothing and is not counted. `earlier` are versions of the post from before the one that is there now,
    oldest first, where its server keeps them: those that were written after what is stored are stored, too.
    """

    native_id: str
    presence: Presence
    method: str
    post: FetchedPost | None = None
    control: bool = False
    apart: int | None = None  # microseconds between two absences that make a deletion, where the method is exact
    fetch: Fetch | None = None
    earlier: tuple[FetchedPost, ...] = ()


@dataclass(frozen=True, slots=True)
class DueMedia:
    """A file whose bytes are wanted. `failures` counts the tries so far; `alerts` is that of its post."""

    id: int
    post_id: int
    source: str
    kind: MediaKind
    url: str
    mime: str | None
    bytes: int | None
    duration_s: float | None
    failures: int
    alerts: bool


# What intake decides and the archive writes ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewGap:
    """A gap to open: see Gap."""

    reason: str
    low: int | None = None
    high: int | None = None
    from_at: int | None = None
    to_at: int | None = None
    until_count: int | None = None
    until_time: int | None = None
    alerts: bool = False


@dataclass(frozen=True, slots=True)
class NarrowedGap:
    """What is left of an open gap after a part of it was filled."""

    id: int
    low: int | None
    high: int | None
    until_count: int | None = None


@dataclass(frozen=True, slots=True)
class ClosedGap:
    """An open gap that ends here; `how` is the sentence that says why."""

    id: int
    how: str


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """What one reply changes in the ledger of its source, written with its posts.

    `high_water` None leaves it; it never goes down. `first_contact` says that first contact ends with this reply.
    """

    high_water: int | None = None
    opened: tuple[NewGap, ...] = ()
    narrowed: tuple[NarrowedGap, ...] = ()
    closed: tuple[ClosedGap, ...] = ()
    first_contact: bool = False


# What the archive gives back --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as the archive knows it; times are None where the thing has not happened."""

    id: int
    name: str
    kind: str
    tags: tuple[str, ...]
    side: str | None
    state: str
    reason: str | None
    state_since: int
    channel_id: str | None
    handle: str | None
    title: str | None
    cursor: str | None
    high_water: int | None
    first_contact_at: int | None
    next_poll_at: int
    hold_until: int | None
    failures: int
    last_ok_at: int | None
    last_post_at: int | None
    paused: bool
    failure: FailureKind | None = None
    failures_alike: int = 0  # failures of that kind in a row


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a source that is known not to be archived: numbers low..high, or a time span where it has none.

    `reason` "backfill" is history that was asked for, "first contact" the same by default, anything else was missed.
    `until_count` and `until_time` bound a backfill (posts still wanted, oldest publishing time wanted).
    """

    id: int
    source_id: int
    low: int | None
    high: int | None
    from_at: int | None
    to_at: int | None
    reason: str
    opened_at: int
    closed_at: int | None = None
    closed_how: str | None = None
    until_count: int | None = None
    until_time: int | None = None
    alerts: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What stood at a source before us: posts numbered `low`..`high` were wanted, then or later, others not.

    Sources without numbers keep the ids that were shown at first contact and not wanted, in `left_out`.
    """

    low: int = 0
    high: int = 0
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Saved:
    """What one transaction of posts changed."""

    new: tuple[int, ...] = ()
    revised: tuple[int, ...] = ()
    unchanged: int = 0
    quarantined: int = 0
    deleted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservationRow:
    at: int
    presence: str
    method: str
    detail: str | None
    fetch: Fetch | None = None  # of an absence


@dataclass(frozen=True, slots=True)
class Acked:
    """Who took up the event of an alert, and when."""

    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """Which targets hear of an alert that nobody took up `after` microseconds."""

    after: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A rule that found its words in a post, or an edit or deletion that changed what it had found.

    `id` is 0 until it is stored. `why` is the named reason why it alerts, or why not. `before` is, for an edit, the
    passage as it was.
    """

    rule: str
    rule_version: str
    post_id: int
    document_hash: str
    kind: MatchKind
    at: int
    hits: tuple[Hit, ...]
    alerting: bool
    why: str
    before: str | None = None
    id: int = 0
    event: int | None = None  # that of the post
    acked: Acked | None = None


@dataclass(frozen=True, slots=True)
class PostFacts:
    """What is known of a post beside its words.

    `alerts` is False for first contact and backfill, which never alert by themselves. Times are microseconds UTC.
    `seq` and `first_contact_seq` say what came first, whatever a clock said: see storage.archive.sequence.
    `backdated`: of a source without ascending numbers, and dated from before it was watched.
    """

    alerts: bool
    collected_at: int
    deleted_at: int | None
    seq: int
    first_contact_seq: int | None
    revision: int = 0
    read_again: bool = False  # a better reader has found other words in the same bytes
    backdated: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """The event that a message continues, and where it was first seen; `added` are the own words of a quote."""

    event: int
    source: str
    added: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One match with all that a message about it needs, apart from the post.

    `texts` holds the raw text of every text that a hit points into, current or not. `query` is the rule as it was
    loaded in that version. `absent` is the first of the misses that led to a deletion. `thread` is the event of which
    the post is a copy, or which it repeats with words of its own.
    """

    match: MatchRow
    side: str | None
    query: str | None
    texts: Mapping[int, str]
    absent: ObservationRow | None
    thread: Thread | None = None
    facing: tuple[Statement, Statement] | None = None  # that of the other side, and this one, which faces it


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message owed to one target."""

    id: int
    match_id: int | None
    target: str
    kind: DeliveryKind
    state: str
    not_before: int
    attempts: int
    created_at: int
    settled_at: int | None = None
    reason: str | None = None
    receipt: str | None = None
    possible_repeat: bool = False
    payload: dict[str, object] = field(default_factory=dict)
    held: str | None = None  # the kind of digest that it waits for
    held_until: int | None = None  # when that was last expected, in microseconds UTC
    digest: int | None = None  # the digest that lists it
    mute_id: int | None = None  # what held it
    asked: bool = False  # a person wants it sent, and no mute holds it
    priority: int = 2  # 0 is the most urgent
