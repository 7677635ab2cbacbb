"""PURE: a post that a query found, as JSON, with the passages that matched."""

from collections.abc import Mapping, Sequence

from bot.documents.as_json import as_json, place_of
from storage.rows import Hit, PostRow


def found_json(post: PostRow, hits: Sequence[Hit], texts: Mapping[int, str]) -> dict[str, object]:
    """The post, with `matched`: which words of which text the query found."""
    matched = []
    for hit in hits:
        if hit.text_id in texts:
            text = texts[hit.text_id]
            kind, start, end = place_of(hit, text, post.title)
            matched.append({"kind": kind, "text": text[hit.start : hit.end], "start": start, "end": end})
    return {**as_json(post), "matched": matched}
