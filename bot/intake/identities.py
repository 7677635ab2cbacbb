"""PURE: which entries of a reply are stored posts under another id, because their source gives ids that move."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from hashlib import sha256

from bot.foreign.addresses import name_on_site, name_page
from storage.frozen import dataclass
from storage.records import FetchedPost

_Key = Callable[["EntryFacts"], Hashable | None]


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What tells an entry from others, of a reply or of the archive."""

    native_id: str
    url: str
    title: str
    text: str
    posted_at: int | None
    raw_sha256: str

    @classmethod
    def of(cls, post: FetchedPost) -> "EntryFacts":
        digest = sha256(post.raw.data).hexdigest()
        return cls(post.native_id, post.url or "", post.title or "", post.text, post.posted_at, digest)


def recognise(
    shown: Sequence[FetchedPost], known: frozenset[str], stored: Sequence[EntryFacts], last: frozenset[str] | None
) -> dict[str, str]:
    """The stored ids of those of the entries `shown` whose ids are new and which are not; by their new ids.

    `known` are the ids among them that are stored, `stored` the newest posts of the source, oldest first, `last` the
    stored ids that the reply before showed, None where that is not known. Two entries of one reply are never the same
    post, so none is taken for a post that is shown under its own id.

    An entry is a stored one if its bytes are, if its id is an address of the same page, or if it has the same time and
    the same words or the same link, which no other entry has. Only where all ids of a reply are new, so that the source
    makes new ones at each fetch, the same words are enough.
    """
    entries = [EntryFacts.of(post) for post in shown]
    left = [entry for entry in entries if entry.native_id not in known]
    free = [entry for entry in stored if entry.native_id not in {entry.native_id for entry in entries}]
    links = Counter(name_page(entry.url) for entry in entries), Counter(name_page(entry.url) for entry in free)

    def own_link(entry: EntryFacts) -> str | None:
        name = name_page(entry.url)
        return name if name_on_site(entry.url) and max(count[name] for count in links) == 1 else None

    keys = [_bytes, _page, lambda entry: _join(own_link(entry), entry.posted_at), _words_and_time]
    keys.append(lambda entry: _join(own_link(entry), _words(entry)) if entry.posted_at is None else None)
    moved = _pair(left, free, keys)
    if not known and len(entries) > 1:
        visible = [entry for entry in free if last is None or entry.native_id in last]
        weak: list[_Key] = [lambda entry: _join(own_link(entry), _words(entry)), _words]
        moved |= _pair(
            [entry for entry in left if entry.native_id not in moved],
            [entry for entry in visible if entry.native_id not in moved.values()],
            weak,
        )
    return moved


def marks_of(post: FetchedPost) -> frozenset[str]:
    """By what an entry that is not stored is known again: its id, the page that this names, its words with its time."""
    entry = EntryFacts.of(post)
    found = {post.native_id}
    for kind, key in (("page", _page(entry)), ("words", _words_and_time(entry))):
        if key is not None:
            found.add(f"{kind} {sha256(repr(key).encode()).hexdigest()[:24]}")
    return frozenset(found)


def _pair(left: Iterable[EntryFacts], free: Iterable[EntryFacts], keys: Sequence[_Key]) -> dict[str, str]:
    """Pair entries that have a key in common, the surest key first, in their order; each once."""
    rest, places, moved = list(left), list(free), {}
    for key in keys:
        waiting: Mapping[Hashable, list[EntryFacts]] = defaultdict(list)
        for place in reversed(places):
            waiting[key(place)].append(place)
        taken: set[str] = set()
        for entry in rest:
            found = key(entry)
            if found is not None and waiting[found]:
                moved[entry.native_id] = waiting[found].pop().native_id
                taken.add(moved[entry.native_id])
        rest = [entry for entry in rest if entry.native_id not in moved]
        places = [place for place in places if place.native_id not in taken]
    return moved


def _bytes(entry: EntryFacts) -> Hashable | None:
    return entry.raw_sha256


def _page(entry: EntryFacts) -> Hashable | None:
    name = name_page(entry.native_id)
    return None if name == entry.native_id else name


def _words(entry: EntryFacts) -> Hashable | None:
    return (entry.title, entry.text) if entry.title or entry.text else None


def _words_and_time(entry: EntryFacts) -> Hashable | None:
    return _join(_words(entry), entry.posted_at)


def _join(*parts: Hashable | None) -> Hashable | None:
    return None if None in parts else parts
