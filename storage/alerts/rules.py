"""Which rules were ever loaded, in which version, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.connections import connect_to_read
from storage.archive.database import as_list, in_list, schema_of, translate_errors
from storage.archive.sequence import take_number
from storage.language.meaning import LANGUAGE_VERSION

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

Languages = Mapping[tuple[str, str], int]  # by name and query of a rule: the language that it was first read by
_KEY = "language_version"


def save_versions(writer: Writer, loaded: Iterable[tuple[str, str, str]], now: int) -> int:
    """Keep rules as (name, version, query) at `now`, microseconds UTC; the number of versions not seen before.

    A version that is known keeps the time and the number of its first loading. For a name that is not, what posts say
    that wait for their decision is noted: it came before the rule.
    """
    number = take_number(writer)
    added = sum(
        writer.execute(
            "INSERT INTO rules (name, version, query, loaded_at, loaded_seq, language_version)"
            " VALUES (:name, :version, :query, :now, :number, :language) ON CONFLICT (name, version) DO NOTHING",
            {
                "name": name,
                "version": version,
                "query": query,
                "now": now,
                "number": number,
                "language": LANGUAGE_VERSION,
            },
        ).rowcount
        for name, version, query in loaded
    )
    if added:
        writer.execute(_NOTE_UNDECIDED, {"number": number})
    return added


_NOTE_UNDECIDED = (
    "INSERT INTO undecided (post_id, loaded_seq, revision) SELECT DISTINCT j.post_id, :number, p.revision"
    " FROM jobs j JOIN posts p ON p.id = j.post_id WHERE j.kind = 'decide'"
    " AND EXISTS (SELECT 1 FROM rules GROUP BY name HAVING min(loaded_seq) = :number)"
)


def read_undecided(reader: Reader, post_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Of posts that waited when new rules were loaded: by the number of these rules, the revision of then."""
    found: dict[int, dict[int, int]] = {}
    for row in reader.rows(
        f"SELECT post_id, loaded_seq, revision FROM undecided WHERE post_id {in_list('ids')}",
        {"ids": as_list(post_ids)},
    ):
        found.setdefault(row["post_id"], {})[row["loaded_seq"]] = row["revision"]
    return found


def forget_undecided(writer: Writer, post_ids: Iterable[int]) -> None:
    """These posts are decided."""
    writer.execute(f"DELETE FROM undecided WHERE post_id {in_list('ids')}", {"ids": as_list(post_ids)})


def find_first_loaded(reader: Reader, name: str) -> int:
    """The number at which a rule's name was first loaded, whatever its version, 0 if never: older posts never alert."""
    return int(reader.value("SELECT coalesce(min(loaded_seq), 0) FROM rules WHERE name = :name", {"name": name}))


def list_names(reader: Reader) -> list[str]:
    """Names of all rules that were ever loaded or matched."""
    return [str(name) for name in reader.column("SELECT name FROM rules UNION SELECT DISTINCT rule FROM matches")]


def read_languages(reader: Reader) -> Languages:
    """By which version of the query language each rule was first read."""
    rows = reader.rows("SELECT name, query, min(language_version) AS language FROM rules GROUP BY name, query")
    return {(row["name"], row["query"]): row["language"] for row in rows}


def read_languages_of(path: Path) -> Languages:
    """The same of an archive that may still have an older schema. Raises ArchiveError."""
    with translate_errors(path), closing(connect_to_read(path)) as connection:
        if schema_of(connection, path) is None:
            return {}
        known = {row[1] for row in connection.execute("PRAGMA table_info(rules)")}
        language = "min(language_version)" if "language_version" in known else "1"
        rows = connection.execute(f"SELECT name, query, {language} FROM rules GROUP BY name, query")
        return {(name, query): version for name, query, version in rows}


def take_up_language(writer: Writer) -> bool:
    """Note that rules are read by the language of this version; whether an older one read them until now."""
    before = writer.value("SELECT value FROM meta WHERE key = :key", {"key": _KEY})
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _KEY, "value": str(LANGUAGE_VERSION)},
    )
    return int(before or 1) < LANGUAGE_VERSION
