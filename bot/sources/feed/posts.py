"""PURE: what was read of a feed, as posts: who is who, when it was said, and what the next fetch must know."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from itertools import chain

from bot.foreign.addresses import name_page, without_marks, without_session
from bot.foreign.feed.parsed import File, ParsedEntry, ParsedFeed
from bot.foreign.moments import is_usable
from storage.frozen import dataclass
from storage.records import Batch, FetchedMedia, FetchedPost, Link, MediaKind, Quarantined, Raw

_KNOWN = 256
_LIARS = 200
_LONGEST_ID = 500
_RAW_MIME = {"json": "application/feed+json", "atom": "application/atom+xml", "rss": "application/rss+xml"}


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """What the next fetch of a feed must know, stored as JSON.

    `asked` is the hash of the configured address that all this belongs to, `moved` where it permanently leads, without
    what may be a secret (an archive is passed on more easily than a config). `full_at` is when the whole document last
    came, `body` its hash, `count` how many entries it had, `known` hashes of what their newer half is known by. `liars`
    maps the hash of a guid that different entries share to what distinguishes them (`identities`). `reported` names the
    notices that still hold, so that each is reported once. `decoded` says what a person should know of the document,
    such as how its bytes were decoded. `reader` has read the document. `expires` is when a bridge must have made
    another (`bridges.find_expiry`), 0 where that is not known. `newest` is the latest time in it, where each
    entry has one.
    """

    asked: str = ""
    moved: str | None = None
    etag: str | None = None
    modified: str | None = None
    full_at: int = 0
    body: str = ""
    count: int = 0
    known: tuple[str, ...] = ()
    liars: Mapping[str, int] = field(default_factory=dict)
    reported: tuple[str, ...] = ()
    decoded: str | None = None
    reader: int = 0
    expires: int = 0
    newest: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "FeedCursor":
        """Read a stored cursor; one of another kind of source means a fresh start."""
        try:
            found = json.loads(cursor or "{}")
            reported = found.pop("told", None) or found.get("reported", ())  # its name in earlier releases
            return cls(**{**found, "known": tuple(found.get("known", ())), "reported": tuple(reported)})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def write(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))


def make_batch(reading: ParsedFeed, body: bytes, note: FeedCursor, now: int, trouble: str = "") -> Batch:
    """The posts, oldest first, and the cursor. `note` is the last one, already with the new reply's headers.

    `trouble` is what a bridge reports beside the posts: a sentence, or "".
    `overlap` is False where the document is as long as ever and none of the newer half of the last one is left in it.
    The newer half, because one entry that is pinned to the top of a feed would vouch for any absence. A document in
    which nothing is newer than the last one had its newest entries taken away, and misses nothing.
    """
    mime = next((mime for kind, mime in _RAW_MIME.items() if reading["kind"].startswith(kind)), "application/xml")
    entries = [entry for entry in reading["entries"] if _says_something(entry)]
    ids, liars = identities(entries, note.liars)
    posts: dict[str, FetchedPost] = {}
    for native_id, entry in zip(ids, entries, strict=True):
        posts.setdefault(native_id, make_post(native_id, entry, _raw(entry, body, mime), now))
    # Feeds list the newest entry first, so where dates say nothing the order of the document is turned round.
    upwards = list(posts.values())[::-1]
    ordered = sorted(upwards, key=lambda post: now if post.posted_at is None else post.posted_at)
    links = Counter(name_page(post.url or "") for post in ordered)
    marks = [_marks(post, links) for post in ordered]
    newer = [mark for those in marks[len(marks) // 2 :][-_KNOWN:] for mark in those]
    notices = _find_notices(reading, len(entries), lying=len(liars)) | ({"bridge": trouble} if trouble else {})
    detail = "; ".join(filter(None, (trouble, reading["note"]))) or None
    times = [post.posted_at for post in ordered if post.posted_at is not None]
    newest = max(times) if len(times) == len(ordered) > 0 else 0
    overlap = not note.known or reading["total"] < note.count or 0 < newest < note.newest
    return Batch(
        posts=tuple(ordered),
        quarantined=tuple(_quarantined(reading, body, mime)),
        overlap=overlap or not set(note.known).isdisjoint(chain(*marks)),
        cursor=replace(
            note,
            count=reading["total"],
            known=tuple(newer) or note.known,
            newest=min(newest, now),  # what is dated ahead, such as an event, says nothing about what comes before it
            liars=liars,
            reported=tuple(notices),
            decoded=detail,
        ).write(),
        detail=detail,
        title=reading["title"] or None,
        picture=reading["picture"] or None,
        moved_to=note.moved,
        notices=tuple(sentence for kind, sentence in notices.items() if kind not in note.reported),
        ids_move=True,
    )


def _marks(post: FetchedPost, links: Mapping[str, int]) -> list[str]:
    """By what an entry is known in the next document, even under another id: id, words with time, a link of its own."""
    page = name_page(post.url or "")
    found = [post.native_id, f"{post.posted_at}\n{post.title}\n{post.text}", *([page] if links[page] == 1 else [])]
    return [_short(mark) for mark in found]


def identities(entries: Sequence[ParsedEntry], liars: Mapping[str, int]) -> tuple[list[str], dict[str, int]]:
    """One lasting id for each entry, and the liars that are known now.

    An entry is its guid, else its link, else the hash of its words. Guids lie: where different entries of one document
    share one, it takes the link (1), the link and date (2) or the link and the words (3) to distinguish them. What it
    took once is taken for ever after, so that an entry keeps its id when the others have left the window.
    """
    sharing: dict[str, list[ParsedEntry]] = defaultdict(list)
    for entry in entries:
        sharing[_name(entry)].append(entry)
    known = dict(liars)
    for name, those in sharing.items():
        level = known.get(_short(name), 0)
        while not _are_distinct(those, level):
            level += 1
        if level:
            known[_short(name)] = level
    ids = []
    for entry in entries:
        name = _name(entry)
        level = known.get(_short(name), 0)
        ids.append(f"{name}#{_short(_mark(entry, level))}" if level else name)
    return ids, dict(list(known.items())[-_LIARS:])


def _name(entry: ParsedEntry) -> str:
    name = " ".join((entry["guid"] or entry["link"]).split())
    if not name:
        return f"sha256:{_hash(_content(entry))[:40]}"
    return name if len(name) <= _LONGEST_ID else f"sha256:{_hash(name)[:40]}"


def _mark(entry: ParsedEntry, level: int) -> str:
    marks = ("", entry["link"], f"{entry['link']}\n{entry['published_raw']}", f"{entry['link']}\n{_content(entry)}")
    return marks[level]


def _are_distinct(entries: Sequence[ParsedEntry], level: int) -> bool:
    different = {(_mark(entry, level), entry["link"], _content(entry)) for entry in entries}
    return level == 3 or len({mark for mark, _, _ in different}) == len(different)


def _content(entry: ParsedEntry) -> str:
    return f"{entry['title']}\n{entry['body']}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _short(text: str) -> str:
    return _hash(text)[:12]


def make_post(native_id: str, entry: ParsedEntry, raw: Raw, now: int) -> FetchedPost:
    """The post of an entry.

    A date before 1971 (an unset clock) or more than a day ahead is no usable time: the source's string is kept.
    """
    dates = [(entry["published"], entry["published_raw"]), (entry["updated"], entry["updated_raw"])]
    usable = [(at, raw) for at, raw in dates if at is not None and is_usable(at, now)]
    posted_at, posted_raw = usable[0] if usable else (None, entry["published_raw"] or entry["updated_raw"])
    edited_at = usable[1][0] if len(usable) == 2 and usable[1][0] > usable[0][0] else None
    return FetchedPost(
        native_id=native_id,
        raw=raw,
        text=entry["text"],
        posted_at=posted_at,
        posted_raw=posted_raw,
        title=entry["title"] or None,
        url=without_marks(entry["link"]) if entry["link"].startswith(("http://", "https://")) else None,
        author=entry["author"] or None,
        edited=edited_at is not None,
        edited_at=edited_at,
        links=tuple(Link(words, without_session(address)) for words, address in entry["links"] if address),
        media=tuple(_media(file) for file in entry["files"] if file["url"]),
        attached=tuple(entry["captions"]),
        quoted=entry["quoted"],
    )


def _media(file: File) -> FetchedMedia:
    kinds: dict[str, MediaKind] = {"audio": "audio", "image": "photo", "video": "video"}
    fetchable = file["url"].startswith(("http://", "https://"))
    kind = kinds.get(file["mime"].partition("/")[0], "document")
    return FetchedMedia(
        kind=kind,
        key=without_session(file["url"]),
        url=file["url"] if fetchable else None,
        mime=None if file["mime"].endswith("/*") else file["mime"] or None,
        name=file["name"] or None,
        bytes=file["bytes"],
        duration_s=file["duration_s"] if kind in {"audio", "video"} else None,
        reason=None if fetchable else "its address is not http or https",
    )


def _raw(entry: ParsedEntry, body: bytes, mime: str) -> Raw:
    """The entry's own bytes where its place in the document is sure, else what was decoded: of JSON, canonical."""
    if entry["raw"]:
        start, end = entry["raw"]
        return Raw(body[start:end], mime)
    return Raw(entry["source"].encode("utf-8"), "application/json" if mime == _RAW_MIME["json"] else mime)


def _says_something(entry: ParsedEntry) -> bool:
    return bool(entry["text"] or entry["title"] or entry["files"] or entry["link"] or entry["quoted"])


def _quarantined(reading: ParsedFeed, body: bytes, mime: str) -> list[Quarantined]:
    empty = [entry for entry in reading["entries"] if not _says_something(entry)]
    return [
        *(Quarantined(_raw(entry, body, mime), "an entry without text, link and file") for entry in empty),
        *(Quarantined(Raw(words.encode("utf-8"), "application/json"), reason) for reason, words in reading["refused"]),
    ]


def _find_notices(reading: ParsedFeed, count: int, *, lying: int) -> dict[str, str]:
    """What a person should know of this feed, by a short name."""
    found = {}
    if reading["total"] > len(reading["entries"]) + len(reading["refused"]):
        found["cap"] = f"the feed lists {reading['total']} entries, of which {count} were read"
    if reading["broken"]:
        found["broken"] = f"the feed is not well-formed ({reading['broken']}); the readable entries were taken"
    if reading["note"]:
        found["charset"] = reading["note"]
    if lying:
        found["guids"] = f"{lying} guids of the feed are shared by different entries, which are kept apart"
    return found
