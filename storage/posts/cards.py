"""Cards of links and other boxes that a platform draws later, or draws again: words that change without an edit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.archive.columns import storable
from storage.archive.database import as_list, in_list
from storage.posts import texts
from storage.posts.content import card_texts
from storage.records import FetchedPost

if TYPE_CHECKING:
    from storage.archive.database import Writer

_DRAWN_WITHIN = 3_600_000_000  # microseconds after a post came: what comes later is about its link, and no news
_MOST = 50  # texts of cards for one post
_NUMBERS = re.compile(r"[0-9]+")


def refresh(writer: Writer, shown: Sequence[tuple[int, int, FetchedPost]], now: int, read: texts.Read) -> list[int]:
    """Store the words of cards that are new, by post id and revision; the ids of posts on which they are news.

    A box in which only numbers differ (answers, votes) is the same; a card that is not shown any more stays.
    """
    drawn = {post_id: (revision, post) for post_id, revision, post in shown if post.preview or post.cards}
    if not drawn:
        return []
    stored: dict[int, list[str]] = {}
    for row in writer.rows(
        f"SELECT post_id, text FROM texts WHERE post_id {in_list('ids')} AND kind = 'card'", {"ids": as_list(drawn)}
    ):
        stored.setdefault(row["post_id"], []).append(row["text"])
    changed = [post_id for post_id, (_, post) in drawn.items() if _is_new(post, stored.get(post_id, []))]
    for post_id in changed:
        revision, post = drawn[post_id]
        texts.replace_kind(writer, post, post_id, revision, "card", read)
    return [
        int(post_id)
        for post_id in writer.column(
            f"SELECT id FROM posts WHERE id {in_list('ids')} AND collected_at >= :since",
            {"ids": as_list(changed), "since": now - _DRAWN_WITHIN},
        )
    ]


def _is_new(post: FetchedPost, stored: Sequence[str]) -> bool:
    """Whether there are words that no card of this post has had; one that goes back and forth is stored once."""
    if len(stored) >= _MOST:
        return False
    known = {*stored, *map(_without_numbers, stored)}
    boxes = {storable(box) for box in post.cards}
    shown = (storable(words) for words in card_texts(post))
    return any((_without_numbers(words) if words in boxes else words) not in known for words in shown)


def _without_numbers(words: str) -> str:
    return _NUMBERS.sub("0", words)
