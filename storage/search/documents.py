"""Loads posts as the evaluator sees them: their current texts, and the facts that fields ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.archive.packed_words import unpack
from storage.language.fold import fold, is_remembered
from storage.language.match import Document, DocumentText
from storage.language.version import FOLD_VERSION
from storage.posts import damaged
from storage.posts.ids import SECOND, second_of

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row

_SLACK = 3600  # seconds that numbering may move a post's id away from its posting time
HAS = {
    "voice": "voice",
    "audio": "audio",
    "photo": "photo",
    "video": "video",
    "round": "video",
    "document": "document",
}


def load_documents(
    reader: Reader, post_ids: Iterable[int], *, history: bool = False, media: bool = True, rules: bool = True
) -> dict[int, Document]:
    """Posts by id, those that there are.

    `posted_at` is the posting time, or where that is missing or implausible the collecting time that the post is
    ordered by. `history` adds the texts of earlier revisions. Without `media` and `rules` two questions are spared,
    and `has` and `rules` hold less. Raises ArchiveDamaged with the name of a post that cannot be read.
    """
    wanted = list(post_ids)
    try:
        return _load(reader, {"ids": as_list(wanted)}, history=history, media=media, rules=rules)
    except damaged.READING as problem:
        damaged.refuse(reader, wanted, problem)
        raise


def _load(reader: Reader, ids: dict[str, object], *, history: bool, media: bool, rules: bool) -> dict[int, Document]:
    texts: dict[int, list[DocumentText]] = {}
    for row in reader.rows(
        f"SELECT {_TEXT} FROM texts WHERE post_id {in_list('ids')} AND current >= :current ORDER BY id",
        ids | {"current": 0 if history else 1},
    ):
        texts.setdefault(row["post_id"], []).append(_text(row))
    kinds = _gathered(reader.rows(_MEDIA, ids)) if media else {}
    matched = _gathered(reader.rows(_RULES, ids)) if rules else {}
    return {
        row["id"]: _document(row, tuple(texts.get(row["id"], ())), kinds.get(row["id"], ()), matched.get(row["id"], ()))
        for row in reader.rows(_POSTS, ids)
    }


def load_seen(reader: Reader, documents: Mapping[int, Document], seen: Mapping[int, int]) -> dict[int, Document]:
    """These posts with the words that they had at a revision (by post id), as the best reader reads them now.

    Only words of their own, and those that engines made of files which only a better reader saw.
    """
    found = {}
    for post_id, revision in seen.items():
        rows = reader.rows(
            f"SELECT {_TEXT} FROM texts WHERE post_id = :post AND (engine IS NULL AND revision <= :revision "
            "AND (current = 1 OR ended > :revision) OR current = 1 AND media_id IN "
            "(SELECT id FROM media WHERE post_id = :post AND reread = 1)) ORDER BY id",
            {"post": post_id, "revision": revision},
        )
        found[post_id] = replace(documents[post_id], texts=tuple(map(_text, rows)))
    return found


def load_former(
    reader: Reader, documents: Mapping[int, Document], revisions: Mapping[int, Iterable[int]]
) -> dict[int, list[Document]]:
    """These posts as each of these revisions (by post id) had them: with their own words alone."""
    former: dict[int, list[Document]] = {}
    for post_id, numbers in revisions.items():
        for number in numbers:
            rows = reader.rows(
                f"SELECT {_TEXT} FROM texts WHERE post_id = :post AND engine IS NULL AND revision <= :revision "
                "AND (current = 1 OR ended > :revision) ORDER BY id",
                {"post": post_id, "revision": number},
            )
            former.setdefault(post_id, []).append(replace(documents[post_id], texts=tuple(map(_text, rows))))
    return former


_TEXT = (
    "id, post_id, kind, text, folded, packed, fold_version, language, confidence, unreliable, "
    "CASE WHEN instr(segments, '\"unreliable\": true') THEN segments END AS segments, "
    "EXISTS (SELECT 1 FROM media m WHERE m.id = media_id AND m.reread = 1) AS again"
)
_POSTS = (
    "SELECT p.id, s.name, s.handle, s.tags, s.side, p.author, p.forward, p.language, p.posted_at, p.reply_to, "
    "p.edited_at, p.revision, b.event_id FROM posts p JOIN sources s ON s.id = p.source_id "
    f"LEFT JOIN event_posts b ON b.post_id = p.id WHERE p.id {in_list('ids')}"
)
_MEDIA = (
    "SELECT DISTINCT m.post_id AS id, m.kind AS what FROM media m JOIN posts p ON p.id = m.post_id "
    f"WHERE p.id {in_list('ids')} AND m.revision = p.revision"
)
_RULES = f"SELECT DISTINCT post_id AS id, rule AS what FROM matches WHERE post_id {in_list('ids')}"


def _text(row: Row) -> DocumentText:
    return DocumentText(
        row["id"],
        row["kind"],
        row["text"],
        _folded(row),
        row["language"],
        row["confidence"],
        bool(row["unreliable"]),
        _doubtful(row["segments"]),
        bool(row["again"]),
    )


def _folded(row: Row) -> str:
    if row["fold_version"] != FOLD_VERSION or is_remembered(row["text"]):
        return fold(row["text"])
    known: str | None = row["folded"] if row["packed"] is None else unpack(row["packed"], row["text"].encode())
    return fold(row["text"]) if known is None else known


def _doubtful(segments: str | None) -> tuple[tuple[int, int], ...]:
    pieces = json.loads(segments) if segments else ()
    return tuple((piece["start"], piece["end"]) for piece in pieces if piece.get("unreliable"))


def _gathered(rows: Iterable[Row]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row["id"], set()).add(row["what"])
    return found


def _document(row: Row, texts: tuple[DocumentText, ...], kinds: Iterable[str], matched: Iterable[str]) -> Document:
    has = {HAS[kind] for kind in kinds if kind in HAS}
    facts = {
        "forward": row["forward"] is not None,
        "reply": row["reply_to"] is not None,
        "edit": row["edited_at"] is not None or row["revision"] > 0,
        "poll": any(text.kind == "poll" for text in texts),
    }
    return Document(
        post_id=row["id"],
        source=row["name"],
        handle=row["handle"],
        event=row["event_id"],
        tags=frozenset(json.loads(row["tags"])),
        side=row["side"],
        author=row["author"],
        forwarded_from=json.loads(row["forward"]).get("name") if row["forward"] else None,
        language=row["language"],
        has=frozenset(has | {name for name, true in facts.items() if true}),
        posted_at=ordering_time(row["id"], row["posted_at"]),
        texts=texts,
        rules=frozenset(matched),
    )


def ordering_time(post_id: int, posted_at: int | None) -> int:
    """When a post was published; where that is missing or implausible, the time that it is ordered by."""
    ordered = second_of(post_id)
    return posted_at if posted_at is not None and abs(posted_at // SECOND - ordered) < _SLACK else ordered * SECOND
