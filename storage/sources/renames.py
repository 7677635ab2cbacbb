"""The names that the config has given to sources, targets and rules, and what a new name takes over from an old one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from storage.alerts.outbox import NO_LONGER_CONFIGURED
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

Part = Literal["sources", "targets", "rules"]
PARTS: tuple[Part, ...] = ("sources", "targets", "rules")


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """An entry as the config has or had it. Equal marks: they read, send to or look for the same; "" is unknown."""

    part: Part
    name: str
    kind: str = ""
    mark: str = ""


def read_entries(reader: Reader) -> list[ConfigEntry]:
    """Every entry that a config ever had, by name, under its latest name."""
    rows = reader.rows("SELECT part, name, kind, mark FROM config_entries ORDER BY part, name")
    return [ConfigEntry(row["part"], row["name"], row["kind"], row["mark"]) for row in rows]


def save_entries(writer: Writer, entries: Iterable[ConfigEntry]) -> None:
    """Remember what the config has now; what it had before stays remembered."""
    writer.execute_many(
        "INSERT INTO config_entries (part, name, kind, mark) VALUES (:part, :name, :kind, :mark)"
        " ON CONFLICT (part, name) DO UPDATE SET kind = excluded.kind, mark = excluded.mark",
        [asdict(entry) for entry in entries],
    )


def move_source(writer: Writer, was: str, name: str) -> bool:
    """Give the source `was` with everything that belongs to it the name `name`.

    False, and nothing is changed, if there is no such source, or if `name` has posts of its own.
    """
    old, new = (writer.value("SELECT id FROM sources WHERE name = :name", {"name": one}) for one in (was, name))
    if old is None or has_posts(writer, name):
        return False
    if new is not None:
        for table in ("gaps", "runs", "silences", "identity_changes"):
            writer.execute(f"DELETE FROM {table} WHERE source_id = :id", {"id": new})
        writer.execute("DELETE FROM meta WHERE key = :key", {"key": f"history:{new}"})
        writer.execute("DELETE FROM sources WHERE id = :id", {"id": new})
    names = {"was": was, "name": name}
    writer.execute("UPDATE sources SET name = :name WHERE id = :id", {"name": name, "id": old})
    writer.execute("UPDATE OR REPLACE telegram_watches SET source = :name WHERE source = :was", names)
    writer.execute("UPDATE telegram_requests SET source = :name WHERE source = :was", names)
    _forget(writer, "sources", was, name)
    return True


def has_posts(reader: Reader, source: str) -> bool:
    """Whether anything was ever collected under this name."""
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM posts WHERE source_id = s.id)"
            " OR EXISTS (SELECT 1 FROM quarantine WHERE source_id = s.id) FROM sources s WHERE s.name = :name",
            {"name": source},
        )
    )


def move_target(writer: Writer, was: str, name: str) -> None:
    """Let `name` have what was sent and is owed to `was`, also what was given up only because `was` had gone."""
    names = {"was": was, "name": name}
    moved = "UPDATE OR IGNORE deliveries SET target = :name{} WHERE target = :was"
    revived = ", state = 'pending', reason = NULL, settled_at = NULL"
    writer.execute(
        f"{moved.format(revived)} AND state = 'dead' AND reason = :reason", {**names, "reason": NO_LONGER_CONFIGURED}
    )
    writer.execute(moved.format(""), names)
    writer.execute("UPDATE digests SET target = :name WHERE target = :was", names)
    writer.execute("UPDATE OR REPLACE digest_schedules SET target = :name WHERE target = :was", names)
    writer.execute("UPDATE OR IGNORE targets SET name = :name WHERE name = :was", names)
    writer.execute("DELETE FROM targets WHERE name = :was", names)
    _forget(writer, "targets", was, name)


def move_rule(writer: Writer, was: str, name: str) -> None:
    """Let `name` have the matches of `was`, and count as loaded since then."""
    _merge_versions(writer, "name = :was", "name = :name", {"was": was, "name": name})
    writer.execute("UPDATE OR IGNORE matches SET rule = :name WHERE rule = :was", {"was": was, "name": name})
    _forget(writer, "rules", was, name)


def move_version(writer: Writer, rule: str, was: str, version: str) -> None:
    """Count what the rule found in the version `was` as found in `version`: its words and its sources are the same."""
    values = {"rule": rule, "was": was, "version": version}
    _merge_versions(writer, "name = :rule AND version = :was", "version = :version", values)
    writer.execute(
        "UPDATE OR IGNORE matches SET rule_version = :version WHERE rule = :rule AND rule_version = :was", values
    )


def _merge_versions(writer: Writer, which: str, change: str, values: dict[str, str]) -> None:
    """Change rows of `rules`; one that then exists twice keeps the earlier time and number of its loading."""
    for row in writer.rows(f"SELECT id, name, version, loaded_at, loaded_seq FROM rules WHERE {which}", values):
        moved = writer.execute(f"UPDATE OR IGNORE rules SET {change} WHERE id = :id", {**values, "id": row["id"]})
        if moved.rowcount == 0:
            writer.execute(
                "UPDATE rules SET loaded_at = min(loaded_at, :at), loaded_seq = min(loaded_seq, :seq)"
                " WHERE name = :name AND version = :version",
                {
                    "name": values.get("name", row["name"]),
                    "version": values.get("version", row["version"]),
                    "at": row["loaded_at"],
                    "seq": row["loaded_seq"],
                },
            )
            writer.execute("DELETE FROM rules WHERE id = :id", {"id": row["id"]})


def _forget(writer: Writer, part: Part, was: str, name: str) -> None:
    """Forget the old name, and let notices and mutes be about the new one; old sentences stay as they were."""
    noun = part.removesuffix("s")
    writer.execute("DELETE FROM config_entries WHERE part = :part AND name = :was", {"part": part, "was": was})
    writer.execute(
        "UPDATE notices SET about = :about WHERE about = :was", {"about": f"{noun} {name}", "was": f"{noun} {was}"}
    )
    writer.execute(f"UPDATE mutes SET {noun} = :name WHERE {noun} = :was", {"name": name, "was": was})
