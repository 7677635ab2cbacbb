"""The state of everything: what is being watched and since when, which gaps are open, what waits and for how long."""

from dataclasses import field
from typing import TYPE_CHECKING

from storage.alerts.mutes import Mute, list_mutes
from storage.alerts.notices import NoticeRow, read_lasting_one
from storage.alerts.undelivered import OLDEST
from storage.archive import heartbeat
from storage.backups.record import BackupRecord
from storage.backups.record import read as read_backups
from storage.frozen import dataclass
from storage.posts.index_move import IndexMove, read_move_progress
from storage.posts.progress import FoldProgress, RereadProgress, count_refolded, count_reread
from storage.sources.pace import read_sentences
from storage.sources.telegram import AccountRow, read_accounts, read_all_waits
from storage.state_names import CONNECTED, current_name

if TYPE_CHECKING:
    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class Watch:
    """One source: its state, and the last stretch of rounds with one outcome.

    Where `outcome` is "ok", the source was watched without interruption from `stretch_from` to `stretch_to`, in
    `rounds` rounds: no post then is silence. Any other outcome, or none, is blindness.
    """

    name: str
    kind: str
    tags: str = "[]"
    side: str | None = None
    handle: str | None = None
    channel_id: str | None = None
    title: str | None = None
    enabled: bool = True
    paused: bool = False
    state: str = "new"
    reason: str | None = None
    state_since: int = 0
    failures: int = 0
    first_contact_at: int | None = None
    high_water: int | None = None
    last_ok_at: int | None = None
    last_post_at: int | None = None
    next_poll_at: int = 0
    hold_until: int | None = None
    outcome: str | None = None
    stretch_from: int | None = None
    stretch_to: int | None = None
    rounds: int = 0
    longest_pause: int | None = None
    pace: int | None = None  # microseconds between two polls, where its host allows no more
    posts: int = 0
    deleted: int = 0
    gaps: int = 0


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A stretch of one source that is known not to be archived."""

    source: str
    reason: str
    low: int | None
    high: int | None
    from_at: int | None
    to_at: int | None
    opened_at: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows that wait, and since when the oldest of them does."""

    name: str
    waiting: int
    oldest_at: int | None


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """One target that has been used: ok, failing or parked."""

    name: str
    state: str
    reason: str | None
    state_since: int
    hold_until: int | None


@dataclass(frozen=True, slots=True)
class StatusNotice:
    """A notice: something that broke, recovered or was put aside."""

    at: int
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """Everything that `status` shows of the archive at one moment."""

    watches: tuple[Watch, ...]
    gaps: tuple[OpenGap, ...]
    queues: tuple[Queue, ...]
    targets: tuple[TargetStanding, ...]
    notices: tuple[StatusNotice, ...]
    last_round_at: int | None
    accounts: tuple[AccountRow, ...] = ()  # at Telegram
    given_up: frozenset[str] = frozenset()  # kinds of jobs
    waits: tuple[tuple[str, int], ...] = ()  # methods of Telegram that may not be called, and until when
    backups: BackupRecord = field(default_factory=BackupRecord)
    heartbeat_at: int | None = None  # when a daemon last wrote that it lives
    indexing: FoldProgress | None = None  # of the texts that an older version has indexed
    moving: IndexMove | None = None  # of the full-text index to its new form
    rereading: RereadProgress | None = None  # of the posts that an older version has read
    mutes: tuple[Mute, ...] = ()  # those that are active
    bot_trouble: NoticeRow | None = None  # why the bot hears nobody
    paces: tuple[str, ...] = ()  # hosts that are asked less often than the config says

    @property
    def account(self) -> AccountRow | None:
        """The account that needs a person most: one that does not work, else the first; None if none was ever used."""
        return next((row for row in self.accounts if row.state != CONNECTED), next(iter(self.accounts), None))

    def queue(self, name: str) -> Queue:
        """One queue by name: decide, recheck, outbox, dead, given_up, quarantine."""
        return next(queue for queue in self.queues if queue.name == name)


QUEUES = ("decide", "recheck", "outbox", "dead", "given_up", "quarantine")


def read_status(reader: "Reader", now: int, *, notices: int = 5) -> ArchiveStatus:
    """Read everything that `status` shows. `now` in microseconds UTC decides which re-checks are due."""
    return ArchiveStatus(
        watches=read_watches(reader),
        gaps=tuple(OpenGap(*row) for row in reader.rows(_GAPS)),
        queues=tuple(Queue(*row) for row in reader.rows(_QUEUES, {"now": now})),
        targets=tuple(TargetStanding(*row) for row in reader.rows(_TARGETS)),
        notices=tuple(StatusNotice(*row) for row in reader.rows(_NOTICES, {"limit": notices}))[::-1],
        last_round_at=reader.value("SELECT max(ended_at) AS at FROM runs"),
        accounts=tuple(read_accounts(reader)),
        given_up=frozenset(reader.column("SELECT DISTINCT kind FROM given_up")),
        waits=tuple((method, until) for method, until in read_all_waits(reader).items() if until > now),
        backups=read_backups(reader),
        heartbeat_at=heartbeat.read_last(reader),
        indexing=count_refolded(reader),
        moving=read_move_progress(reader),
        rereading=count_reread(reader),
        mutes=tuple(list_mutes(reader, now)),
        bot_trouble=read_lasting_one(reader, "bot"),
        paces=read_sentences(reader),
    )


