"""PURE: what Bluesky's servers answer -> posts, each with its own bytes; https://docs.bsky.app/docs/advanced-guides/posts.

All words are read from the record that the author signed, so that a post reads the same in a feed and by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from bot.foreign import json as foreign_json
from bot.foreign.moments import is_usable
from bot.foreign.times import read_usable_time
from storage.frozen import dataclass
from storage.records import FetchedMedia, FetchedPost, Forward, Link, MediaKind, Preview, Quarantined, Raw

MIME = "application/json"
POST, REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
SITE = "https://bsky.app"
NO_HANDLE = "handle.invalid"  # what servers write while a name and its account do not name each other
_REPOSTED = "repost-"  # before the key of a repost, for posts and reposts are numbered alike
_NO_TIME = 1 << 62
_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_TID_LENGTH = 13
_TID_CLOCK_BITS = 10
_Fields = Mapping[str, object]
_NOTHING: _Fields = {}


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed: its post, and when the server first saw it (microseconds UTC; 0: not known).

    `pinned`: it is shown out of its place.
    """

    post: FetchedPost
    seen_at: int = 0
    pinned: bool = False

    @property
    def latest(self) -> int:
        """The later one of both times, beyond all times where there is none: what sorts a feed is one of them."""
        return max(self.seen_at, self.post.posted_at or 0) or _NO_TIME

    @property
    def earliest(self) -> int:
        """The earlier one of both times; 0 where there is none."""
        return min((at for at in (self.seen_at, self.post.posted_at) if at), default=0)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a feed or of records, oldest entry first. `below` asks for the next one; None: there is none.

    `pinned` are those that it shows out of their place, and nowhere else.
    """

    entries: tuple[FeedEntry, ...] = ()
    pinned: tuple[FeedEntry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    below: str | None = None
    handle: str | None = None
    title: str | None = None
    oldest_at: int | None = None  # of what sorts the feed
    picture: str | None = None
    upwards: bool = False  # the next page has newer ones: some servers begin with the oldest


@dataclass(frozen=True, slots=True)
class Reading:
    """Who is read and where: `did` is the account ("": any), `pds` the server with its files, None: not known yet."""

    did: str
    pds: str | None
    now: int


def read_object(body: bytes) -> _Fields:
    """Read an answer that is one object. Raises ValueError with a sentence."""
    found = foreign_json.read(body.decode("utf-8"))
    if isinstance(found, dict):
        return found
    raise ValueError("not an object")


def read_feed(body: bytes, reading: Reading, after: str = "") -> FeedPage:
    """Read the page of an author's feed behind the cursor `after`. Raises ValueError with a sentence."""
    return _page(body, "feed", reading, _read_item, after)


def read_records(body: bytes, reading: Reading, after: str = "") -> FeedPage:
    """Read the page of com.atproto.repo.listRecords behind `after`. Raises ValueError with a sentence."""
    page = _page(body, "records", reading, read_record, after)
    if not page.entries or page.entries[0].post.native_id <= page.entries[-1].post.native_id:
        return page
    return replace(page, entries=page.entries[::-1], upwards=True)


def _page(
    body: bytes, key: str, reading: Reading, read: Callable[[_Fields, Raw, Reading], FeedEntry], after: str
) -> FeedPage:
    items, others = foreign_json.read_items(body.decode("utf-8"), key)
    below = _text(others.get("cursor")) or None
    if below is not None and below == after and not items:
        below = None  # some write it at the end, too
    if below is not None and below == after:
        raise ValueError("it leads to the same page again, not to an older one")
    entries: dict[str, FeedEntry] = {}
    pinned: dict[str, FeedEntry] = {}
    broken = []
    handle = title = picture = None
    for item, written in items:
        raw = Raw(written.encode("utf-8"), MIME)
        try:
            refused = foreign_json.find_refusal(item)
            if refused is not None or not isinstance(item, dict):
                raise ValueError(refused or "not an object")  # noqa: TRY301 - one place keeps what cannot be read
            entry = read(item, raw, reading)
        except ValueError as problem:
            broken.append(Quarantined(raw, str(problem)))
            continue
        (pinned if entry.pinned else entries).setdefault(entry.post.native_id, entry)
        author = _fields(_fields(item.get("post")).get("author"))
        if author.get("did") == reading.did and "reason" not in item:
            handle, title = _handle(author) or None, _text(author.get("displayName")) or None
            picture = _picture(_text(author.get("avatar")))
    upwards = tuple(entries.values())[::-1]
    return FeedPage(
        entries=upwards,
        pinned=tuple(one for native_id, one in pinned.items() if native_id not in entries),
        quarantined=tuple(broken),
        below=below,
        handle=handle,
        title=title,
        oldest_at=upwards[0].earliest if upwards else None,
        picture=picture,
    )


