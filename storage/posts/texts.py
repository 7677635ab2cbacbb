"""The texts of a post that rules and search read: body, poll, names of files; later transcripts and OCR.

An id is the post's id * 2**14 + n, so texts sort as their posts do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from storage.archive.columns import storable, storable_or_none
from storage.archive.full_text import find_floor
from storage.archive.packed_words import columns
from storage.frozen import dataclass
from storage.language.version import FOLD_VERSION
from storage.posts import index
from storage.posts.content import body, card_texts
from storage.posts.ids import TEXT_BITS, text_id, text_number
from storage.records import FetchedPost, GivenText, Segment, TextKind

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

LIMIT = 1 << TEXT_BITS
_OWN: tuple[TextKind, ...] = ("body", "poll", "file", "card", "notice", "quoted")  # what a fetched post brings itself
_ATTACHED: tuple[TextKind, ...] = ("attached",)  # only where its source is read for them


@dataclass(frozen=True, slots=True)
class AnalyzedText:
    """What we make of a text: the words that search and rules compare, and the language by its script."""

    folded: str
    language: str


def analyze(texts: Sequence[str]) -> list[AnalyzedText]:
    """The reading that everything stored gets; by far the dearest part of storing.

    All are folded before the first is asked for its language: what either needs is at hand for all of them.
    """
    from storage.language.fold import fold  # here, for whoever only counts texts imports neither
    from storage.language.script import language

    folded = [fold(text) for text in texts]
    return [AnalyzedText(*found) for found in zip(folded, map(language, texts), strict=True)]


Read = Callable[[Sequence[str]], Sequence[AnalyzedText]]


class TooManyTextsError(ValueError):
    """A post has more texts than its ids have room for."""


@dataclass(frozen=True, slots=True)
class NewText:
    """A text to be stored; `media_key` is the file whose name it is."""

    post_id: int
    revision: int
    kind: TextKind
    text: str
    media_key: str | None = None
    said: str = ""  # the language that its source says it is in


@dataclass(frozen=True, slots=True)
class OwnText:
    """The text of a post that is part of the bytes of the post, which are packed with it."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class TextCount:
    """How many current texts a post has, and the language of the first."""

    texts: int = 0
    language: str = "und"


def texts_of(post: FetchedPost, post_id: int, revision: int) -> list[NewText]:
    """The texts that a fetched post brings itself."""
    found = []
    if words := body(post):
        found.append(NewText(post_id, revision, "body", storable(words), said=post.language))
    if post.poll is not None:
        found.append(NewText(post_id, revision, "poll", storable("\n".join((post.poll.question, *post.poll.options)))))
    found += [
        NewText(post_id, revision, "file", storable(media.name), storable(media.key))
        for media in post.media
        if media.name
    ]
    found += [NewText(post_id, revision, "attached", storable(words)) for words in post.attached or ()]
    found += [NewText(post_id, revision, "card", storable(words)) for words in card_texts(post)]
    if post.not_shown:
        found.append(NewText(post_id, revision, "notice", storable(post.not_shown)))
    found += [NewText(post_id, revision, "notice", storable(words)) for words in post.remarks]
    if post.quoted:
        found.append(NewText(post_id, revision, "quoted", storable(post.quoted)))
    return found


def rows_of(new: Sequence[NewText], read: Read, *, start: int = 0) -> list[dict[str, object]]:
    """Texts, grouped by post, as rows with all that we say of them; the numbers of each post begin at `start`.

    Raises TooManyTextsError.
    """
    rows: list[dict[str, object]] = []
    post_id, number = -1, start
    for text, reading in zip(new, read([text.text for text in new]), strict=True):
        number = number + 1 if text.post_id == post_id else start
        post_id = text.post_id
        if number >= LIMIT:
            raise TooManyTextsError(f"it has more than {LIMIT} texts")
        rows.append(
            {
                "id": text_id(post_id, number),
                "post_id": post_id,
                "kind": text.kind,
                "revision": text.revision,
                "media_id": None,
                "media_key": text.media_key,
                "text": text.text,
                "folded": reading.folded,
                "fold_version": FOLD_VERSION,
                "language": "und" if text.kind == "notice" else _choose_language(reading.language, text),
            }
        )
    return rows


def _choose_language(found: str, text: NewText) -> str:
    if found != "und" or not text.said:
        return found
    from storage.language.script import accept_said

    return accept_said(text.said, text.text)


def text_count_of(rows: Sequence[Mapping[str, object]]) -> dict[int, TextCount]:
    """What each post has when these are all of its texts."""
    found: dict[int, TextCount] = {}
    for row in rows:
        post_id = cast("int", row["post_id"])
        before = found.get(post_id)
        found[post_id] = TextCount(before.texts + 1, before.language) if before else TextCount(1, str(row["language"]))
    return found


def find_number(own: OwnText | None, title: str | None, text: str) -> int | None:
    """The number of a post's own text if that holds what a revision says, after its title."""
    if own is None or not text:
        return None
    return text_number(own.id) if own.text == (f"{title}\n\n{text}" if title else text) else None


