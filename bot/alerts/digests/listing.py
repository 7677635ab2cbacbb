"""PURE: the posts that a digest lists, three lines each, as many as fit; the rest is counted."""

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from bot.alerts.digests.words import count, short, short_time
from bot.alerts.lines import Line, Span, measure_lines
from bot.alerts.render import safe_link
from bot.contracts.message import Shows
from bot.documents.as_json import headed
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line, undated
from storage.alerts.digest_rows import DigestedRow
from storage.frozen import dataclass
from storage.records import PostRow

_WORDS = 160  # UTF-16 units of a post
_RULES = 120
_KINDS = {"edited": " (edited)", "deleted": " (deleted)", "match": ""}
MOST = 1_000  # posts in words, also where a target shows any length


@dataclass(frozen=True, slots=True)
class ListedPost:
    """One post of a digest, with the alerts about it; `edited_since`: the last edit after the first of them."""

    post: PostRow
    alerts: Sequence[DigestedRow]
    edited_since: int | None = None


def post_lines(listed: ListedPost, zone: ZoneInfo, *, late: bool) -> list[Line]:
    """Rules, source and times; the first words; the link. `late`: when it was collected, too."""
    post = listed.post
    rules = ", ".join(dict.fromkeys(f"{short(one.rule)}{_KINDS[one.kind]}" for one in listed.alerts))
    posted = short_time(post.posted_at, zone) if post.posted_at is not None else undated(post.posted_raw)
    collected = f", collected {short_time(post.collected_at, zone)}" if late or post.posted_at is None else ""
    marks = _marks(listed, zone)
    words = clip(one_line(headed("\n\n".join(filter(None, (post.title, post.text))), post.title)[: 8 * _WORDS]), _WORDS)
    url = safe_link(post.url)
    return [
        (
            Span(clip(rules, _RULES), "bold"),
            Span(f" · {short(post.source)} · "),
            Span(f"{posted}{collected}", "own" if post.posted_at is not None else ""),
            *((Span(f" ({marks})", "bold"),) if marks else ()),
        ),
        *([(Span(words),)] if words else []),
        (Span(url, "safe_link"),) if url else (Span(f"communique show {post.id}", "own"),),
    ]


def _marks(listed: ListedPost, zone: ZoneInfo) -> str:
    post = listed.post
    edited = f"edited since, {short_time(listed.edited_since, zone)}" if listed.edited_since is not None else ""
    gone = f"deleted since, {short_time(post.deleted_at, zone)}" if post.deleted_at is not None else ""
    return "; ".join(filter(None, (edited, gone)))


def fit_posts(blocks: Iterable[list[Line]], total: int, room: int | None, command: str, shows: Shows) -> Iterator[Line]:
    """Whole posts while they fit in `room`, a blank line before each; how many are left, and what lists them."""
    left = (1 << 60 if room is None else room) - shows.size(_rest(total, command)) - 1
    shown = 0
    for block in blocks:
        size = 1 + measure_lines(block, shows)
        if size > left or shown == MOST:
            break
        left -= size
        shown += 1
        yield ()
        yield from block
    if shown < total:
        yield (Span(_rest(total - shown, command), "own"),)


def _rest(number: int, command: str) -> str:
    return f"and {count(number, 'more post', 'more posts')}: `{command}`"