def read_vitals(reader: "Reader", now: int) -> ArchiveStatus:
    """Read only what says whether all is well: quick, however large the archive is."""
    return ArchiveStatus(
        watches=read_watches(reader, counted=False),
        gaps=(),
        queues=tuple(Queue(*row) for row in reader.rows(_QUEUES, {"now": now})),
        targets=(),
        notices=(),
        last_round_at=None,
        heartbeat_at=heartbeat.read_last(reader),
    )


def measure_lags(reader: "Reader") -> dict[str, int]:
    """How long after its publishing the newest post of each source was collected, in microseconds.

    Only posts that came after first contact count: what was there before was collected when we came.
    """
    return {row["name"]: row["lag"] for row in reader.rows(_LAGS)}


def read_watches(reader: "Reader", *, counted: bool = True) -> tuple[Watch, ...]:
    """Every source that the archive knows, by name; those no longer in the config last.

    Unless `counted`, the numbers of its posts are 0: they cost a walk through all of them.
    """
    return tuple(
        Watch(
            **{
                **dict(row),
                "state": current_name(row["state"]),
                "outcome": row["outcome"] and current_name(row["outcome"]),
                "enabled": bool(row["enabled"]),
                "paused": bool(row["paused"]),
            }
        )
        for row in reader.rows(_WATCHES if counted else _WATCHES.replace(_COUNTS, _NO_COUNTS))
    )


_COUNTS = "SELECT source_id, count(*) AS posts, count(deleted_at) AS deleted FROM posts GROUP BY source_id"
_NO_COUNTS = "SELECT NULL AS source_id, 0 AS posts, 0 AS deleted"
_WATCHES = f"""
SELECT s.name, s.kind, s.tags, s.side, s.handle, s.channel_id, s.title, s.enabled, s.paused, s.state, s.reason,
    s.state_since, s.failures, s.first_contact_at, s.high_water, s.last_ok_at, s.last_post_at, s.next_poll_at,
    s.hold_until, r.outcome, r.started_at AS stretch_from, r.ended_at AS stretch_to, coalesce(r.rounds, 0) AS rounds,
    r.longest_pause, s.pace,
    coalesce(p.posts, 0) AS posts, coalesce(p.deleted, 0) AS deleted, coalesce(g.gaps, 0) AS gaps
FROM sources s
LEFT JOIN runs r ON r.id =
    (SELECT l.id FROM runs l WHERE l.source_id = s.id ORDER BY l.id DESC LIMIT 1)
LEFT JOIN ({_COUNTS}) p
    ON p.source_id = s.id
LEFT JOIN (SELECT source_id, count(*) AS gaps FROM gaps WHERE closed_at IS NULL GROUP BY source_id) g
    ON g.source_id = s.id
ORDER BY s.enabled DESC, s.name
"""

_LAGS = """
SELECT s.name, p.collected_at - p.posted_at AS lag
FROM sources s JOIN posts p ON p.id = (SELECT max(l.id) FROM posts l WHERE l.source_id = s.id)
WHERE p.posted_at IS NOT NULL AND p.seq > s.first_contact_seq
"""

_GAPS = """
SELECT s.name AS source, g.reason, g.low, g.high, g.from_at, g.to_at, g.opened_at
FROM gaps g JOIN sources s ON s.id = g.source_id WHERE g.closed_at IS NULL ORDER BY s.name, g.opened_at, g.id
"""

_QUEUES = f"""
SELECT 'decide' AS name, count(*) AS waiting, min(due_at) AS oldest_at FROM jobs WHERE kind = 'decide'
UNION ALL SELECT 'recheck', count(*), min(due_at) FROM jobs WHERE kind = 'recheck' AND due_at <= :now
UNION ALL SELECT 'outbox', count(*), ({OLDEST}) FROM deliveries WHERE state IN ('pending', 'sending')
    AND (kind <> 'escalation' OR not_before <= :now)
UNION ALL SELECT 'dead', count(*), min(created_at) FROM deliveries WHERE state = 'dead'
UNION ALL SELECT 'given_up', count(*), min(at) FROM given_up
UNION ALL SELECT 'quarantine', count(*), min(at) FROM quarantine
"""

_TARGETS = "SELECT name, state, reason, state_since, hold_until FROM targets ORDER BY name"

_NOTICES = "SELECT at, about, text FROM notices ORDER BY id DESC LIMIT :limit + 0"
