"""What a search gives back: posts, and where a query was found; only that, for every import costs time.

All times are integer microseconds UTC. `storage.records` has these names too.
"""

from collections.abc import Mapping

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a post was forwarded from; `url` and `post` only where the origin is public."""

    name: str
    url: str | None = None
    source: str | None = None
    post: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link inside the text: its words and where it leads."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One file of a post; `path` (from the data directory) and `sha256` once we have its bytes.

    `mime`, `name`, `bytes` and `duration_s` are the source's own words; `sniffed` and `size` are of what is stored.
    """

    kind: str
    mime: str | None
    name: str | None
    bytes: int | None
    sha256: str | None
    state: str
    reason: str | None
    path: str | None
    duration_s: float | None
    id: int = 0
    sniffed: str | None = None
    size: int | None = None
    stored_at: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a transcript: seconds in the recording, code points in the text.

    `language` is set where it is not that of the text. `unreliable`: the engine's own checks doubt this piece. `words`
    are the place of each word in the text and its second in the recording, where the engine gives them.
    """

    start_s: float
    end_s: float
    start: int
    end: int
    language: str | None = None
    unreliable: bool = False
    words: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextRow:
    """One text that rules read; machine text has an `engine` and perhaps a `confidence`.

    `unreliable` machine text is kept and found, and never alerts by itself. `media_id` is the file it was made of.
    """

    id: int
    kind: str
    text: str
    language: str
    engine: str | None
    confidence: float | None
    current: bool
    media_id: int | None = None
    model: str | None = None
    unreliable: bool = False
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class PostRow:
    """One post in its current state, with everything that `show` and the JSON contract need."""

    id: int
    source: str
    native_id: str
    url: str | None
    title: str | None
    author: str | None
    posted_at: int | None
    posted_raw: str
    collected_at: int
    edited_at: int | None
    deleted_at: int | None
    text: str
    language: str
    forward: Forward | None
    reply_to: str | None
    raw_sha256: str
    links: tuple[Link, ...] = ()
    media: tuple[MediaRow, ...] = ()
    texts: tuple[TextRow, ...] = ()
    rules: tuple[str, ...] = ()
    revisions: int = 1
    reread_at: int | None = None  # when a better reader found something else in the same bytes
    event: int | None = None  # the id of its first post; None: not placed
    joined_by: str | None = None  # why it is a copy: forward, origin, words, person; None for the first
    likeness: float | None = None  # of words: 0 to 1
    quotes: int | None = None  # the event that it repeats with words of its own


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a query was found: `start` and `end` are code point offsets in the raw text of the text `text_id`."""

    text_id: int
    kind: str
    start: int
    end: int
    form: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a side said and a rule found: its match, and its post as it was then, `edited` or `gone` since or not.

    `texts` holds what the hits point into, `text` what the post says now. Times are microseconds UTC.
    """

    match_id: int
    rule: str
    post_id: int
    event: int | None
    source: str
    side: str | None
    url: str | None
    posted_at: int | None
    posted_raw: str
    collected_at: int
    text: str
    hits: tuple[Hit, ...]
    texts: Mapping[int, str]
    edited: bool = False
    gone: bool = False