def own_texts(rows: Iterable[Mapping[str, object]]) -> dict[int, OwnText]:
    """The text that is part of the bytes of each of these posts that has words of its own."""
    return {
        cast("int", row["post_id"]): OwnText(cast("int", row["id"]), cast("str", row["text"]))
        for row in rows
        if row["kind"] == "body"
    }


def insert(writer: Writer, rows: list[dict[str, object]], media_ids: Mapping[tuple[int, str], int]) -> None:
    """Store and index all texts of new posts, in ascending order of their ids."""
    _store(writer, rows, media_ids)
    index.add(writer, rows)


def _store(writer: Writer, rows: list[dict[str, object]], media_ids: Mapping[tuple[int, str], int]) -> None:
    for row in rows if media_ids else ():
        row["media_id"] = media_ids.get((cast("int", row["post_id"]), cast("str", row["media_key"])))
    writer.execute_many(
        "INSERT INTO texts (id, post_id, kind, revision, media_id, text, folded, packed, fold_version, language, "
        "current) VALUES (:id, :post_id, :kind, :revision, :media_id, :text, :folded, :packed, :fold_version, "
        ":language, 1)",
        _packed(writer, rows),
    )


def _packed(writer: Writer, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """The same rows as they are kept: the index is given the folded words, which the table has packed."""
    plain = bool(rows) and find_floor(writer) is not None
    return [{**row, **columns(cast("str", row["folded"]), cast("str", row["text"]), plain=plain)} for row in rows]


def supersede(
    writer: Writer,
    post: FetchedPost,
    post_id: int,
    revision: int,
    read: Read,
    media_ids: Mapping[tuple[int, str], int],
) -> TextCount:
    """Make the texts that the post brings itself its current ones; equal ones stay. Raises TooManyTextsError.

    Texts that were made of its files (transcripts, OCR, translations) are left alone, and so are attached words where
    the post was not read for them.
    """
    own = _OWN if post.attached is None else (*_OWN, *_ATTACHED)
    return _replace(writer, post_id, revision, texts_of(post, post_id, revision), own, read, media_ids)


def replace_kind(writer: Writer, post: FetchedPost, post_id: int, revision: int, kind: TextKind, read: Read) -> None:
    """Make the texts of one kind that a post brings itself its current ones; the revision stays.

    Raises TooManyTextsError.
    """
    wanted = [text for text in texts_of(post, post_id, revision) if text.kind == kind]
    _save_count(writer, post_id, _replace(writer, post_id, revision, wanted, (kind,), read, {}))


def read_own_text(reader: Reader, post_id: int) -> OwnText | None:
    """The current text of a post that is part of its bytes."""
    row = reader.one(
        "SELECT id, text FROM texts WHERE post_id = :post AND kind = 'body' AND current = 1", {"post": post_id}
    )
    return None if row is None else OwnText(*row)


def read_attached(reader: Reader, post_id: int) -> tuple[str, ...]:
    """The attached words that a post has now, in their order."""
    found = reader.column(
        "SELECT text FROM texts WHERE post_id = :post AND kind = 'attached' AND current = 1 ORDER BY id",
        {"post": post_id},
    )
    return tuple(found)


def _replace(
    writer: Writer,
    post_id: int,
    revision: int,
    wanted: Sequence[NewText],
    own: Sequence[TextKind],
    read: Read,
    media_ids: Mapping[tuple[int, str], int],
) -> TextCount:
    rows = writer.rows(
        "SELECT id, kind, text, media_id, current FROM texts WHERE post_id = :post ORDER BY id", {"post": post_id}
    )
    standing = {
        (row["kind"], row["text"], row["media_id"]): row["id"] for row in rows if row["current"] and row["kind"] in own
    }
    keyed = {(text.kind, text.text, media_ids.get((post_id, text.media_key or ""))): text for text in wanted}
    gone = [{"id": text_id, "revision": revision} for key, text_id in standing.items() if key not in keyed]
    start = text_number(rows[-1]["id"]) + 1 if rows else 0
    new = rows_of([text for key, text in keyed.items() if key not in standing], read, start=start)
    if gone or new:
        with index.rewriting(writer, [post_id]):
            writer.execute_many("UPDATE texts SET current = 0, ended = :revision WHERE id = :id", gone)
            _store(writer, new, media_ids)
        index.add_to_old(writer, new)
    return _standing(writer, post_id)


@dataclass(frozen=True, slots=True)
class MachineText:
    """What an engine made of one file; `language` None: by the script of the text."""

    kind: TextKind
    text: str
    language: str | None
    confidence: float | None
    engine: str
    model: str
    unreliable: bool = False
    segments: tuple[Segment, ...] = ()


def save_machine_text(
    writer: Writer, media_id: int | None, made: MachineText, read: Read = analyze, *, post_id: int
) -> int | None:
    """Make this the current text of its kind for one file, or for the post's own words; its id, None for no words.

    The same words of the same engine stay the row that they are, so that a job done twice changes nothing. Raises
    TooManyTextsError.
    """
    before = writer.one(
        "SELECT id, text, engine, model FROM texts "
        "WHERE post_id = :post AND media_id IS :media AND kind = :kind AND current = 1",
        {"media": media_id, "kind": made.kind, "post": post_id},
    )
    text = storable(made.text)
    if before is not None and (before["text"], before["engine"], before["model"]) == (text, made.engine, made.model):
        return int(before["id"])
    text_id = None
    with index.rewriting(writer, [post_id]):
        if before is not None:
            writer.execute("UPDATE texts SET current = 0 WHERE id = :id", {"id": before["id"]})
        if text.strip():
            text_id = _add_machine(writer, post_id, media_id, made, text, read)
    _save_count(writer, post_id, _standing(writer, post_id))
    return text_id


def save_given_texts(writer: Writer, post_id: int, given: Sequence[GivenText], read: Read = analyze) -> bool:
    """Add what another archive's engines had made of a post's files; what is there already stays. Whether any is new.

    Nobody says which of the files each was made of. Raises TooManyTextsError.
    """
    rows = writer.rows("SELECT kind, text, engine FROM texts WHERE post_id = :post AND current = 1", {"post": post_id})
    standing = {(row["kind"], row["text"], row["engine"] or "") for row in rows}
    made = [_fit(one) for one in given if one.text.strip()]
    new = [one for one in made if (one.kind, one.text, one.engine) not in standing]
    if not new:
        return False
    with index.rewriting(writer, [post_id]):
        for one in new:
            _add_machine(writer, post_id, None, one, one.text, read)
    _save_count(writer, post_id, _standing(writer, post_id))
    return True


def _fit(given: GivenText) -> MachineText:
    """The same, fit for its columns: all of it comes from a file that anybody may have written."""
    return MachineText(
        given.kind,
        storable(given.text),
        storable_or_none(given.language),
        given.confidence,
        storable(given.engine),
        storable(given.model),
        given.unreliable,
        given.segments,
    )


def find_last_id(writer: Writer, post_id: int) -> int:
    """The highest id of a text of this post; -1 where it has none."""
    last = writer.value("SELECT max(id) FROM texts WHERE post_id = :post", {"post": post_id})
    return -1 if last is None else int(last)


@dataclass(frozen=True, slots=True)
class Untranslated:
    """A current text whose translation is missing or older than itself; `media_id` None: the post's own words."""

    media_id: int | None
    language: str
    text: str


def find_untranslated(reader: Reader, post_id: int) -> tuple[str, tuple[Untranslated, ...]]:
    """The name of a post's source, and its words that may be translated: unreliable ones are not worth it."""
    name = reader.one(
        "SELECT sources.name FROM posts JOIN sources ON sources.id = posts.source_id WHERE posts.id = :post",
        {"post": post_id},
    )
    rows = reader.rows(
        "SELECT media_id, language, text FROM texts AS said WHERE post_id = :post AND current = 1 "
        "AND unreliable = 0 AND kind IN ('body', 'transcript', 'ocr') AND NOT EXISTS (SELECT 1 FROM texts AS made "
        "WHERE made.post_id = said.post_id AND made.media_id IS said.media_id AND made.kind = 'translation' "
        "AND made.current = 1 AND made.id > said.id) ORDER BY id",
        {"post": post_id},
    )
    return (name[0] if name else "", tuple(Untranslated(*row) for row in rows))


def _add_machine(writer: Writer, post_id: int, media_id: int | None, made: MachineText, text: str, read: Read) -> int:
    revision = writer.value("SELECT revision FROM posts WHERE id = :post", {"post": post_id})
    last = find_last_id(writer, post_id)
    start = text_number(last) + 1 if last >= 0 else 0
    [row] = rows_of([NewText(post_id, revision, made.kind, text)], read, start=start)
    row |= {
        "media_id": media_id,
        "language": made.language or row["language"],
        "engine": made.engine,
        "model": made.model,
        "confidence": made.confidence,
        "unreliable": int(made.unreliable),
        "segments": json.dumps([asdict(segment) for segment in made.segments]) if made.segments else None,
    }
    writer.execute_many(
        "INSERT INTO texts (id, post_id, kind, revision, media_id, text, folded, packed, fold_version, language, "
        "engine, model, confidence, unreliable, segments, current) VALUES (:id, :post_id, :kind, :revision, :media_id, "
        ":text, :folded, :packed, :fold_version, :language, :engine, :model, :confidence, :unreliable, :segments, 1)",
        _packed(writer, [row]),
    )
    index.add_to_old(writer, [row])
    return cast("int", row["id"])


def _standing(writer: Writer, post_id: int) -> TextCount:
    languages = writer.column(
        "SELECT language FROM texts WHERE post_id = :post AND current = 1 "
        "ORDER BY kind <> 'body', kind = 'translation', id",
        {"post": post_id},
    )
    return TextCount(len(languages), languages[0] if languages else "und")


def _save_count(writer: Writer, post_id: int, now: TextCount) -> None:
    writer.execute(
        "UPDATE posts SET texts = :texts, language = :language WHERE id = :post",
        {"post": post_id, "texts": now.texts, "language": now.language},
    )
