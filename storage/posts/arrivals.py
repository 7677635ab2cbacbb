"""Compares a fetched post with what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from storage.archive.best_reading import BEST_READING, HASH
from storage.archive.columns import id_text, storable
from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.posts import texts
from storage.posts.content import content_hash, is_of_blank, same_content, speaks_of_words
from storage.records import FetchedPost

if TYPE_CHECKING:
    from storage.archive.database import Writer


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a post; `doubted` says that it was absent once and is to be confirmed.

    `absence` is the last observation that it was absent, 0 if there is none.
    """

    id: int
    revision: int
    content_hash: str
    edited_at: int | None
    deleted_at: int | None
    doubted: int
    absence: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A fetched post with its content hash, and what is stored of it."""

    post: FetchedPost
    hash: str
    known: Known | None
    attached: tuple[str, ...] | None = None  # what is stored, where the stored hash does not speak of it

    @property
    def gains_words(self) -> bool:
        """Whether it was stored in a form that does not have its attached words."""
        return self.attached == () and bool(self.post.attached)

    @property
    def comes_to_light(self) -> bool:
        """Whether the source showed nothing of the post until now: what it says is no edit."""
        return self.known is not None and is_of_blank(self.known.content_hash) and not self.post.edited

    @property
    def says_the_same(self) -> bool:
        """A service message is worded by who shows it, and cannot be edited; a post that is not shown says nothing."""
        if self.known is None or self.post.service:
            return self.known is not None
        if self.post.not_shown and self.post.is_blank:
            return True
        shown = tuple(storable(words) for words in self.post.attached or ())
        other_form = "~" in self.known.content_hash  # the words of the other form are not comparable
        return same_content(self.known.content_hash, self.hash) and (
            not self.attached or other_form or self.attached == shown
        )


def compare(writer: Writer, post: FetchedPost, known: Known | None) -> Arrival:
    """The post beside what is known of it. Raises what a source's mistake in its fields leads to."""
    now = content_hash(post)
    silent = known is not None and post.attached is not None and not speaks_of_words(known.content_hash, now)
    attached = texts.read_attached(writer, known.id) if known is not None and silent else None
    return Arrival(post, now, known, attached)


def is_earlier(writer: Writer, arrival: Arrival) -> bool:
    """Whether a known post is shown in the very bytes of an earlier revision."""
    if arrival.known is None or arrival.says_the_same:
        return False
    return bool(
        writer.value(
            "SELECT EXISTS (SELECT 1 FROM revisions WHERE post_id = :post AND raw_sha256 = :bytes)",
            {"post": arrival.known.id, "bytes": sha256(arrival.post.raw.data).hexdigest()},
        )
    )


def find_known(writer: Writer, source_id: int, posts: Sequence[FetchedPost]) -> dict[str, Known]:
    """What is stored of these posts, by their ids at the source."""
    ids = as_list(id_text(post.native_id) for post in posts)
    return _known(writer, f"p.source_id = :source AND p.native_id {in_list('ids')}", {"source": source_id, "ids": ids})


def find_known_by_id(writer: Writer, post_id: int) -> Known:
    """What is stored of one post."""
    [known] = _known(writer, "p.id = :id", {"id": post_id}).values()
    return known


def _known(writer: Writer, where: str, parameters: Mapping[str, object]) -> dict[str, Known]:
    rows = writer.rows(
        f"SELECT p.native_id, p.id, p.revision, {HASH}, p.edited_at, p.deleted_at, EXISTS "
        "(SELECT 1 FROM jobs j WHERE j.kind = 'recheck' AND j.post_id = p.id AND j.slot = 'confirm'), "
        "coalesce((SELECT max(o.id) FROM observations o WHERE o.post_id = p.id AND o.presence = 'absent'), 0) "
        f"FROM posts p JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING} WHERE {where}",
        parameters,
    )
    return {row[0]: Known(*row[1:]) for row in rows}
