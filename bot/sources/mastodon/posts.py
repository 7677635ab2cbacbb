"""PURE: what a Mastodon server answers -> posts, each with its own bytes; https://docs.joinmastodon.org/entities/Status."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from bot.foreign import json as foreign_json
from bot.foreign.markup import plain
from bot.foreign.times import read_time, read_usable_time
from storage.frozen import dataclass
from storage.records import FetchedMedia, FetchedPost, Forward, Link, MediaKind, Poll, Preview, Quarantined, Raw

MIME = "application/json"
_KINDS: Mapping[str, MediaKind] = {"image": "photo", "gifv": "video", "video": "video", "audio": "audio"}
_CLOSED = frozenset({"direct", "list", "mutuals_only", "private"})  # values of `visibility` that are not for everybody
_Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Owner:
    """An account as the server shows it. `actor` is its address in ActivityPub, which no rename changes."""

    id: str
    actor: str
    handle: str
    title: str
    moved_to: str = ""
    picture: str = ""

    @property
    def full_handle(self) -> str:
        """With its server: an account of the server that was asked is called without it."""
        return f"@{self.handle}" if "@" in self.handle else f"@{self.handle}@{urlsplit(self.actor).netloc}"

    @classmethod
    def of(cls, fields: object) -> "Owner | None":
        """The account in an answer; None if this is none."""
        if not isinstance(fields, dict) or not _text(fields.get("id")):
            return None
        actor = _text(fields.get("uri")) or _text(fields.get("url"))
        moved = fields.get("moved")
        moved_to = _text(moved.get("url")) or _text(moved.get("acct")) if isinstance(moved, dict) else ""
        title = _text(fields.get("display_name")) or _text(fields.get("username"))
        picture = _text(fields.get("avatar")).partition("?")[0]  # the name of its file is another for another picture
        return cls(_text(fields["id"]), actor, _text(fields.get("acct")), title, moved_to, picture)


@dataclass(frozen=True, slots=True)
class Status:
    """One status: its post, when the server says it was edited, whether everybody may see it, and whose it is."""

    post: FetchedPost
    edited: str = ""
    public: bool = True
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class StatusPage:
    """A page of statuses, in ascending order of their ids."""

    statuses: tuple[Status, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def place(native_id: str) -> tuple[int, str]:
    """What ids are ordered by: they are text, a longer one is later (docs.joinmastodon.org/api/guidelines/#id)."""
    return len(native_id), native_id


def read_page(body: bytes, now: int) -> StatusPage:
    """Read a page of statuses. Raises ValueError with a sentence where it is none."""
    statuses: dict[str, Status] = {}
    broken = []
    for value, written in foreign_json.read_items(body.decode("utf-8"))[0]:
        try:
            status = read_status(value, Raw(written.encode("utf-8"), MIME), now)
            statuses.setdefault(status.post.native_id, status)
        except ValueError as problem:
            broken.append(Quarantined(Raw(written.encode("utf-8", "replace"), MIME), str(problem)))
    ordered = sorted(statuses.values(), key=lambda status: place(status.post.native_id))
    return StatusPage(tuple(ordered), tuple(broken))


def read_object(body: bytes) -> object:
    """Read an answer that is one object. Raises ValueError with a sentence."""
    return foreign_json.read(body.decode("utf-8"))


def read_status(value: object, raw: Raw, now: int) -> Status:
    """The post of one status. Raises ValueError with the reason why it is none."""
    refused = foreign_json.find_refusal(value)
    if refused is not None:
        raise ValueError(refused)
    if not isinstance(value, dict) or not _text(value.get("id")):
        raise ValueError("a status without an id")
    boosted = value.get("reblog")
    shown: _Fields = boosted if isinstance(boosted, dict) else value
    posted_at = read_usable_time(_text(value.get("created_at")), now)
    post = FetchedPost(
        native_id=_text(value["id"]),
        raw=raw,
        posted_at=posted_at,
        posted_raw=_text(value.get("created_at")),
        url=_web(value.get("url")) or _web(shown.get("url")) or _web(value.get("uri")),
        author=_author(shown.get("account")),
        forward=_origin(shown) if shown is not value else None,
        reply_to=_text(value.get("in_reply_to_id")) or None,
        language=_text(shown.get("language")),
    )
    edited = _text(shown.get("edited_at"))
    post = _with_words(post, shown)
    if edited:
        post = replace(post, edited=True, edited_at=read_usable_time(edited, now))
    public = _text(value.get("visibility")) not in _CLOSED
    return Status(post, edited, public, Owner.of(value.get("account")))


def read_history(body: bytes, status: Status, since: str, now: int) -> list[FetchedPost]:
    """The versions of an edited status before the present one, and after the one that was written at `since`.

    https://docs.joinmastodon.org/methods/statuses/#history: all versions, oldest first, the present one too. Raises
    ValueError where it is no history.
    """
    written_at = read_time(since) if since else None
    present = read_time(status.edited)
    found: list[FetchedPost] = []
    for value, written in foreign_json.read_items(body.decode("utf-8"))[0]:
        if not isinstance(value, dict) or foreign_json.find_refusal(value) is not None:
            continue
        at = read_usable_time(_text(value.get("created_at")), now)
        if at is None or (present is not None and at >= present) or (written_at is not None and at <= written_at):
            continue
        original = written_at is None and not found
        raw = Raw(written.encode("utf-8"), MIME)
        post = replace(status.post, raw=raw, edited=not original, edited_at=None if original else at)
        found.append(_with_words(post, value, whole=False))
    return found


def _with_words(post: FetchedPost, shown: _Fields, *, whole: bool = True) -> FetchedPost:
    """The post with what it says; a version of the history (not `whole`) has no card and names no quoted post."""
    text, links = plain(_text(shown.get("content")))
    files = [file for file in _items(shown.get("media_attachments")) if isinstance(file, dict)]
    quoted = _quoted(shown.get("quote"))
    return replace(
        post,
        text=text,
        title=_text(shown.get("spoiler_text")) or None,
        links=(*(Link(words, address) for words, address in links), *((quoted,) if quoted else ())),
        media=tuple(_media(file, number) for number, file in enumerate(files)),
        attached=tuple(words for file in files if (words := _text(file.get("description")))),
        poll=_poll(shown.get("poll")),
        preview=_card(shown.get("card")) if whole else post.preview,
    )


def reread(native_id: str, raw: Raw, now: int) -> FetchedPost | None:
    """What stored bytes of a whole status say; None for others (a version in a history names no post)."""
    try:
        status = read_status(read_object(raw.data), raw, now)
    except ValueError:
        return None
    return status.post if status.post.native_id == native_id else None


def _origin(shown: _Fields) -> Forward:
    """Where a boosted post is from, under the name and the number that it has on its own server."""
    owner = Owner.of(shown.get("account"))
    address = _web(shown.get("uri")) or _web(shown.get("url"))
    return Forward(
        name=(owner.title or owner.handle) if owner else "unknown account",
        url=_web(shown.get("url")) or address,
        source=owner.full_handle if owner and owner.handle else None,
        post=(urlsplit(address).path.rstrip("/").rpartition("/")[2] if address else "")
        or _text(shown.get("id"))
        or None,
    )


def _author(account: object) -> str | None:
    owner = Owner.of(account)
    return f"{owner.title} (@{owner.handle})" if owner and owner.handle else None


def _quoted(quote: object) -> Link | None:
    """Where a quoted post is: its words are somebody else's, so they are not words of this post."""
    status = quote.get("quoted_status", quote) if isinstance(quote, dict) else None  # other servers: the post itself
    address = _web(status.get("url")) or _web(status.get("uri")) if isinstance(status, dict) else None
    return Link("quoted post", address) if address else None


def _poll(value: object) -> Poll | None:
    given = value.get("options") if isinstance(value, dict) else None
    options = [_text(one.get("title")) for one in _items(given) if isinstance(one, dict)]
    return Poll("", tuple(options)) if options else None


def _card(value: object) -> Preview | None:
    address = _web(value.get("url")) if isinstance(value, dict) else None
    if not isinstance(value, dict) or address is None:
        return None
    words = (" ".join(_text(value.get(key)).split()) for key in ("provider_name", "title", "description"))
    site, title, description = words
    return Preview(address, site, title, description)


def _media(file: _Fields, number: int) -> FetchedMedia:
    kind = _KINDS.get(_text(file.get("type")), "document")
    address = _web(file.get("url")) or _web(file.get("remote_url"))
    meta = file.get("meta")
    original = meta.get("original") if isinstance(meta, dict) else None
    seconds = original.get("duration") if isinstance(original, dict) else None
    return FetchedMedia(
        kind=kind,
        key=_text(file.get("id")) or str(number),
        url=address,
        duration_s=float(seconds) if isinstance(seconds, int | float) and kind in {"audio", "video"} else None,
        reason=None if address else "the server shows the file but gives no address of it",
    )


def _text(value: object) -> str:
    """Text of a field; ids are numbers on some servers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return foreign_json.storable(value) if isinstance(value, str) else ""


def _web(value: object) -> str | None:
    address = _text(value)
    return address if address.startswith(("http://", "https://")) else None


def _items(value: object) -> Iterator[object]:
    return iter(value if isinstance(value, list) else ())
