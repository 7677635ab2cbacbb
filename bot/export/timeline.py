"""Posts as JSON for TimelineJS (https://timeline.knightlab.com/docs/json-format.html), whose texts are HTML."""

from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

from bot.export.contract import Format, Material, Place
from bot.foreign.graphemes import clip
from bot.foreign.text import json_text, one_line, undated, visible
from storage.search.documents import ordering_time

if TYPE_CHECKING:
    from storage.rows import PostRow

_HEADLINE = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write(material: Material, place: Place) -> None:
    """A title, and an event a post: at its time, or marked so at the time when it was collected."""
    title = {"text": {"headline": escape(one_line(material.title)), "text": escape(f"{material.count:,} posts")}}
    with place.create("timeline.json") as file:
        file.write(f'{{"title": {json_text(title)}, "events": [\n'.encode())
        before = ""
        for page in material.pages():
            for post in page:
                file.write(f"{before}{json_text(_event(post))}".encode())
                before = ",\n"
        file.write(b"\n]}\n")


def _event(post: "PostRow") -> dict[str, object]:
    first, _, rest = post.text.strip().partition("\n")
    headline = post.title or first or post.source
    body = post.text if post.title or len(first) > _HEADLINE else rest
    return {
        "unique_id": str(post.id),
        "start_date": _date(post),
        "group": one_line(post.source),
        "text": {
            "headline": escape(clip(one_line(headline[: 4 * _HEADLINE]), _HEADLINE)),
            "text": _paragraphs(post, body),
        },
    }


def _date(post: "PostRow") -> dict[str, object]:
    at = _EPOCH + timedelta(microseconds=ordering_time(post.id, post.posted_at))
    parts: dict[str, object] = {
        name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second")
    }
    if post.posted_at is None:
        parts["display_date"] = escape(f"{undated(post.posted_raw)}; collected {at:%Y-%m-%d %H:%M} UTC")
    else:
        parts["display_date"] = f"{at:%Y-%m-%d %H:%M} UTC"
    return parts


def _paragraphs(post: "PostRow", body: str) -> str:
    """The words as HTML that nothing in them can end, then where they are, and what became of them."""
    lines = [f'<p dir="auto">{escape(visible(line))}</p>' for line in body.splitlines() if line.strip()]
    gone = "deleted" if post.deleted_at is not None else "edited" if post.edited_at is not None else ""
    name = escape(one_line(f"{post.source}/{post.native_id}"))
    if post.url and post.url.startswith(("https://", "http://")):
        name = f'<a href="{escape(visible(post.url))}" rel="noreferrer">{name}</a>'
    return "".join([*lines, f"<p>{name}{' · ' if gone else ''}{gone}</p>"])


FORMAT = Format(write, "timeline.json", streams=True)
