"""Posts as lists show them: source, times, states, and the words around what was found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.documents.post import convert_zawgyi
from bot.foreign.graphemes import clip
from bot.listing.snippets import SnippetPart, cut_snippets
from storage.frozen import dataclass
from storage.posts import reading
from storage.rows import Hit, PostRow

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.search.search import FoundPost

_BEGINNING = 240  # characters of words that are shown again in Unicode


@dataclass(frozen=True, slots=True)
class PostItem:
    """A post in a list; `side` is that of its source, `copies` how many other posts its event has.

    `unicode` is the beginning of its words in Unicode, where it is written in Zawgyi.
    """

    post: PostRow
    side: str | None
    snippets: tuple[tuple[SnippetPart, ...], ...]
    copies: int = 0
    unicode: str | None = None


def list_posts(reader: "Reader", found: "Sequence[FoundPost]") -> list[PostItem]:
    """Posts that a query found, with their snippets, in this order."""
    hits = {one.post_id: one.hits for one in found}
    texts = reading.read_texts(reader, {hit.text_id for one in hits.values() for hit in one})
    return list(_listed(reader, reading.read_posts(reader, hits), hits, texts))


def list_by_id(reader: "Reader", ids: Iterable[int]) -> list[PostItem]:
    """Posts with the beginning of their words."""
    return list(_listed(reader, reading.read_posts(reader, ids), {}, {}))


def _listed(
    reader: "Reader", posts: Sequence[PostRow], hits: Mapping[int, Sequence[Hit]], texts: dict[int, str]
) -> Iterator[PostItem]:
    from storage.events.listing import count_posts
    from storage.sources.names import read_sides_by_name

    sides = read_sides_by_name(reader)
    copies = count_posts(reader, {post.event for post in posts if post.event is not None})
    for post in posts:
        others = max(copies.get(post.event, 1) - 1, 0) if post.event is not None else 0
        snippets = tuple(cut_snippets(post, hits.get(post.id, ()), texts))
        converted = convert_zawgyi(post)
        unicode = None if converted is None else clip(converted, _BEGINNING)
        yield PostItem(post, sides.get(post.source), snippets, others, unicode)
