"""PURE: digest -> message: a title with the total, then one line for each post, as many as the target shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.alerts.render import Line, Rendering, Span, compose_lines, format_times
from bot.contracts.message import Message, Shows
from bot.documents.as_json import as_json, headed, iso
from bot.foreign.graphemes import clip, count_units
from bot.foreign.text import one_line
from storage.records import DeliveryRow, DigestedRow, DigestRow, PostRow

_LINE = 200  # UTF-16 units of one post
_TITLES = {"quiet": "held during quiet hours", "limit": "held by a limit"}


@dataclass(frozen=True, slots=True)
class DigestMaterial:
    """A digest, what it settled in order of urgency, and the posts of that: each once, in the same order."""

    digest: DigestRow
    listed: Sequence[DigestedRow]
    posts: Sequence[PostRow]


def compose_digest(row: DeliveryRow, material: DigestMaterial, rendering: Rendering, shows: Shows) -> Message:
    """Compose the digest. A webhook gets every post, other targets as many lines as they show, and how many more."""
    digest = material.digest
    rules: dict[int, list[str]] = {}
    for one in material.listed:
        rules.setdefault(one.post_id, []).append(one.rule if one.kind == "match" else f"{one.rule}, {one.kind}")
    repeat = " (possible repeat)" if row.possible_repeat else ""
    title = f"{digest.total} alerts {_TITLES.get(digest.kind, digest.kind)}{repeat}"
    since, until = (format_times(at, rendering.zone) for at in (digest.window_from, digest.window_to))
    head: list[Line] = [(Span(title, "bold"),), (Span(f"from {since} to {until}"),)]
    data: dict[str, object] = {
        "digest": str(digest.id),
        "kind": digest.kind,
        "total": digest.total,
        "window": {"from": iso(digest.window_from), "to": iso(digest.window_to)},
        "posts": [as_json(post) for post in material.posts],
        "possible_repeat": row.possible_repeat,
    }
    return compose_lines(row, head + _list_posts(material.posts, rules, shows.units, head), data, shows)


def _list_posts(
    posts: Sequence[PostRow], rules: dict[int, list[str]], units: int | None, head: Sequence[Line]
) -> list[Line]:
    left = (units or 100_000) - sum(count_units(span.text) + 1 for line in head for span in line) - 100
    lines: list[Line] = []
    for place, post in enumerate(posts):
        named = "; ".join(dict.fromkeys(rules[post.id]))
        text = clip(one_line(f"{named} · {post.source}: {headed(post.text, post.title)}"), _LINE)
        left -= count_units(text) + 1
        if left < 0:
            lines.append((Span(f"{len(posts) - place} more posts: see `communique alerts list --state digested`"),))
            break
        lines.append((Span(text),))
    return lines
