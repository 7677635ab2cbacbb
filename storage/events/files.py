"""Which posts show the same file or nearly the same picture, while events are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.events.members import REPEATED, is_open, said_by, window
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_CAPTIONS = 100  # different words beside one file that are compared


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A stored file: `picture` is what it looks like; None if that is not known or it is no picture."""

    sha256: str
    picture: str | None


@dataclass(frozen=True, slots=True)
class ShownBy:
    """A post that shows a file; `tokens` None: it has enough words of its own to be judged by them alone."""

    post_id: int
    source_id: int
    forward: str | None
    tokens: str | None


@dataclass(frozen=True, slots=True)
class NearPicture:
    """A picture of the first post of an event that a copy may still join; `words` are those that were read in it."""

    post_id: int
    event_id: int
    source_id: int
    sha256: str
    signature: str
    words: str


def read_file(reader: Reader, media_id: int | None) -> ShownFile | None:
    """One file by its row; None if it has not arrived."""
    row = reader.one("SELECT sha256, picture FROM media WHERE id = :id AND sha256 IS NOT NULL", {"id": media_id})
    return None if row is None else ShownFile(row["sha256"], row["picture"])


def note_file(writer: Writer, sha256: str, shown: ShownBy) -> None:
    """Remember who shows this file."""
    writer.execute(
        "INSERT INTO event_files (sha256, post_id, source_id, forward, tokens)"
        " VALUES (:sha256, :post, :source, :forward, :tokens) ON CONFLICT DO NOTHING",
        {
            "sha256": sha256,
            "post": shown.post_id,
            "source": shown.source_id,
            "forward": shown.forward,
            "tokens": shown.tokens,
        },
    )


def list_own(reader: Reader, sha256: str, shown: ShownBy) -> list[ShownBy]:
    """The other posts of the same source that show this file: the newest, each wording once."""
    rows = reader.rows(
        "SELECT max(post_id) AS post_id, source_id, forward, tokens FROM event_files"
        " WHERE sha256 = :sha256 AND source_id = :source AND post_id <> :post"
        " GROUP BY forward, tokens, iif(tokens IS NULL, post_id, 0) ORDER BY 1 DESC LIMIT :most + 0",
        {"sha256": sha256, "source": shown.source_id, "post": shown.post_id, "most": _CAPTIONS},
    )
    return [ShownBy(*row) for row in rows]


def list_captions(reader: Reader, sha256: str) -> list[str]:
    """The different few words that posts have beside this file."""
    return reader.column(
        "SELECT DISTINCT tokens FROM event_files WHERE sha256 = :sha256 AND tokens <> '' LIMIT :most + 0",
        {"sha256": sha256, "most": _CAPTIONS},
    )


def find_by_file(reader: Reader, sha256: str, shown: ShownBy, event_id: int, at: int) -> tuple[int, int] | None:
    """The first other post with few words that shows this file and whose event a copy may still join: event, post.

    The post's own event comes first, then the newest.
    """
    row = reader.one(
        "SELECT b.event_id, f.post_id FROM event_files f JOIN event_posts b ON b.post_id = f.post_id"
        " JOIN events e ON e.id = b.event_id WHERE f.sha256 = :sha256 AND f.post_id <> :post AND f.tokens IS NOT NULL"
        f" AND NOT b.apart AND {is_open('e')} AND {REPEATED} IS NOT 1 ORDER BY b.event_id <> :event,"
        " e.opened_at DESC, f.post_id LIMIT 1",
        {"sha256": sha256, "post": shown.post_id, "event": event_id, **window(at), **said_by(shown.source_id, at)},
    )
    return None if row is None else (row["event_id"], row["post_id"])


def is_banner(reader: Reader, sha256: str) -> bool:
    """Whether this file joins nothing."""
    return bool(reader.value("SELECT EXISTS (SELECT 1 FROM event_banners WHERE sha256 = :sha256)", {"sha256": sha256}))


def mark_banner(writer: Writer, sha256: str) -> None:
    """From now on this file joins nothing."""
    writer.execute("INSERT INTO event_banners (sha256) VALUES (:sha256) ON CONFLICT DO NOTHING", {"sha256": sha256})


def keep_picture(
    writer: Writer, media_id: int, post_id: int, signature: str, bands: Iterable[int], words: Sequence[str], at: int
) -> None:
    """Let copies of this picture find the post."""
    writer.execute(
        "INSERT INTO event_pictures (media_id, post_id, signature, words, at)"
        " VALUES (:media, :post, :signature, :words, :at) ON CONFLICT DO NOTHING",
        {"media": media_id, "post": post_id, "signature": signature, "words": " ".join(words), "at": at},
    )
    writer.execute_many(
        "INSERT INTO event_bands (band, media_id) VALUES (:band, :media) ON CONFLICT DO NOTHING",
        [{"band": band, "media": media_id} for band in bands],
    )


def list_near(reader: Reader, bands: Iterable[int], shown: ShownBy, at: int) -> list[NearPicture]:
    """Pictures of first posts of other events that share a part of the signature and join something."""
    rows = reader.rows(
        "SELECT c.post_id, b.event_id, p.source_id, m.sha256, c.signature, c.words FROM event_pictures c"
        " JOIN event_posts b ON b.post_id = c.post_id JOIN events e ON e.id = b.event_id"
        " JOIN media m ON m.id = c.media_id JOIN posts p ON p.id = c.post_id"
        f" WHERE c.media_id IN (SELECT media_id FROM event_bands WHERE band {in_list('bands')})"
        " AND c.post_id = e.id AND c.post_id <> :post AND NOT b.apart"
        f" AND NOT EXISTS (SELECT 1 FROM event_banners n WHERE n.sha256 = m.sha256) AND {is_open('e')}"
        f" AND {REPEATED} IS NOT 1",
        {"bands": as_list(bands), "post": shown.post_id, **window(at), **said_by(shown.source_id, at)},
    )
    return [NearPicture(*row) for row in rows]


def read_words(reader: Reader, text_id: int) -> tuple[str, str, bool] | None:
    """What an engine has read in a file: its kind, the words, and whether they are unreliable."""
    row = reader.one("SELECT kind, text, unreliable FROM texts WHERE id = :id", {"id": text_id})
    return None if row is None else (row["kind"], row["text"], bool(row["unreliable"]))


def read_caption(reader: Reader, sha256: str, post_id: int) -> str | None:
    """The few words that a post has beside a file; None if it has many, or does not show it."""
    found: str | None = reader.value(
        "SELECT tokens FROM event_files WHERE sha256 = :sha256 AND post_id = :post",
        {"sha256": sha256, "post": post_id},
    )
    return found