def _picture(url: str) -> str | None:
    """The hash of a picture's content: the last part of its address at the CDN (…/did:plc:…/CID@jpeg)."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2].partition("@")[0] or None


def _read_item(item: _Fields, raw: Raw, reading: Reading) -> FeedEntry:
    view, reason = _fields(item.get("post")), _fields(item.get("reason"))
    uri = _text(view.get("uri"))
    author = _fields(view.get("author"))
    did, _, key = split_uri(uri)
    post = _post(key, did, _fields(view.get("record")), raw, reading)
    seen_at = _time(view.get("indexedAt"), reading.now) or 0
    if not _text(reason.get("$type")).endswith("#reasonRepost"):
        if reading.did and did != reading.did:
            raise ValueError("a post of another account, for a reason that this version does not know")
        # Pinned, or shown for a reason that is not known here: it is the account's own post all the same.
        return FeedEntry(replace(post, author=_name(author)), seen_at, pinned=bool(reason))
    by, reposted_at = _fields(reason.get("by")), _time(reason.get("indexedAt"), reading.now)
    handle = _handle(author)
    repost = replace(
        post,
        native_id=_REPOSTED + (split_uri(_text(reason.get("uri")))[2] if reason.get("uri") else f"of-{did}-{key}"),
        posted_at=reposted_at,
        posted_raw=_text(reason.get("indexedAt")),
        author=_name(by),
        reply_to=None,
        forward=Forward(_name(author) or did, post.url, f"@{handle}" if handle else did, key),
    )
    return FeedEntry(repost, reposted_at or seen_at)


def read_record(item: _Fields, raw: Raw, reading: Reading) -> FeedEntry:
    """The post of one record of the account: {uri, cid, value}. Raises ValueError with the reason why it is none."""
    did, collection, key = split_uri(_text(item.get("uri")))
    if collection != POST or did != reading.did:
        raise ValueError("not a post of the account")
    post = _post(key, did, _fields(item.get("value")), raw, reading)
    return FeedEntry(post, _key_time(key, reading.now) or post.posted_at or 0)


def reread(native_id: str, raw: Raw, reading: Reading) -> FetchedPost | None:
    """What stored bytes of an entry or a record say; None for what cannot be read or is another post."""
    try:
        item = read_object(raw.data)
        entry = (_read_item if "post" in item else read_record)(item, raw, reading)
    except ValueError:
        return None
    return entry.post if entry.post.native_id == native_id else None


def place_of(native_id: str) -> tuple[str, str] | None:
    """Collection and key of the record of a stored post; None for a repost whose record the server did not name."""
    if not native_id.startswith(_REPOSTED):
        return POST, native_id
    key = native_id.removeprefix(_REPOSTED)
    return None if key.startswith("of-") else (REPOST, key)


def split_uri(uri: str) -> tuple[str, str, str]:
    """Account, collection and key of at://did/collection/key. Raises ValueError."""
    did, _, rest = uri.removeprefix("at://").partition("/")
    collection, _, key = rest.partition("/")
    if not uri.startswith("at://") or not did.startswith("did:") or not collection or not key or "/" in key:
        raise ValueError("a post without a usable address (at://…)")
    return did, collection, key


def _key_time(key: str, now: int) -> int:
    """When a record was made, which its key says (https://atproto.com/specs/tid); 0 where it does not."""
    if len(key) != _TID_LENGTH or not set(key) <= {*_TID_LETTERS}:
        return 0
    number = 0
    for letter in key:
        number = number * len(_TID_LETTERS) + _TID_LETTERS.index(letter)
    at = number >> _TID_CLOCK_BITS
    return at if is_usable(at, now) else 0


# The words of a record ------------------------------------------------------------------------------------------------


def _post(key: str, did: str, record: _Fields, raw: Raw, reading: Reading) -> FetchedPost:
    text, written = record.get("text"), _text(record.get("createdAt"))
    if text is None or not isinstance(text, str):
        raise ValueError("a post without a text")
    embed = _fields(record.get("embed"))
    parent = _text(_fields(_fields(record.get("reply")).get("parent")).get("uri"))
    alone, quoted = _parts(embed)
    files = [*_files(alone, did, reading)]
    return FetchedPost(
        native_id=key,
        raw=raw,
        text=_text(text),
        posted_at=_time(written, reading.now),  # never the time at which a server saw it: that is none of the author's
        posted_raw=written,
        url=f"{SITE}/profile/{did}/post/{quote(key, safe='')}",
        author=None,
        reply_to=_reply(parent, did),
        links=(*_links(text, record.get("facets")), *((quoted,) if quoted else ())),
        media=tuple(file for file, _ in files),
        attached=tuple(words for _, words in files if words),
        preview=_card(alone),
        remarks=(*_labels(record.get("labels")),),
    )


