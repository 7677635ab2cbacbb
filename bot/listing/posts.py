"""Posts as documents: those that a query found, and one with everything that the archive has of it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from bot.documents.found import found_json
from storage.posts import reading
from storage.rows import Hit, PostRow

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.search.search import FoundPost

POST_COLUMNS = (
    "id", "source", "native_id", "url", "author", "title", "posted_at", "collected_at", "edited_at", "deleted_at",
    "language", "text", "texts", "media", "links", "rules", "forwarded_from", "reply_to", "revisions", "raw_sha256",
    "posted_raw", "matched", "zawgyi", "event", "copy_of", "copy_reason", "copy_likeness", "quotes", "time_problem",
)  # fmt: skip
_AT_ONCE = 50


def read_found(
    reader: "Reader", found: "Iterable[FoundPost]"
) -> Iterator[tuple[PostRow, tuple[Hit, ...], dict[int, str]]]:
    """The posts that a search found, as they are found: each with its hits, and the texts that hits point into."""
    left = iter(found)
    while page := list(islice(left, _AT_ONCE)):
        texts = reading.read_texts(reader, {hit.text_id for item in page for hit in item.hits})
        hits = {item.post_id: item.hits for item in page}
        for post in reading.read_posts(reader, hits):
            yield post, hits[post.id], texts


def list_found(reader: "Reader", found: "Iterable[FoundPost]") -> Iterator[dict[str, object]]:
    """The same as documents."""
    return (found_json(post, hits, texts) for post, hits, texts in read_found(reader, found))


def describe_whole(reader: "Reader", post: PostRow, *, history: bool) -> dict[str, object]:
    """One post with its files and matches; with `history` every revision and every look at it, too."""
    from bot.documents.post import history_json, post_json
    from storage.media import summary
    from storage.posts import post_history

    document = post_json(post, summary.read_files_of_post(reader, post.id), post_history.read_matches(reader, post.id))
    if history:
        lived, earlier = post_history.read_history(reader, post.id), reading.read_earlier_texts(reader, post.id)
        document |= history_json(lived, earlier)
    return document
