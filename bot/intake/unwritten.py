"""Rounds that brought nothing new: kept in memory, and written down together after half a minute or with any news.

A process that is killed loses the last of them. They then count as not watched, and their sources are polled again.
"""

from collections.abc import Iterable
from dataclasses import replace

from bot.intake.backoff import Outlook
from bot.intake.ledger import Step
from storage.records import Batch, SourceRow
from storage.sources.states import UNWATCHED
from storage.sources.unwritten import QuietRounds
from storage.state_names import OK

WRITE_EVERY_S = 30.0
_BREAK = UNWATCHED // 2  # a round that is so late goes to the archive, which may begin a stretch with it


class Unwritten:
    """What is not written yet, by source. Any thread may take it."""

    def __init__(self) -> None:
        self._rounds: dict[int, QuietRounds] = {}

    @property
    def is_empty(self) -> bool:
        return not self._rounds

    def note(self, row: SourceRow, next_poll_at: int, cursor: str | None, now: int) -> None:
        """Keep one round. `row` is the source's, brought up to date by `update`."""
        before = self._rounds.get(row.id)
        last = before.last_at if before is not None else now
        self._rounds[row.id] = QuietRounds(
            row.id,
            first_at=before.first_at if before is not None else now,
            last_at=now,
            rounds=before.rounds + 1 if before is not None else 1,
            longest_pause=max(before.longest_pause if before is not None else 0, now - last),
            planned=row.next_poll_at,
            next_poll_at=next_poll_at,
            cursor=cursor,
        )

    def update(self, row: SourceRow) -> SourceRow:
        """The row as it would be if everything were written; only `next_poll_at` stays as it is written."""
        kept = self._rounds.get(row.id)
        return row if kept is None else replace(row, last_ok_at=kept.last_at, cursor=kept.cursor)

    def list_resting(self, now: int) -> list[tuple[int, int]]:
        """Sources that are not due although the archive says so: the id of each, and when it is due by the archive."""
        return [(one.source_id, one.planned) for one in self._rounds.values() if one.next_poll_at > now]

    def take(self) -> list[QuietRounds]:
        """Everything, to be written by the caller, who gives it back if that fails."""
        taken, self._rounds = self._rounds, {}
        return list(taken.values())

    def give_back(self, taken: Iterable[QuietRounds]) -> None:
        """Keep what could not be written, before what came meanwhile."""
        for one in taken:
            later = self._rounds.get(one.source_id)
            self._rounds[one.source_id] = one if later is None else _join(one, later)


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