def _reply(parent: str, did: str) -> str | None:
    """The key of an own post, the whole address of another."""
    own = f"at://{did}/{POST}/"
    return (parent.removeprefix(own) if parent.startswith(own) else parent) or None


def _links(text: str, facets: object) -> Iterator[Link]:
    """Links, at places that are counted in bytes of UTF-8 (docs.bsky.app/docs/advanced-guides/post-richtext)."""
    data = text.encode("utf-8", "surrogatepass")
    for facet in _items(facets):
        index = _fields(_fields(facet).get("index"))
        start, end = index.get("byteStart"), index.get("byteEnd")
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(data)):
            continue
        words = data[start:end].decode("utf-8", "ignore")
        for feature in _items(_fields(facet).get("features")):
            kind, fields = _text(_fields(feature).get("$type")), _fields(feature)
            if kind.endswith("#link") and (address := _web(fields.get("uri"))):
                yield Link(_text(words), address)
            elif kind.endswith("#mention") and _text(fields.get("did")).startswith("did:"):
                yield Link(_text(words), f"{SITE}/profile/{_text(fields['did'])}")


def _labels(labels: object) -> Iterator[str]:
    """How its author labelled it (com.atproto.label.defs#selfLabels)."""
    for label in _items(_fields(labels).get("values")):
        if value := _text(_fields(label).get("val")).strip()[:120]:
            yield f"labelled by its author: {value}"


def _parts(embed: _Fields) -> tuple[_Fields, Link | None]:
    """What is embedded, and where a quoted post is: its words are somebody else's, not words of this post."""
    kind = _text(embed.get("$type"))
    if kind == "app.bsky.embed.record":
        return _NOTHING, _quoted(_fields(embed.get("record")))
    if kind == "app.bsky.embed.recordWithMedia":
        return _fields(embed.get("media")), _quoted(_fields(_fields(embed.get("record")).get("record")))
    return embed, None


def _quoted(reference: _Fields) -> Link | None:
    try:
        did, collection, key = split_uri(_text(reference.get("uri")))
    except ValueError:
        return None
    if collection != POST:
        return Link("embedded record", f"{SITE}/profile/{did}")
    return Link("quoted post", f"{SITE}/profile/{did}/post/{quote(key, safe='')}")


def _files(embed: _Fields, did: str, reading: Reading) -> Iterator[tuple[FetchedMedia, str]]:
    """The files, each with what is said to be on it."""
    kind = _text(embed.get("$type"))
    if kind == "app.bsky.embed.images":
        for image in map(_fields, _items(embed.get("images"))):
            yield _media("photo", _fields(image.get("image")), did, reading), _text(image.get("alt"))
    elif kind == "app.bsky.embed.video":
        yield _media("video", _fields(embed.get("video")), did, reading), _text(embed.get("alt"))
    elif kind and kind != "app.bsky.embed.external":
        name = kind.rpartition(".")[2][:60]
        yield FetchedMedia("document", name, reason=f"an attachment of a kind that is not known here: {name}"), ""


def _media(kind: MediaKind, blob: _Fields, did: str, reading: Reading) -> FetchedMedia:
    """A file at the account's own server, in its original bytes; the content's hash is its identity."""
    cid = _text(_fields(blob.get("ref")).get("$link")) or _text(blob.get("cid"))
    size = blob.get("size")
    where = None
    if cid and reading.pds:
        account, file = quote(did, safe=":"), quote(cid, safe="")
        where = f"{reading.pds}/xrpc/com.atproto.sync.getBlob?did={account}&cid={file}"
    return FetchedMedia(
        kind=kind,
        key=cid or kind,
        url=where,
        mime=_text(blob.get("mimeType")) or None,
        bytes=size if isinstance(size, int) and size > 0 else None,
        reason=None if where else "the server of the account, which has the file, is not known yet",
    )


def _card(embed: _Fields) -> Preview | None:
    external = _fields(embed.get("external"))
    address = _web(external.get("uri"))
    if address is None:
        return None
    title, description = (" ".join(_text(external.get(key)).split()) for key in ("title", "description"))
    return Preview(address, title=title, description=description)


def _name(author: _Fields) -> str | None:
    handle, name = _handle(author), _text(author.get("displayName"))
    return f"{name} (@{handle})" if name and handle else f"@{handle}" if handle else name or None


def _handle(author: _Fields) -> str:
    handle = _text(author.get("handle"))
    return "" if handle == NO_HANDLE else handle


def _time(written: object, now: int) -> int | None:
    return read_usable_time(_text(written), now)


def _fields(value: object) -> _Fields:
    return value if isinstance(value, dict) else _NOTHING


def _items(value: object) -> Iterator[object]:
    return iter(value if isinstance(value, list) else ())


def _text(value: object) -> str:
    return foreign_json.storable(value) if isinstance(value, str) else ""


def _web(value: object) -> str | None:
    address = _text(value)
    return address if address.startswith(("http://", "https://")) else None
