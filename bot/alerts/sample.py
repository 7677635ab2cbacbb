"""PURE: an alert as it could be, made up: what a test message shows, and what templates are checked against."""

from typing import Literal

from bot.clock import MINUTE, SECOND
from bot.documents.alert import match_json, passage_json
from storage.records import DeliveryRow, Forward, Hit, MatchRow, MediaRow, PostRow, Story, TextRow, Thread
from storage.rows import Link

_TEXT = "Sample statement of a fictional office: our forces hold the town and the road north of it."
_BEFORE = "Sample statement of a fictional office: our forces hold the town."
_FOUND = "hold the town"


def make_sample(kind: Literal["match", "edited"], target: str, now: int) -> tuple[DeliveryRow, Story, PostRow]:
    """A message about a match or an edit; no number in it is one of the archive. `now` is microseconds UTC."""
    start = _TEXT.index(_FOUND)
    hits = (Hit(1, "body", start, start + len(_FOUND), _FOUND),)
    before = _BEFORE if kind == "edited" else None
    match = MatchRow("sample-rule", "0", 0, "", kind, now, hits, alerting=True, why="new match", before=before)
    text = TextRow(1, "body", _TEXT, "en", None, None, current=True)
    machine = TextRow(2, "transcript", _TEXT, "en", "sample-engine", 0.9, current=True, media_id=1)
    voice = MediaRow(
        "voice",
        "audio/ogg",
        "sample.ogg",
        1_000,
        "0" * 64,
        "fetched",
        None,
        "media/sample",
        12.0,
        1,
        "audio/ogg",
        1_000,
    )
    post = PostRow(
        id=0,
        source="sample-source",
        native_id="7",
        url="https://example.org/sample/7",
        title="Sample title",
        author="Sample author",
        posted_at=now - MINUTE,
        posted_raw="",
        collected_at=now - SECOND,
        edited_at=now - SECOND if kind == "edited" else None,
        deleted_at=None,
        text=_TEXT,
        language="en",
        forward=Forward("Sample origin", "https://example.org/origin/3", "sample-origin", "3"),
        reply_to="6",
        raw_sha256="0" * 64,
        links=(Link("a page", "https://example.org/page"),),
        media=(voice,),
        texts=(text, machine),
        event=1,
    )
    story = Story(match, "sample-side", _FOUND, {1: _TEXT}, None, Thread(1, "sample-source"))
    return DeliveryRow(0, 0, target, kind, "sending", now, 1, now), story, post


def sample_data() -> dict[str, object]:
    """`data` of a webhook about the sample: every name that a template may use, each with a value."""
    _, story, post = make_sample("edited", "sample-target", 0)
    found = passage_json(story.match.hits[0], _TEXT, post.title)
    return match_json(
        story, post, [found], unheard=None, in_reply_to=None, possible=False, late=False, possible_repeat=False,
        now=_TEXT,
    )  # fmt: skip
