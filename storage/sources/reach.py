"""What can be reached: how each source last failed, and which of them are due once it can be reached again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer
    from storage.records import FailureKind


def note_round(
    writer: Writer, source_id: int, server: str | None, failure: FailureKind | None, alike: int, now: int
) -> None:
    """Write down how a round ended: `failure` None is a success, `alike` how many failed in this way in a row."""
    writer.execute(
        "UPDATE sources SET server = :server, failures_alike = :alike, failure = :failure, "
        "failing_since = CASE WHEN :failure IS NULL THEN NULL WHEN failure = :failure THEN failing_since ELSE :now END "
        "WHERE id = :id",
        {"id": source_id, "server": server, "failure": failure, "alike": alike, "now": now},
    )


def find_waiting(reader: Reader, source_id: int, server: str | None) -> list[tuple[int, str]]:
    """What waits for the server that this source reaches, or for our network: ids and names.

    A server was away if a source of it began to fail after its last success; our own network, if two servers did so
    after the last success of all. Called before the round of `source_id` is written down.
    """
    if server is None:
        return []
    failing = reader.rows(
        "SELECT id, name, server, failing_since FROM sources WHERE failure = 'unreached' AND enabled = 1"
    )
    if not failing:
        return []
    reached = {
        row["server"]: row["at"]
        for row in reader.rows(
            "SELECT server, max(last_ok_at) AS at FROM sources WHERE server IS NOT NULL GROUP BY server"
        )
    }
    last = max((at for at in reached.values() if at is not None), default=0)
    if len({row["server"] for row in failing if row["failing_since"] > last}) >= 2:
        waiting = failing
    elif any(row["server"] == server and row["failing_since"] > (reached.get(server) or 0) for row in failing):
        waiting = [row for row in failing if row["server"] == server]
    else:
        return []
    return [(row["id"], row["name"]) for row in waiting if row["id"] != source_id]


def wake_waiting(writer: Writer, source_id: int, server: str | None, now: int) -> list[str]:
    """Make due what waited for what this source has just reached; their names."""
    woken = find_waiting(writer, source_id, server)
    if woken:
        writer.execute(
            f"UPDATE sources SET next_poll_at = :now WHERE id {in_list('ids')} AND next_poll_at > :now",
            {"ids": as_list(row_id for row_id, _ in woken), "now": now},
        )
    return [name for _, name in woken]
