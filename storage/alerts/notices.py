"""What the user must hear once: a source broke or recovered, a job was given up, a piece could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.archive.database import as_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One sentence for the user; `about` names what it concerns ("source spokesman"), `at` is microseconds UTC."""

    id: int
    at: int
    about: str
    text: str


def add(writer: Writer, at: int, about: str, text: str, *, ends: bool | None = None) -> None:
    """Say it once; whoever follows the notices shows it.

    `ends` is False for a trouble that lasts, True for its end, None for what is over as it is said.
    """
    writer.execute(
        "INSERT INTO notices (at, about, text, ends) VALUES (:at, :about, :text, :ends)",
        {"at": at, "about": about, "text": text, "ends": None if ends is None else int(ends)},
    )


def read_last(writer: Writer, about: str) -> str | None:
    """The latest sentence about something, None if nothing was ever said."""
    said = writer.value("SELECT text FROM notices WHERE about = :about ORDER BY id DESC LIMIT 1", {"about": about})
    return None if said is None else str(said)


def read_lasting(reader: Reader, abouts: Sequence[str]) -> dict[str, str]:
    """The sentence about each trouble that lasts, by what it is about: a name like one of these (SQL's LIKE)."""
    rows = reader.rows(
        "SELECT about, text FROM notices WHERE ends = 0 AND id IN (SELECT max(id) FROM notices WHERE ends IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM json_each(:abouts) WHERE about LIKE value) GROUP BY about)",
        {"abouts": as_list(abouts)},
    )
    return {row["about"]: row["text"] for row in rows}


def read_lasting_one(reader: Reader, about: str) -> NoticeRow | None:
    """The begin of the trouble that it has now, None where the last one is over."""
    row = reader.one(
        "SELECT id, at, about, text FROM notices WHERE ends = 0 AND id ="
        " (SELECT max(id) FROM notices WHERE about = :about AND ends IS NOT NULL)",
        {"about": about},
    )
    return None if row is None else NoticeRow(*row)
