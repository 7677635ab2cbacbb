"""Who a source is, and what of that has changed: its lasting id, name, title, picture, and where it has moved to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.columns import storable_or_none
from storage.frozen import dataclass
from storage.sources import renames
from storage.state_names import OK, PREVIEW_DISABLED, RENAMED, current_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.archive.database import Reader, Writer
    from storage.records import Batch

_DAY = 86_400_000_000  # microseconds
_OFTEN = 3  # so many changes of one thing within a day are kept, and no news
_STATES = {RENAMED: "owner", PREVIEW_DISABLED: "preview"}  # what such a state says of who it is
_CHANGES = (
    "SELECT c.id, s.name AS source, c.at, c.what, c.before, c.after FROM identity_changes c"
    " JOIN sources s ON s.id = c.source_id"
)
_COLUMNS = ("handle", "title", "picture", "moved_to")


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """What changed: "id", "handle", "title", "picture", "moved_to", "owner", "preview" or "accepted".

    "owner": the name belongs to somebody else, and is not followed; "preview": the public pages were closed or opened;
    "accepted": a person follows the new owner, and what was collected before is under the name `before`. None where
    there was nothing before, or is nothing after.
    """

    id: int
    source: str
    at: int
    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a source is, as far as the archive knows; `is_refused`: its name belongs to somebody else now."""

    channel_id: str | None
    handle: str | None
    title: str | None
    moved_to: str | None
    is_refused: bool


def find_identity(reader: Reader, name: str) -> Identity | None:
    """Who the source of this name is; None if the archive never heard of it."""
    row = reader.one(
        "SELECT channel_id, handle, title, moved_to, state FROM sources WHERE name = :name", {"name": name}
    )
    if row is None:
        return None
    known = (row["channel_id"], row["handle"], row["title"], row["moved_to"])
    return Identity(*known, current_name(row["state"]) == RENAMED)


def accept_owner(writer: Writer, name: str, kept_as: str, now: int) -> None:
    """Begin again under this name; what was collected of the owner before, and all about it, is kept as `kept_as`.

    Two owners have numbers and posts of their own, so they never share a source.
    """
    renames.move_source(writer, name, kept_as)
    columns = "kind, tags, side, family"
    writer.execute(
        f"INSERT INTO sources (name, {columns}, enabled, state, state_since, paused, next_poll_at, failures)"
        f" SELECT :name, {columns}, 1, 'new', :now, 0, 0, 0 FROM sources WHERE name = :kept",
        {"name": name, "kept": kept_as, "now": now},
    )
    writer.execute("UPDATE sources SET enabled = 0 WHERE name = :kept", {"kept": kept_as})
    source_id = writer.value("SELECT id FROM sources WHERE name = :name", {"name": name})
    _add(writer, source_id, "accepted", kept_as, None, now, said=True)


def note_reply(writer: Writer, source_id: int, before: Mapping[str, str | None], batch: Batch, now: int) -> None:
    """Compare what a reply says with what the archive has. What is seen for the first time is no change, but a move."""
    known, shown = before["channel_id"], storable_or_none(batch.channel_id)
    if known is None and shown is not None:
        _add(writer, source_id, "id", None, shown, now, said=True)
    for what in _COLUMNS:
        old, new = before[what], storable_or_none(getattr(batch, what))
        if new is not None and _is_news(what, old, new) and (old is None or old != known):
            _add(writer, source_id, what, old, new, now)


def _is_news(what: str, old: str | None, new: str) -> bool:
    if old is None:
        return what == "moved_to"
    return old.casefold() != new.casefold() if what == "handle" else old != new


def note_state(writer: Writer, source_id: int, before: str, outcome: str, detail: str | None, now: int) -> None:
    """Keep what a new state says of who the source is; people hear of the state itself."""
    if outcome in _STATES:
        _add(writer, source_id, _STATES[outcome], None, detail, now, said=True)
    elif before in _STATES and outcome == OK:
        _add(writer, source_id, _STATES[before], before, OK, now, said=True)


def forget(writer: Writer, name: str) -> None:
    """The config lets it read something else: whoever that is, is pinned at the next reply."""
    writer.execute(
        "UPDATE sources SET channel_id = NULL, handle = NULL, title = NULL, picture = NULL, moved_to = NULL"
        " WHERE name = :name",
        {"name": name},
    )


def list_changes(reader: Reader, name: str) -> list[IdentityChange]:
    """What has changed of one source, oldest first."""
    return [
        IdentityChange(**row) for row in reader.rows(f"{_CHANGES} WHERE s.name = :name ORDER BY c.id", {"name": name})
    ]


def list_unsaid(reader: Reader) -> list[IdentityChange]:
    """What people have not heard of, oldest first."""
    return [IdentityChange(**row) for row in reader.rows(f"{_CHANGES} WHERE c.said = 0 ORDER BY c.id")]


def mark_said(writer: Writer, changes: Sequence[IdentityChange]) -> None:
    """Note that people hear of these."""
    writer.execute_many("UPDATE identity_changes SET said = 1 WHERE id = :id", [{"id": one.id} for one in changes])


def _add(
    writer: Writer, source_id: int, what: str, old: str | None, new: str | None, now: int, *, said: bool = False
) -> None:
    values = {"source": source_id, "what": what, "before": old, "after": new, "now": now, "since": now - _DAY}
    often = writer.value(
        "SELECT count(*) FROM identity_changes WHERE source_id = :source AND what = :what AND at > :since", values
    )
    writer.execute(
        "INSERT INTO identity_changes (source_id, at, what, before, after, said)"
        " VALUES (:source, :now, :what, :before, :after, :said)",
        {**values, "said": int(said or often >= _OFTEN)},
    )
