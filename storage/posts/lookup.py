"""Finds the post that a link to a Telegram channel means, whatever address its source reads it from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader

_MOST = 10  # files in one album
_OF_CHANNEL = (
    "p.source_id IN (SELECT s.id FROM sources s WHERE lower(s.handle) = lower(:handle) OR s.channel_id = :channel)"
)


def find_in_channel(
    reader: "Reader", number: int, *, handle: str | None = None, channel_id: str | None = None
) -> int | None:
    """Id of the post with this number in a channel, where each picture of an album has one; None without a post."""
    values = {"handle": handle, "channel": channel_id, "number": number, "low": number - _MOST}
    found = reader.value(f"SELECT max(p.id) FROM posts p WHERE {_OF_CHANNEL} AND p.number = :number", values)
    if found is None:
        found = reader.value(
            f"SELECT max(p.id) FROM posts p JOIN media m ON m.post_id = p.id WHERE {_OF_CHANNEL} "
            "AND p.number BETWEEN :low AND :number AND m.key LIKE '%:' || :number",
            values,
        )
    return None if found is None else int(found)
