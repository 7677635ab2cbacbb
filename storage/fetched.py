"""One post as a source brings it: bytes, words, links, files.

All times are integer microseconds UTC. Ids of posts and channels at a source are kept as text.
"""

from typing import Literal

from storage.frozen import dataclass
from storage.rows import Forward, Link, Segment

MediaKind = Literal["voice", "audio", "photo", "video", "round", "document", "sticker", "location"]
TextKind = Literal["body", "transcript", "ocr", "translation", "file", "poll", "attached", "card", "notice", "quoted"]


@dataclass(frozen=True, slots=True)
class Raw:
    """The bytes that a post was read from, exactly as received."""

    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class FetchedMedia:
    """One file of a post.

    `key` names it within the post across fetches (addresses carry tokens that change, so they are no identity).
    `url` is None where the source shows the file but does not give it; `reason` then says why. With both, the file is
    not fetched for that reason, until it is shown without one or a person asks for it. `identity` is the platform's
    own id of the file, where it gives one: another one is another file under the same key.
    """

    kind: MediaKind
    key: str
    url: str | None = None
    mime: str | None = None
    name: str | None = None
    bytes: int | None = None
    duration_s: float | None = None
    reason: str | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """A question and what can be answered, in the order of the source."""

    question: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The card that the platform drew for a link: somebody else's words, which change without an edit."""

    url: str
    site: str = ""
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class GivenText:
    """What an engine had made of a post's files before the post came to us: another archive's word."""

    kind: TextKind
    text: str
    engine: str = ""
    model: str = ""
    language: str | None = None  # None: by the script of the text
    confidence: float | None = None
    unreliable: bool = False
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedPost:
    """One post as a source showed it at one moment.

    `posted_at` is None where the source gives no usable time; `posted_raw` is the source's own string.
    `edited` is the source's own label; an edit counts as a revision only if the content differs.
    `number` is the post's place in the source's ascending numbering, None where there is none (feeds).
    `deleted_at` and `texts` are set only by what hands on another archive's posts: since when it knew this one gone,
    and what its engines had made of the files.
    `attached` are words beside its text (quotations, buttons, check lists); None where the source is not read for them.
    `buttons` are what its buttons open: their words are attached ones. `cards` are words in other boxes that the
    platform draws around the text; like a preview, they change without an edit. `not_shown` is what the source says
    where it does not show the post, or a part of it. `quoted` are older words that it repeats below its own, and
    `remarks` what the source says of it: no rule reads them by itself. `language` is that in which it says to be: it
    counts only where letters and words do not tell.
    """

    native_id: str
    raw: Raw
    text: str = ""
    number: int | None = None
    posted_at: int | None = None
    posted_raw: str = ""
    title: str | None = None
    url: str | None = None
    author: str | None = None
    edited: bool = False
    edited_at: int | None = None
    forward: Forward | None = None
    reply_to: str | None = None
    group: str | None = None
    links: tuple[Link, ...] = ()
    media: tuple[FetchedMedia, ...] = ()
    poll: Poll | None = None
    preview: Preview | None = None
    views: str | None = None
    service: bool = False
    deleted_at: int | None = None
    texts: tuple[GivenText, ...] = ()
    attached: tuple[str, ...] | None = None
    buttons: tuple[Link, ...] = ()
    cards: tuple[str, ...] = ()
    not_shown: str | None = None
    quoted: str = ""
    remarks: tuple[str, ...] = ()
    language: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether the source shows nothing of what the post says."""
        return not (self.title or self.text or self.media or self.poll or self.attached or self.preview or self.cards)


@dataclass(frozen=True, slots=True)
class StoredRaw:
    """The bytes from which one revision of a post was read, to be read again."""

    post_id: int
    native_id: str
    revision: int
    raw: Raw


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A piece of a reply that could not be read as a post: kept whole, shown to the user, never in the way."""

    raw: Raw
    reason: str
    native_id: str | None = None
