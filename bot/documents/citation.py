"""PURE: how a post is cited: in one line, and as CSL JSON (https://docs.citationstyles.org/en/stable/specification.html)."""

from datetime import UTC, datetime, timedelta

from bot.documents.as_json import iso
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from storage.rows import PostRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TITLE = 120  # characters of the words that replace a title


def cite(post: PostRow, name: str | None, here: str) -> str:
    """One line: who, what, when it was said and changed, when it was archived, its hash, and both addresses.

    `name` is what the source calls itself, `here` the address of the post in this reading room.
    """
    parts = [
        _named(post, name),
        f"“{title_of(post)}”",
        f"published {_utc(post.posted_at) or one_line(post.posted_raw) or 'at an unknown time'}",
        f"edited {_utc(post.edited_at)}" if post.edited_at is not None else "",
        f"found deleted {_utc(post.deleted_at)}" if post.deleted_at is not None else "",
        f"archived {_utc(post.collected_at)}",
        f"SHA-256 {post.raw_sha256}",
        one_line(post.url or ""),
        here,
    ]
    return ", ".join(part for part in parts if part)


def cite_as_csl(post: PostRow, name: str | None, here: str) -> dict[str, object]:
    """The same as one item of CSL JSON, which Zotero and pandoc read."""
    said: dict[str, object] = {
        "id": f"{post.source}/{post.native_id}",
        "type": "post",
        "title": title_of(post),
        "author": [{"literal": post.author or name or post.source}],
        "container-title": name or post.source,
        "number": post.native_id,
        "language": post.language,
        "URL": post.url or here,
        "accessed": _date(post.collected_at),
        "archive": "Communiqué",
        "archive_location": here,
        "note": f"archived {iso(post.collected_at)}; SHA-256 of the bytes as received: {post.raw_sha256}",
    }
    if post.posted_at is not None:
        said["issued"] = _date(post.posted_at)
    return said


def title_of(post: PostRow) -> str:
    """What replaces the title of a post: its own, or the beginning of its words."""
    words = one_line(post.title or post.text).strip()
    return clip(words, _TITLE) if words else f"{one_line(post.source)}/{one_line(post.native_id)}"


def _named(post: PostRow, name: str | None) -> str:
    shown = one_line(name or post.author or post.source)
    place = f"{one_line(post.source)}/{one_line(post.native_id)}"
    return f"{shown} ({place})"


def _utc(at: int | None) -> str:
    said = iso(at)
    return f"{said[:10]} {said[11:19]} UTC" if said else ""


def _date(at: int) -> dict[str, object]:
    try:
        day = _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return {"literal": "unknown"}
    return {"date-parts": [[day.year, day.month, day.day]], "literal": iso(at)}
