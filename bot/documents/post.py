"""PURE: one post as JSON with everything that the archive has about it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bot.documents.alert import acked_json
from bot.documents.as_json import as_json, iso, text_json
from bot.documents.media import file_json
from storage.language import zawgyi
from storage.records import Fetch
from storage.rows import PostRow, TextRow

if TYPE_CHECKING:
    from storage.media.summary import Holding
    from storage.posts.post_history import Matched, PostHistory


def post_json(post: PostRow, files: "Mapping[int, Holding]", matches: "Iterable[Matched]") -> dict[str, object]:
    """The post with its files, `files` by their id, and its matches."""
    return as_json(post) | {
        "media": [file_json(item, files[item.id]) for item in post.media],
        "text_unicode": convert_zawgyi(post),
        "reread_at": iso(post.reread_at),
        "matches": [_match_json(match) for match in matches],
    }


def history_json(history: "PostHistory", earlier: Iterable[TextRow]) -> dict[str, object]:
    """Every revision and observation of the post, and `earlier`: machine texts that others have replaced."""
    return {
        "history": [
            {
                "number": revision.number + 1,
                "text": revision.text,
                "collected_at": iso(revision.collected_at),
                "edited_at": iso(revision.edited_at),
                "method": revision.method,
                "content_hash": revision.content_hash,
                "raw_sha256": revision.raw_sha256,
                "reread_at": iso(revision.reread_at),
                "fetch": fetch_json(revision.fetch),
            }
            for revision in history.revisions
        ],
        "observations": [
            {
                "at": iso(seen.at),
                "presence": seen.presence,
                "method": seen.method,
                "detail": seen.detail,
                "fetch": fetch_json(seen.fetch),
            }
            for seen in history.observations
        ],
        "earlier_texts": [text_json(text) for text in earlier],
    }


def fetch_json(fetch: Fetch | None) -> dict[str, object] | None:
    """How a revision or an absence came; None if that was not recorded."""
    if fetch is None:
        return None
    return {
        "method": fetch.method,
        "status": fetch.status,
        "url": fetch.url,
        "headers": dict(fetch.headers),
        "certificate_sha256": fetch.certificate,
        "layer": fetch.layer,
    }


def convert_zawgyi(post: PostRow) -> str | None:
    """The text in Unicode, as rules and search read it, where the post was written in Zawgyi; None elsewhere."""
    words = f"{post.title}\n\n{post.text}" if post.title else post.text
    return zawgyi.convert(post.text) if zawgyi.is_zawgyi(words) else None


def _match_json(match: "Matched") -> dict[str, object]:
    return {
        "alert": str(match.id),
        "rule": match.rule,
        "kind": match.kind,
        "at": iso(match.at),
        "why": match.why,
        "acked": acked_json(match.acked),
        "deliveries": [
            {
                "target": sent.target,
                "kind": sent.kind,
                "state": sent.state,
                "created_at": iso(sent.created_at),
                "settled_at": iso(sent.settled_at),
                "reason": sent.reason,
                "possible_repeat": sent.possible_repeat,
            }
            for sent in match.deliveries
        ],
    }
