"""PURE: the words of a post around what a query found in it, for lists of posts."""

from collections.abc import Iterator, Sequence
from itertools import islice

from bot.documents.as_json import headed
from storage.frozen import dataclass
from storage.rows import Hit, PostRow

_AROUND = 90  # letters shown before and after a hit
_LONGEST = 400  # letters of one hit
_MOST = 3  # snippets of one post
_BESIDE = ("attached", "card", "notice")  # shown of a post without words


@dataclass(frozen=True, slots=True)
class SnippetPart:
    """A part of a snippet; `hit` marks words that the query found, `label` is the kind of text that this part names."""

    text: str
    hit: bool
    label: str | None = None


def cut_snippets(post: PostRow, hits: Sequence[Hit], texts: dict[int, str]) -> Iterator[tuple[SnippetPart, ...]]:
    """The text around the hits, text by text; without hits (a query of fields only) the beginning of the post."""
    read = {text_id: headed(text, post.title) for text_id, text in texts.items()}
    groups = list(islice(_group_hits(hits, read), _MOST))
    if not groups:
        words = headed(f"{post.title}\n\n{post.text}", post.title) if post.title else post.text
        words = words.strip() or " ".join(text.text for text in post.texts if text.kind in _BESIDE)
        words = words or ", ".join(f"[{item.name or item.kind}]" for item in post.media) or "[no words]"
        start = words[: 2 * _AROUND]
        yield (SnippetPart(start, hit=False), SnippetPart("…" if len(words) > len(start) else "", hit=False))
    for text, inside in groups:
        yield tuple(cut_around(text, inside))


def _group_hits(hits: Sequence[Hit], texts: dict[int, str]) -> Iterator[tuple[str, list[Hit]]]:
    """Hits that are close enough together for one snippet."""
    near: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.text_id, hit.start)):
        if hit.text_id not in texts:
            continue
        if near and (near[-1].text_id != hit.text_id or hit.start - near[-1].end > 2 * _AROUND):
            yield texts[near[0].text_id], near
            near = []
        near.append(hit)
    if near:
        yield texts[near[0].text_id], near


def cut_around(text: str, hits: Sequence[Hit]) -> Iterator[SnippetPart]:
    """Cut the text around hits that are close together."""
    start = max(0, hits[0].start - _AROUND)
    end = min(len(text), hits[-1].end + _AROUND)
    if hits[0].kind != "body":
        yield SnippetPart(f"[{hits[0].kind}] ", hit=False, label=hits[0].kind)
    yield SnippetPart("…" if start else "", hit=False)
    at = start
    for hit in hits:
        if hit.end <= at:
            continue
        yield SnippetPart(text[at : max(at, hit.start)], hit=False)
        yield SnippetPart(text[max(at, hit.start) : hit.end][:_LONGEST], hit=True)
        at = hit.end
    yield SnippetPart(text[at:end], hit=False)
    yield SnippetPart("…" if end < len(text) else "", hit=False)
