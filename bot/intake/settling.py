"""What a round writes: the parts of a reply, and how the source is left. All of it runs in the writer's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from bot.clock import MINUTE
from bot.intake import ledger
from bot.intake.backoff import Outlook
from storage.alerts import flapping, notices
from storage.frozen import dataclass
from storage.posts import observations, rechecks, saving
from storage.records import Batch, Gap, History, LedgerChange, Saved, SourceRow
from storage.sources import first_contact, gaps, reach, states
from storage.state_names import NEW, OK, RATE_LIMITED, SHARED_BY_ACCOUNT

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

SHORT_WAIT = 5 * MINUTE  # that a source asks for: no news for people


@dataclass(frozen=True, slots=True)
class Part:
    """What one commit stores: at most POSTS_A_COMMIT posts, and with the last one of a reply what else it means."""

    batch: Batch
    alerts: bool
    change: LedgerChange = field(default_factory=LedgerChange)
    known: History | None = None
    shown: frozenset[str] = frozenset()  # all posts of the reply
    last: bool = False
    began: int | None = None  # see saving.save
    reader: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """How a source is left after a round. `health`: targets that get a change; `by_account`: read with an account.

    `server` is what had to be reached for it, None if that is no network. Failures are no news for so many
    microseconds (`patience`). `cursor` is what a failure leaves for the next fetch, None if nothing.
    """

    row: SourceRow
    outlook: Outlook
    health: Sequence[str]
    by_account: bool = False
    server: str | None = None
    patience: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling a round changed: the sentence about it, "" if nothing, and the sources that it made due."""

    change: str = ""
    woken: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """The last observation before a round, and whether what that round does has to be written in any case."""

    last: int
    is_awaited: bool


def look_before(reader: "Reader", asked: Mapping[int, str | None]) -> dict[int, Look]:
    """How things are before a round of each of these sources, by id; `asked` says what has to be reached for each."""
    last = observations.find_last(reader)
    behind = {gap.source_id for gap in list_fillable(gaps.list_open_gaps(reader))}
    waiting = {server: [one for one, _ in reach.find_waiting(reader, 0, server)] for server in set(asked.values())}
    return {
        source_id: Look(last, source_id in behind or any(one != source_id for one in waiting[server]))
        for source_id, server in asked.items()
    }


def write_part(
    writer: "Writer", source_id: int, part: Part, now: int, method: str, recheck: tuple[int, ...], end: End | None
) -> tuple[Saved, list[Gap], Settled | None]:
    """Store one part. With `end`, look for posts that the page left out, and settle the round if no gap is open."""
    if part.known is not None:
        first_contact.save_history(writer, source_id, part.known)
    saved = saving.save(
        writer,
        source_id,
        part.batch,
        now=now,
        method=part.batch.method or method,
        alerts=part.alerts,
        change=part.change,
        recheck=recheck,
        began=part.began,
        reader=part.reader,
    )
    if not part.last:
        return saved, [], None
    if (
        end is not None
        and recheck
        and part.batch.seen is not None
        and part.shown
        and end.row.first_contact_at is not None
    ):
        # The newest reply covers every higher number too: what the archive has there is gone from the source.
        accounted = replace(part.batch.seen, high=ledger.EVERYTHING)
        missing = rechecks.find_left_out(writer, source_id, accounted, part.shown)
        if missing:
            rechecks.recheck_missing(writer, missing, now)
    open_gaps = list_fillable(gaps.list_open_gaps(writer, source_id))
    return saved, open_gaps, None if open_gaps or end is None else settle(writer, end, now, len(saved.new))


def settle(writer: "Writer", end: End, now: int, new: int) -> Settled:
    """Settle the source's state; health targets hear of a change in the same transaction."""
    row, outlook = end.row, end.outlook
    woken = reach.wake_waiting(writer, row.id, end.server, now) if outlook.outcome == OK else []
    change = states.settle(
        writer,
        row.id,
        outcome=outlook.outcome,
        detail=outlook.detail,
        now=now,
        next_poll_at=outlook.next_poll_at,
        hold_until=outlook.hold_until,
        failures=outlook.streak.failures,
        posts=new,
        cursor=end.cursor,
        news=_is_news(writer, end, now) if end.patience and row.first_contact_at is not None else None,
    )
    reach.note_round(writer, row.id, end.server, outlook.streak.failure, outlook.streak.alike, now)
    if change and row.state != NEW and not _is_reported_by_account(end) and not _is_short_wait(end, now):
        flapping.announce_change(writer, end.health, f"source {row.name}", change, now)
    return Settled(change, woken)


def _is_news(writer: "Writer", end: End, now: int) -> bool | None:
    """Whether people hear of the state of a source whose failures are news only when they last; None: if it changes."""
    row, outlook = end.row, end.outlook
    if outlook.streak.failure == "refused" or notices.read_lasting_one(writer, f"source {row.name}") is not None:
        return None
    return outlook.outcome != OK and now - (row.last_ok_at or now) >= end.patience


def _is_reported_by_account(end: End) -> bool:
    """Whether it is the account that broke or came back: it says so itself, once for all its sources."""
    return end.by_account and {end.row.state, end.outlook.outcome} <= {*SHARED_BY_ACCOUNT, RATE_LIMITED, OK}


def _is_short_wait(end: End, now: int) -> bool:
    """Whether the other side asked for a short pause, or that pause is over: nobody has to act, and nothing is lost."""
    row, outlook = end.row, end.outlook
    if outlook.outcome == RATE_LIMITED:
        return row.state == OK and outlook.hold_until is not None and outlook.hold_until - now <= SHORT_WAIT
    return (row.state, outlook.outcome) == (RATE_LIMITED, OK) and now - row.state_since <= 2 * SHORT_WAIT


def list_fillable(open_gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps that have numbers to ask for, in the order in which they are filled."""
    return sorted(
        (gap for gap in open_gaps if gap.high is not None),
        key=lambda gap: (gap.reason != ledger.MISSED, -(gap.high or 0)),
    )
