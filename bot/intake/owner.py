"""PURE: what a source brings must be of the same owner as before: the same handle with another id is not followed."""

from bot.contracts.source import describe_new_owner
from bot.errors import Never
from storage.records import Batch, SourceRow
from storage.state_names import RENAMED


def expect_owner(row: SourceRow, batch: Batch) -> None:
    """Raises Never where the reply is of another lasting id than the one that is pinned."""
    if row.channel_id is not None and batch.channel_id is not None and batch.channel_id != row.channel_id:
        raise Never(
            f"what it reads now belongs to {batch.channel_id} (was {row.channel_id})",
            remedy=describe_new_owner(row.name),
            state=RENAMED,
        )
