"""Rounds that brought nothing new: kept in memory, and written down together after half a minute or with any news.

A process that is killed loses the last of them. They then count as not watched, and their sources are polled again.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from bot.intake.backoff import Outlook
from bot.intake.ledger import Step
from storage.records import Batch, SourceRow
from storage.sources.states import UNWATCHED
from storage.sources.unwritten import QuietRounds
from storage.state_names import OK

WRITE_EVERY_S = 30.0
_BREAK = UNWATCHED // 2  # a round that is so late goes to the archive, which may begin a stretch with it


class Unwritten:
    """What is not written yet, by source: noted by the loop, taken by the thread that writes."""

    def __init__(self) -> None:
        self._rounds: dict[int, QuietRounds] = {}
        self._leaving: dict[int, QuietRounds] = {}  # being written
        self._lock = Lock()

    @property
    def is_empty(self) -> bool:
        return not self._rounds

    def note(self, row: SourceRow, next_poll_at: int, cursor: str | None, now: int) -> None:
        """Keep one round. `row` is the source's, brought up to date by `update`."""
        one = QuietRounds(
            row.id,
            first_at=now,
            last_at=now,
            rounds=1,
            longest_pause=0,
            planned=row.next_poll_at,
            next_poll_at=next_poll_at,
            cursor=cursor,
        )
        with self._lock:
            self._add(one)

    def update(self, row: SourceRow) -> SourceRow:
        """The row as it would be if everything were written; only `next_poll_at` stays as it is written."""
        kept = self._rounds.get(row.id)
        return row if kept is None else replace(row, last_ok_at=kept.last_at, cursor=kept.cursor)

    def list_resting(self, now: int) -> list[tuple[int, int]]:
        """Sources that are not due although the archive says so: the id of each, and when it is due by the archive."""
        with self._lock:
            kept = list((self._leaving | self._rounds).values())
        return [(one.source_id, one.planned) for one in kept if one.next_poll_at > now]

    def take(self) -> Sequence[QuietRounds]:
        """Everything, to be written by the caller, who says what became of it."""
        with self._lock:
            taken, self._rounds = self._rounds, {}
            self._leaving |= taken
            return list(taken.values())

    def note_written(self, taken: Sequence[QuietRounds]) -> None:
        """What was taken is in the archive."""
        with self._lock:
            self._drop(taken)

    def give_back(self, taken: Sequence[QuietRounds]) -> None:
        """Keep what could not be written, before what came meanwhile."""
        with self._lock:
            self._drop(taken)
            later, self._rounds = self._rounds, {one.source_id: one for one in taken}
            for one in later.values():
                self._add(one)

    def _drop(self, taken: Sequence[QuietRounds]) -> None:
        for one in taken:
            if self._leaving.get(one.source_id) is one:
                del self._leaving[one.source_id]

    def _add(self, one: QuietRounds) -> None:
        before = self._rounds.get(one.source_id)
        self._rounds[one.source_id] = one if before is None else _join(before, one)


def _join(one: QuietRounds, later: QuietRounds) -> QuietRounds:
    pause = max(one.longest_pause, later.longest_pause, later.first_at - one.last_at)
    return replace(later, first_at=one.first_at, rounds=one.rounds + later.rounds, longest_pause=pause)


def is_quiet(row: SourceRow, batch: Batch, step: Step, outlook: Outlook, every: int, now: int) -> bool:
    """Whether writing this round down would only say that the source was looked at, and when it is due again.

    `step` holds only the posts that the last reply did not show.
    """
    steady = (
        (row.state, outlook.outcome, row.failure, row.failures, row.hold_until) == (OK, OK, None, 0, None)
        and row.reason == outlook.detail
        and row.first_contact_at is not None
        and row.last_ok_at is not None
        and 0 <= now - row.last_ok_at <= every + _BREAK
    )
    change = step.change
    nothing = not (
        batch.more
        or batch.notices
        or batch.quarantined
        or step.fresh
        or step.old
        or step.history
        or change.opened
        or change.closed
        or change.narrowed
        or change.first_contact
    )
    return (
        steady
        and nothing
        and change.high_water in {None, row.high_water}
        and batch.channel_id in {None, row.channel_id}
        and batch.handle in {None, row.handle}
        and batch.title in {None, row.title}
        and not any((row.last_post_at or 0) < (one.posted_at or 0) <= now for one in batch.posts)
    )
