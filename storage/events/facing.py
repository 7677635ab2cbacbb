"""Statements of two sides that face each other: which earlier one a match answers, stored once, as it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.archive.best_reading import AS_RECEIVED
from storage.archive.database import as_list, in_list
from storage.rows import Hit, Statement

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

_MOST = 200  # earlier statements that are looked at, the newest first
# No copy and no forward: the first of its event, or the message that forwards before it carried.
_OWN = "p.forward IS NULL AND (b.event_id IS NULL OR b.event_id = p.id OR b.reason = 'origin')"
# When it was said: what an edit put in, when the rule saw it; everything else when it was published.
_SAID = "iif(p.revision > 0, m.at, min(coalesce(p.posted_at, p.collected_at), p.collected_at))"
_TOLD = "(m.kind = 'match' OR m.why = 'an edit put the words in') AND m.why <> 'unreliable text'"
_FROM = "FROM posts p JOIN sources s ON s.id = p.source_id LEFT JOIN event_posts b ON b.post_id = p.id"


def find_time(reader: Reader, post_id: int, now: int) -> int | None:
    """When a source said by itself what a rule sees in its post now; None for a copy or a forward."""
    said = _SAID.replace("m.at", ":now")
    found = reader.value(f"SELECT {said} {_FROM} WHERE p.id = :id AND {_OWN}", {"id": post_id, "now": now})
    return None if found is None else int(found)


def find_earlier(reader: Reader, rule: str, side: str, since: int, until: int) -> list[tuple[int, int, int]]:
    """Matches of the rule in what this side said itself between these times, newest first: match, post, time."""
    rows = reader.rows(
        f"SELECT m.id, p.id AS post_id, {_SAID} AS said {_FROM} JOIN matches m ON m.post_id = p.id"
        f" WHERE m.rule = :rule AND m.at >= :since AND {_TOLD} AND s.side = :side AND {_OWN}"
        f" AND {_SAID} BETWEEN :since AND :until ORDER BY said DESC, m.id DESC LIMIT {_MOST}",
        {"rule": rule, "side": side, "since": since, "until": until},
    )
    return [(row["id"], row["post_id"], row["said"]) for row in rows]


def save(writer: Writer, match_id: int, faces: int) -> None:
    """The statement of one match faces that of an earlier one."""
    writer.execute(
        "INSERT INTO facing (match_id, faces) VALUES (:match, :faces) ON CONFLICT (match_id) DO NOTHING",
        {"match": match_id, "faces": faces},
    )


def read_facing(reader: Reader, match_ids: Iterable[int]) -> dict[int, tuple[Statement, Statement]]:
    """The statements that face each other, the first and its answer, by the match of the answer."""
    rows = reader.rows(
        f"SELECT match_id, faces FROM facing WHERE match_id {in_list('ids')}", {"ids": as_list(match_ids)}
    )
    pairs = {int(row["match_id"]): int(row["faces"]) for row in rows}
    found = _read_statements(reader, {*pairs, *pairs.values()})
    return {match_id: (found[faces], found[match_id]) for match_id, faces in pairs.items()}


def list_of_event(reader: Reader, event_id: int) -> list[tuple[Statement, Statement]]:
    """Every two statements that face each other of which one belongs to the event, oldest first."""
    ids = reader.column(
        "SELECT f.match_id FROM event_posts b JOIN matches m ON m.post_id = b.post_id"
        " JOIN facing f ON m.id IN (f.match_id, f.faces) WHERE b.event_id = :event ORDER BY f.match_id",
        {"event": event_id},
    )
    found = read_facing(reader, ids)
    return [found[match_id] for match_id in dict.fromkeys(ids)]


def _read_statements(reader: Reader, match_ids: Iterable[int]) -> dict[int, Statement]:
    rows = reader.rows(
        "SELECT m.id, m.rule, m.hits, p.id AS post_id, b.event_id, s.name, s.side, p.url, p.posted_at, p.posted_raw,"
        f" p.collected_at, p.deleted_at, {AS_RECEIVED} AS text,"
        " EXISTS (SELECT 1 FROM revisions e WHERE e.post_id = p.id"
        f" AND e.number > 0 AND e.collected_at > m.at) AS edited FROM matches m JOIN posts p ON p.id = m.post_id"
        " JOIN sources s ON s.id = p.source_id JOIN revisions r ON r.post_id = p.id AND r.number = p.revision"
        f" LEFT JOIN event_posts b ON b.post_id = p.id WHERE m.id {in_list('ids')}",
        {"ids": as_list(match_ids)},
    )
    hits = {int(row["id"]): tuple(Hit(**hit) for hit in json.loads(row["hits"])) for row in rows}
    wanted = as_list({hit.text_id for found in hits.values() for hit in found})
    texts = {
        int(row["id"]): str(row["text"])
        for row in reader.rows(f"SELECT id, text FROM texts WHERE id {in_list('ids')}", {"ids": wanted})
    }
    return {int(row["id"]): _statement(row, hits[row["id"]], texts) for row in rows}


def _statement(row: Row, hits: tuple[Hit, ...], texts: dict[int, str]) -> Statement:
    return Statement(
        match_id=row["id"],
        rule=row["rule"],
        post_id=row["post_id"],
        event=row["event_id"],
        source=row["name"],
        side=row["side"],
        url=row["url"],
        posted_at=row["posted_at"],
        posted_raw=row["posted_raw"],
        collected_at=row["collected_at"],
        text=row["text"],
        hits=hits,
        texts={hit.text_id: texts[hit.text_id] for hit in hits if hit.text_id in texts},
        edited=bool(row["edited"]),
        gone=row["deleted_at"] is not None,
    )
