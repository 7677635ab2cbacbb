"""PURE: posts as entries of a feed: an edit is an update of the same entry, and a deleted post says that it is."""

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from bot.documents.as_json import headed, iso
from bot.foreign.text import one_line, visible
from storage.frozen import dataclass
from storage.rows import PostRow

_TITLE = 100  # letters
_NEVER = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class GivenEntry:
    """One post. `id` is the same in every archive and after every edit; times are ISO 8601 in UTC."""

    id: str
    title: str
    text: str
    url: str | None
    author: str
    language: str | None
    published: str
    updated: str
    deleted: str | None


def make_entries(posts: Sequence[PostRow], changed: Mapping[int, int]) -> list[GivenEntry]:
    """The entries of these posts, in their order; `changed` says when each of them changed last."""
    return [_entry(post, changed.get(post.id, 0)) for post in posts]


def newest_update(entries: Sequence[GivenEntry]) -> str:
    """When the feed was last updated."""
    return max((entry.updated for entry in entries), default=_NEVER)


def _entry(post: PostRow, changed: int) -> GivenEntry:
    words = headed(f"{post.title}\n\n{post.text}", post.title) if post.title else post.text
    words = words if words.strip() else ", ".join(f"[{item.kind}]" for item in post.media) or "[no words]"
    beginning = one_line(words).strip() or one_line(f"{post.source}/{post.native_id}")
    short = beginning if len(beginning) <= _TITLE else f"{beginning[: _TITLE - 1]}…"
    deleted = iso(post.deleted_at)
    mark, note = "", ""
    if deleted is not None:
        mark, note = "[deleted] ", f"This post was deleted, as was seen {deleted}. It said:\n\n"
    elif post.revisions > 1:
        note = f"Edited, as was seen {_whole(post.edited_at)}; revision {post.revisions}.\n\n"
    return GivenEntry(
        id=f"urn:uuid:{uuid5(NAMESPACE_URL, f'communique:{post.source}/{post.native_id}')}",
        title=mark + short,
        text=note + visible(words, newlines=True),
        url=post.url if post.url and post.url.startswith(("https://", "http://")) else None,
        author=one_line(post.author or post.source),
        language=None if post.language == "und" else post.language,
        published=_whole(post.posted_at if post.posted_at is not None else post.collected_at),
        updated=_whole(max(changed, post.collected_at, post.edited_at or 0, post.deleted_at or 0)),
        deleted=deleted,
    )


def _whole(at: int | None) -> str:
    """To the second: feed readers know no more."""
    return iso((at or 0) // 1_000_000 * 1_000_000) or _NEVER
