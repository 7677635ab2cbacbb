"""PURE: what of a fetched post is its content: what an edit can change."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256

from storage.archive.columns import storable
from storage.records import FetchedPost, Forward, Link, Poll, Preview, Raw

_CANONICAL = json.JSONEncoder(separators=(",", ":"))
_LENGTH = 24  # of the hash of attached words
_UNSEEN = "\ufe0f"  # an emoji is written with and without it


def content_hash(post: FetchedPost) -> str:
    """SHA-256 over what an edit can change: title, text, links, poll, and which files there are.

    Not in it, because they change without an edit: views, votes, labels, addresses of files, the card of a link,
    and the name of a forward's origin, whose channel may be renamed.

    What a platform gives differently on its pages and by its protocol (ids of files, how an address is written)
    follows after a dot, and attached words after a tilde, both with a mark of the form that was read: see
    `same_content`.
    """
    links = [link.text.replace(_UNSEEN, "") for link in post.links]
    media = [(media.kind, media.name) for media in post.media]
    poll = None if post.poll is None else [post.poll.question, *post.poll.options]
    text = post.text.replace(_UNSEEN, "")
    content = (
        f'{{"links":{_canonical(links)},"media":{_canonical(media)},"poll":{_canonical(poll)},'
        f'"text":{_CANONICAL.encode(text)},"title":{_canonical(post.title)}}}'
    )
    plain = sha256(content.encode()).hexdigest()
    form = _form(post.raw.mime)
    words = "" if post.attached is None else f"~{form}{_hash_words(post.attached)}"
    if not post.links and not post.media:
        return plain + words
    exact = [[link.url for link in post.links], [media.identity or media.key for media in post.media]]
    return f"{plain}.{form}{sha256(_CANONICAL.encode(exact).encode()).hexdigest()[:24]}{words}"


def _canonical(value: object) -> str:
    """What is not there is written at once: most posts are words alone, and the encoder is made again each time."""
    return "null" if value is None else "[]" if value == [] else _CANONICAL.encode(value)


@lru_cache(maxsize=64)
def _form(mime: str) -> str:
    """A mark of the form that was read."""
    return sha256(mime.partition(";")[0].encode()).hexdigest()[:4]


def _hash_words(attached: tuple[str, ...]) -> str:
    return sha256(_CANONICAL.encode(attached).encode()).hexdigest()[:_LENGTH]


def same_content(one: str, other: str) -> bool:
    """Whether two hashes are of the same content: exactly where both were read in one form, else in all words.

    Attached words count only where both were read for them in one form.
    """
    if one == other:
        return True
    comparable = speaks_of_words(one, other)
    one, _, attached = one.partition("~")
    other, _, others_attached = other.partition("~")
    if comparable and attached != others_attached:
        return False
    if one == other:
        return True
    plain, _, exact = one.partition(".")
    others_plain, _, others_exact = other.partition(".")
    return plain == others_plain and exact[:4] != others_exact[:4]


def speaks_of_words(one: str, other: str) -> bool:
    """Whether both hashes are of attached words that were read in one form; earlier versions wrote no form."""
    forms = [content.partition("~")[2][:-_LENGTH] for content in (one, other) if "~" in content]
    return len(forms) == 2 and forms[0] == forms[1]


def is_of_blank(content: str) -> bool:
    """Whether this is the hash of a post of which nothing was shown."""
    plain, _, attached = content.partition("~")
    return plain == _BLANK and attached[-_LENGTH:] in ("", _hash_words(()))


def card_texts(post: FetchedPost) -> tuple[str, ...]:
    """The words of its cards, one text for each: site, title and description of a link's, a line for each."""
    preview = post.preview
    if preview is None and not post.cards:
        return ()
    lines = () if preview is None else dict.fromkeys((preview.site, preview.title, preview.description))
    return tuple(text for text in dict.fromkeys(("\n".join(line for line in lines if line), *post.cards)) if text)


def body(post: FetchedPost) -> str:
    """What a reader reads: the title, a blank line, the text."""
    return f"{post.title}\n\n{post.text}" if post.title and post.text else post.title or post.text


def links_json(links: tuple[Link, ...]) -> str:
    """Links as the column holds them: a list of objects with `text` and `url`."""
    return _json([asdict(link) for link in links]) if links else "[]"


def record_json(record: Forward | Poll | Preview | None) -> str | None:
    """A record as the column holds it: an object with the record's own field names."""
    return None if record is None else _json(asdict(record))


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))


_BLANK = content_hash(FetchedPost("", Raw(b"", "")))
