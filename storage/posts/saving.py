"""Saves posts, revisions, deletions, ledger and cursor: what one reply brought, in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from storage import jobs
from storage.archive import dictionaries
from storage.archive.columns import id_text, int64_or_none, storable, storable_or_none
from storage.archive.database import concerns_one_row
from storage.archive.sequence import take_number
from storage.jobs import NewJob
from storage.media import rows as media_rows
from storage.posts import cards, fetches, observations, quarantine, raw, rechecks, rereading, texts
from storage.posts.arrivals import Arrival, Known, compare, find_known, find_known_by_id, is_earlier
from storage.posts.content import links_json, record_json
from storage.posts.numbering import find_free_ids, ordering_time, sort_key
from storage.records import Batch, Checked, Fetch, FetchedPost, LedgerChange, Quarantined, Saved
from storage.sources import gaps, states

if TYPE_CHECKING:
    from storage.archive.database import Writer

Outcome = Literal["unchanged", "revised", "reappeared", "absent", "deleted"]
_SLOT = 1_000_000  # slots are named in seconds


@dataclass(frozen=True, slots=True)
class _How:
    """What all posts of one call have in common."""

    source_id: int
    now: int
    method: str
    alerts: bool = False
    recheck: Sequence[int] = ()
    read: texts.Read = texts.analyze
    began: int | None = None  # the last observation before the look began, where others may look at the same time
    fetch: Fetch | None = None
    fetch_id: int | None = None
    reader: int = 0


@dataclass(slots=True)
class _Stored:
    new: list[int] = field(default_factory=list)
    revised: list[int] = field(default_factory=list)
    broken: list[Quarantined] = field(default_factory=list)


def save(
    writer: Writer,
    source_id: int,
    batch: Batch,
    *,
    now: int,
    method: str,
    alerts: bool,
    change: LedgerChange | None = None,
    recheck: Sequence[int] = (),
    read: texts.Read = texts.analyze,
    began: int | None = None,
    reader: int = 0,
) -> Saved:
    """Store one reply whole: posts, revisions, texts, files, jobs, quarantined pieces, ledger and cursor.

    What is stored already costs one read. A post that cannot be stored is quarantined and stops no other. `alerts`
    False marks history that alerts nobody by itself. `recheck` counts microseconds from publishing; slots that are
    past when a post is first seen are never caught up. `read` is another reading only where storing is measured.
    `began` is the last observation before the reply was asked for (observations.find_last): a post that was found
    absent after it is not present because of this reply. `reader` is the number of the reader that has read them:
    what an older one has read must have been read again before (storage.posts.rereading).
    Raises only for faults of the file or the device.
    """
    how = _How(source_id, now, method, alerts, recheck, read, began, batch.fetch, reader=reader)
    stored = _Stored(broken=list(batch.quarantined))
    unchanged = 0
    for posts in _without_repeats(batch.posts):
        arrivals = _look_up(writer, source_id, posts, stored)
        if batch.lasting:
            shown, arrivals = len(arrivals), [one for one in arrivals if not is_earlier(writer, one)]
            unchanged += shown - len(arrivals)
        same: list[Arrival] = []
        changed: list[Arrival] = []
        for arrival in arrivals:
            (same if arrival.says_the_same else changed).append(arrival)
        _seen_again(writer, how, same)
        unchanged += len(same)
        _store(writer, how, changed, stored)
    quarantined = quarantine.save_pieces(writer, source_id, stored.broken, now)
    change = change or LedgerChange()
    gaps.apply_change(writer, source_id, change, now)
    states.advance(writer, source_id, batch, change, now)
    return Saved(tuple(stored.new), tuple(stored.revised), unchanged, quarantined)


def save_check(
    writer: Writer, post_id: int, found: Checked, now: int, *, apart: int, left_out: bool = False, reader: int = 0
) -> Outcome:
    """Store what a second look at a post showed; `left_out`: it was looked at because a page had left it out.

    An absence counts only if a post that must exist was seen by the same method; the post is deleted when two such
    absences lie at least `apart` microseconds apart and nothing was seen of it between.
    """
    source_id = writer.value("SELECT source_id FROM posts WHERE id = :id", {"id": post_id})
    how = _How(source_id, now, found.method, fetch=found.fetch, reader=reader)
    if found.presence == "absent":
        return observations.record_absence(writer, post_id, found, now, apart)
    why = observations.LEFT_OUT if left_out else None
    observations.observe(writer, [(post_id, "present", why)], now, found.method)
    known = find_known_by_id(writer, post_id)
    stored = _Stored()
    if found.post is not None:
        before = known.edited_at or 0
        for version in (one for one in found.earlier if (one.edited_at or 0) > before):
            _store(writer, how, [compare(writer, version, find_known_by_id(writer, post_id))], stored)
        arrival = compare(writer, found.post, find_known_by_id(writer, post_id) if found.earlier else known)
        if not arrival.says_the_same:
            _store(writer, how, [arrival], stored)
            quarantine.save_pieces(writer, source_id, stored.broken, now)
        else:
            _add_words(writer, how, [arrival])
            if found.post.edited and known.edited_at is None:
                observations.note_label(writer, [(post_id, found.post)], now, found.method)
            media_rows.refresh_addresses(writer, [(post_id, found.post.media)], now)
    if stored.revised:
        return "revised"
    observations.mark_present(writer, [post_id] if known.deleted_at else [], [post_id] if known.doubted else [], now)
    return "reappeared" if known.deleted_at else "unchanged"


# What is known ----------------------------------------------------------------------------------------------------


def _without_repeats(posts: Iterable[FetchedPost]) -> Iterable[list[FetchedPost]]:
    """Rounds in which no post occurs twice: a reply may hold a post and its edit."""
    left = list(posts)
    while left:
        once: dict[str, FetchedPost] = {}
        again = [post for post in left if once.setdefault(id_text(post.native_id), post) is not post]
        yield list(once.values())
        left = again


def _look_up(writer: Writer, source_id: int, posts: Sequence[FetchedPost], stored: _Stored) -> list[Arrival]:
    known = find_known(writer, source_id, posts)
    arrivals = []
    for post in posts:
        try:
            arrivals.append(compare(writer, post, known.get(id_text(post.native_id))))
        except (AttributeError, TypeError, ValueError) as problem:  # a source's mistake, of this one post
            stored.broken.append(_aside(post, problem))
    return arrivals


def _seen_again(writer: Writer, how: _How, same: Sequence[Arrival]) -> None:
    """Posts whose content did not change: some were thought deleted, some are only now labelled as edited."""
    pairs = [(arrival.known, arrival.post) for arrival in same if arrival.known]
    alive = [known for known, post in pairs if post.deleted_at is None and _is_newer(how, known)]
    back = [known.id for known in alive if known.deleted_at is not None]
    doubted = [known.id for known in alive if known.deleted_at is not None or known.doubted]
    observations.observe(writer, [(post_id, "present", None) for post_id in doubted], how.now, how.method)
    observations.mark_present(writer, back, doubted, how.now)
    labelled = [(known.id, post) for known, post in pairs if post.edited and known.edited_at is None]
    observations.note_label(writer, labelled, how.now, how.method)
    media_rows.refresh_addresses(writer, ((known.id, post.media) for known, post in pairs), how.now)
    handed = [
        known.id
        for known, post in pairs
        if post.texts and texts.save_given_texts(writer, known.id, post.texts, how.read)
    ]
    jobs.enqueue(writer, [NewJob("decide", post_id, how.now) for post_id in handed])
    _add_words(writer, how, same)
    _note_deletions(writer, how, pairs)


def _add_words(writer: Writer, how: _How, same: Sequence[Arrival]) -> None:
    """Add words beside the text that came later or that only this reader sees: they are found from now on.

    Nothing has happened to the post. Only a card that is drawn soon after it came is tried by rules.
    """
    for arrival in same:
        if arrival.known is not None and arrival.gains_words:
            texts.replace_kind(writer, arrival.post, arrival.known.id, arrival.known.revision, "attached", how.read)
            rereading.note_words(writer, arrival.known.id, arrival.hash, how.reader, how.now)
    shown = [(arrival.known.id, arrival.known.revision, arrival.post) for arrival in same if arrival.known]
    drawn = cards.refresh(writer, shown, how.now, how.read)
    jobs.enqueue(writer, [NewJob("decide", post_id, how.now) for post_id in drawn])


def _is_newer(how: _How, known: Known) -> bool:
    """Whether the look began after the post was found absent: only then its presence says something about that."""
    return how.began is None or known.absence <= how.began


def _note_deletions(writer: Writer, how: _How, pairs: Iterable[tuple[Known | None, FetchedPost]]) -> None:
    gone = [(known.id, int64_or_none(post.deleted_at)) for known, post in pairs if known and known.deleted_at is None]
    observations.note_known_deletions(
        writer, [(post_id, since) for post_id, since in gone if since is not None], how.now, how.method
    )


# New posts and new revisions --------------------------------------------------------------------------------------


def _store(writer: Writer, how: _How, arrivals: Sequence[Arrival], stored: _Stored) -> None:
    """Add posts and revisions to the archive and to `stored`; those that cannot be stored become its `broken`."""
    if not arrivals:
        return
    try:
        with writer.savepoint():
            new, revised = _store_all(writer, how, arrivals)
    except Exception as problem:
        if not concerns_one_row(problem):
            raise
        if len(arrivals) == 1:
            stored.broken.append(_aside(arrivals[0].post, problem))
            return
    else:
        stored.new += new
        stored.revised += revised
        return
    for arrival in arrivals:  # one of them is poison: each alone, so that it takes no other with it
        _store(writer, how, [arrival], stored)


def _aside(post: FetchedPost, problem: Exception) -> Quarantined:
    return Quarantined(post.raw, f"it cannot be stored: {problem}", post.native_id)


def _store_all(writer: Writer, how: _How, arrivals: Sequence[Arrival]) -> tuple[list[int], list[int]]:
    if how.fetch is not None:
        how = replace(how, fetch_id=fetches.save_fetch(writer, how.fetch, how.now))
    fresh = [arrival for arrival in arrivals if not arrival.known]
    dictionaries.begin(writer, [arrival.post.raw for arrival in fresh], how.now)
    fresh.sort(key=lambda arrival: sort_key(arrival.post, how.now))
    new = _insert(writer, how, fresh)
    revised = [_revise(writer, how, arrival.known, arrival) for arrival in arrivals if arrival.known]
    seen = {arrival.known.id: arrival.known.revision for arrival in arrivals if arrival.known}
    jobs.enqueue(writer, [NewJob("decide", post_id, how.now, seen=seen.get(post_id)) for post_id in (*new, *revised)])
    return new, revised


def _insert(writer: Writer, how: _How, fresh: Sequence[Arrival]) -> list[int]:
    """Add posts. One that was in bytes which we had, where only a better reader sees it, alerts nobody."""
    if not fresh:
        return []
    seq = take_number(writer)
    ids = find_free_ids(writer, [ordering_time(arrival.post, how.now) for arrival in fresh])
    placed = list(zip(ids, fresh, strict=True))
    words = texts.rows_of([text for id_, new in placed for text in texts.texts_of(new.post, id_, 0)], how.read)
    standing = texts.text_count_of(words)
    own = texts.own_texts(words)
    kept = [raw.address_of(new.post.raw) for new in fresh]
    alerting = _find_alerting(writer, how, placed, kept)
    raw.save_raw(
        writer, [(address, new.post.raw, own.get(id_)) for (id_, new), address in zip(placed, kept, strict=True)]
    )
    none = texts.TextCount()
    writer.execute_many(
        _POSTS,
        [_post_row(how, id_, new.post, standing.get(id_, none), seq, alerts=id_ in alerting) for id_, new in placed],
    )
    writer.execute_many(
        _REVISIONS,
        [
            _revision_row(how, id_, 0, new, address, own.get(id_))
            for (id_, new), address in zip(placed, kept, strict=True)
        ],
    )
    media_ids = media_rows.save_files(writer, [(id_, 0, new.post.media) for id_, new in placed])
    texts.insert(writer, words, media_ids)
    for id_, new in placed:
        if new.post.texts:
            texts.save_given_texts(writer, id_, new.post.texts, how.read)
    deleted = [(id_, int64_or_none(new.post.deleted_at)) for id_, new in placed]
    observations.note_known_deletions(
        writer, [(id_, since) for id_, since in deleted if since is not None], how.now, how.method
    )
    jobs.enqueue(
        writer,
        [
            NewJob("recheck", id_, due_at, f"{slot // _SLOT}s")
            for id_, new in placed
            for slot in how.recheck
            if (due_at := ordering_time(new.post, how.now) + slot) > how.now
        ],
    )
    return ids


def _find_alerting(
    writer: Writer, how: _How, placed: Sequence[tuple[int, Arrival]], kept: Sequence[str]
) -> Container[int]:
    """Those of these new posts that rules may alert about, by their ids; `kept` are the SHA-256 of their bytes."""
    if not how.alerts:
        return ()
    with_files = (int64_or_none(new.post.number) for _, new in placed if new.post.media)
    rests = rechecks.find_album_rests(writer, how.source_id, [number for number in with_files if number is not None])
    had = raw.find_stored(writer, kept)
    return {
        id_
        for (id_, new), address in zip(placed, kept, strict=True)
        if not (rests and id_text(new.post.native_id) in rests)
        and not (address in had and raw.was_received(writer, how.source_id, address, id_))
    }


def _revise(writer: Writer, how: _How, known: Known, arrival: Arrival) -> int:
    post, number = arrival.post, known.revision + 1
    media_ids = media_rows.save_files(writer, [(known.id, number, post.media)])
    standing = texts.supersede(writer, post, known.id, number, how.read, media_ids)
    own = texts.read_own_text(writer, known.id)
    address = raw.address_of(post.raw)
    raw.save_raw(writer, [(address, post.raw, own)])
    writer.execute_many(_REVISIONS, [_revision_row(how, known.id, number, arrival, address, own)])
    writer.execute(
        "UPDATE posts SET revision = :revision, edited_at = :edited_at, texts = :texts, language = :language, "
        "reader = :reader WHERE id = :id",
        {
            "id": known.id,
            "revision": number,
            "edited_at": int64_or_none(post.edited_at) or (None if arrival.comes_to_light else how.now),
            "texts": standing.texts,
            "language": standing.language,
            "reader": how.reader,
        },
    )
    if post.texts:
        texts.save_given_texts(writer, known.id, post.texts, how.read)
    if post.deleted_at is not None:
        _note_deletions(writer, how, [(known, post)])
    elif (known.deleted_at is not None or known.doubted) and _is_newer(how, known):
        observations.mark_present(writer, [known.id] if known.deleted_at is not None else [], [known.id], how.now)
    return known.id


_POSTS = (
    "INSERT INTO posts (id, source_id, native_id, number, posted_at, posted_raw, url, author, reply_to, group_key, "
    "forward, views, collected_at, seq, alerts, revision, texts, language, edited_at, reader, service) VALUES (:id, "
    ":source_id, :native_id, :number, :posted_at, :posted_raw, :url, :author, :reply_to, :group_key, :forward, :views, "
    ":collected_at, :seq, :alerts, 0, :texts, :language, :edited_at, :reader, :service)"
)
_REVISIONS = (
    "INSERT INTO revisions (post_id, number, title, text, links, poll, preview, edited, edited_at, content_hash, "
    "raw_sha256, collected_at, method, fetch_id, text_number) VALUES (:post_id, :number, :title, :text, :links, "
    ":poll, :preview, :edited, :edited_at, :content_hash, :raw_sha256, :collected_at, :method, :fetch_id, :text_number)"
)


def _post_row(
    how: _How, post_id: int, post: FetchedPost, standing: texts.TextCount, seq: int, *, alerts: bool
) -> dict[str, object]:
    return {
        "id": post_id,
        "source_id": how.source_id,
        "native_id": id_text(post.native_id),
        "number": int64_or_none(post.number),
        "posted_at": int64_or_none(post.posted_at),
        "posted_raw": storable(post.posted_raw),
        "url": storable_or_none(post.url),
        "author": storable_or_none(post.author),
        "reply_to": None if post.reply_to is None else id_text(post.reply_to),
        "group_key": None if post.group is None else id_text(post.group),
        "forward": record_json(post.forward),
        "views": storable_or_none(post.views),
        "collected_at": how.now,
        "seq": seq,
        "alerts": int(alerts),
        "texts": standing.texts,
        "language": standing.language,
        "edited_at": (int64_or_none(post.edited_at) or how.now) if post.edited else None,
        "reader": how.reader,
        "service": int(post.service),
    }


def _revision_row(
    how: _How,
    post_id: int,
    number: int,
    arrival: Arrival,
    raw_sha256: str,
    own: texts.OwnText | None,
) -> dict[str, object]:
    """`own` is the text of the post now; where it holds the words of the revision, it keeps them for both."""
    post = arrival.post
    title, text = storable_or_none(post.title), storable(post.text)
    text_number = texts.find_number(own, title, text)
    return {
        "post_id": post_id,
        "number": number,
        "title": title,
        "text": text if text_number is None else "",
        "text_number": text_number,
        "links": links_json(post.links + post.buttons),
        "poll": record_json(post.poll),
        "preview": record_json(post.preview),
        "edited": int(post.edited),
        "edited_at": int64_or_none(post.edited_at),
        "content_hash": arrival.hash,
        "raw_sha256": raw_sha256,
        "collected_at": how.now,
        "method": how.method,
        "fetch_id": how.fetch_id,
    }
