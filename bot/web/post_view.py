"""One post with everything that its page shows, read in one transaction and cut to a length that a phone loads."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from bot.documents.post import convert_zawgyi
from bot.documents.word_difference import Difference, compare_words
from bot.foreign.graphemes import clip
from storage.events import facing, listing
from storage.frozen import dataclass
from storage.language import zawgyi
from storage.media import summary
from storage.posts import post_history, reading
from storage.posts.post_history import Matched, PostHistory, RevisionRow
from storage.rows import MediaRow, PostRow, Segment, Statement, TextRow
from storage.sources.names import read_titles

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.events.listing import EventMember
    from storage.media.summary import Holding

_WORDS = 16_000  # characters of all texts of a page together
_EACH = 8_000  # and of one of them
_AROUND = 200  # characters that stay of words that did not change
_COPIES = 12
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")

Moment = Literal["published", "archived", "edited", "seen", "absent", "deleted"]


@dataclass(frozen=True, slots=True)
class CutText:
    """Words on a page; `cut` if there are more."""

    text: str
    cut: bool = False


class WordRoom:
    """How many characters a page still has room for."""

    def __init__(self, *, whole: bool) -> None:
        self._left = 1_000_000 if whole else _WORDS
        self._each = 1_000_000 if whole else _EACH
        self.was_short = False

    def take(self, text: str) -> CutText:
        """As much of a text as there is room for, and at least its beginning."""
        most = max(min(self._each, self._left), 280)
        shown = clip(text, most) if len(text) > most else text
        self._left -= len(shown)
        self.was_short = self.was_short or shown != text
        return CutText(shown, shown != text)


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of a transcript and the second of the recording at which it begins; None for words without a time."""

    start_s: float | None
    text: str
    unreliable: bool


@dataclass(frozen=True, slots=True)
class MachineWords:
    """What an engine made of a post or of a file of it. `unicode`: the same, where it is written in Zawgyi."""

    row: TextRow
    words: CutText
    unicode: CutText | None
    lines: tuple[SpokenLine, ...]


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file of the post, how a browser can show it (img, audio, video, or not at all), and the words in it."""

    row: MediaRow
    holding: "Holding | None"
    element: str
    address: str | None
    words: tuple[MachineWords, ...]


@dataclass(frozen=True, slots=True)
class RevisionShown:
    """A revision with what it changed; None for the first, and where the words are the same."""

    row: RevisionRow
    changes: tuple[Difference, ...] | None
    is_same: bool


@dataclass(frozen=True, slots=True)
class TimedFact:
    """Something that happened to the post, `times` times in a row up to `last`."""

    moment: Moment
    at: int
    last: int
    times: int
    method: str
    place: float = 0.0  # on the line: 0 to 1


@dataclass(frozen=True, slots=True)
class WholePost:
    """Everything on the page of one post. `name` is what the source calls itself."""

    post: PostRow
    name: str | None
    side: str | None
    words: CutText
    unicode: CutText | None
    machine: tuple[MachineWords, ...]
    files: tuple[FileShown, ...]
    history: PostHistory
    revisions: tuple[RevisionShown, ...]
    times: tuple[TimedFact, ...]
    matches: tuple[Matched, ...]
    members: "tuple[EventMember, ...]"
    copies: int
    facing: tuple[tuple[Statement, Statement], ...]
    origin: int | None
    answered: int | None
    is_cut: bool

    @property
    def mark(self) -> str:
        """What changes with the post: its revisions, its end, its machine texts, its matches, its copies."""
        texts = ".".join(str(text.id) for text in self.post.texts)
        known = (self.post.revisions, self.post.deleted_at, texts, len(self.matches), self.copies)
        return sha256(repr(known).encode()).hexdigest()[:16]


def read_whole(reader: "Reader", post_id: int, *, whole: bool) -> WholePost | None:
    """The post of this id, None if there is none; `whole` with its texts to their end."""
    found = reading.read_posts(reader, [post_id])
    if not found:
        return None
    post, room = found[0], WordRoom(whole=whole)
    unicode = convert_zawgyi(post)
    words = room.take(post.text)
    converted = None if unicode is None else room.take(unicode)
    history = post_history.read_history(reader, post.id)
    machine = [_machine(text, room) for text in post.texts if text.kind not in ("body", "file")]
    revisions = tuple(_revisions(history.revisions, room))
    members = [] if post.event is None else listing.read_members(reader, post.event)
    title, side = read_titles(reader).get(post.source, (None, None))
    return WholePost(
        post=post,
        name=title,
        side=side,
        words=words,
        unicode=converted,
        machine=tuple(one for one in machine if not _of_file(one.row, post.media)),
        files=tuple(_files(post, summary.read_files_of_post(reader, post.id), machine)),
        history=history,
        revisions=revisions,
        times=tuple(_placed(_times(post, history))),
        matches=post_history.read_matches(reader, post.id),
        members=tuple(one for one in members if one.post_id != post.id)[:_COPIES],
        copies=max(len(members) - 1, 0),
        facing=tuple(_facing(reader, post)),
        origin=_find_origin(reader, post),
        answered=reading.find_post(reader, f"{post.source}/{post.reply_to}") if post.reply_to else None,
        is_cut=room.was_short,
    )


def _machine(text: TextRow, room: WordRoom) -> MachineWords:
    converted = zawgyi.convert(text.text) if zawgyi.is_zawgyi(text.text) else None
    words = room.take(text.text)
    lines = tuple(_lines(text, len(words.text))) if text.segments else ()
    return MachineWords(text, words, None if converted is None else room.take(converted), lines)


def _lines(text: TextRow, most: int) -> Iterator[SpokenLine]:
    """Pieces of speech with their times, and what lies between them without."""
    at = 0
    for piece in text.segments:
        if piece.start >= most:
            return
        if between := text.text[at : piece.start].strip():
            yield SpokenLine(None, between, unreliable=False)
        yield _line(piece, text.text)
        at = max(at, piece.end)
    if at < most and (rest := text.text[at:most].strip()):
        yield SpokenLine(None, rest, unreliable=False)


def _line(piece: Segment, text: str) -> SpokenLine:
    return SpokenLine(piece.start_s, text[piece.start : piece.end].strip(), piece.unreliable)


def _of_file(text: TextRow, media: Sequence[MediaRow]) -> bool:
    return text.media_id is not None and any(item.id == text.media_id for item in media)


def _files(post: PostRow, known: "Mapping[int, Holding]", machine: Sequence[MachineWords]) -> Iterator[FileShown]:
    for item in post.media:
        stored = item.state == "stored" and item.sha256 is not None
        element = _element(item) if stored else ""
        address = f"/api/v1/files/{item.sha256}" if stored else None
        words = tuple(one for one in machine if one.row.media_id == item.id)
        yield FileShown(item, known.get(item.id), element, address, words)


def _element(item: MediaRow) -> str:
    sniffed = item.sniffed or ""
    if sniffed in _SHOWN:
        return "img"
    return next((name for name in ("audio", "video") if sniffed.startswith(f"{name}/")), "")


def _revisions(rows: Sequence[RevisionRow], room: WordRoom) -> Iterator[RevisionShown]:
    """The newest revision first: if there is no room for all changes, those of the oldest are left out."""
    for place in range(len(rows) - 1, -1, -1):
        row = rows[place]
        if place == 0:
            yield RevisionShown(row, None, is_same=False)
        elif rows[place - 1].text == row.text:
            yield RevisionShown(row, None, is_same=True)
        else:
            changes = tuple(_shortened(compare_words(rows[place - 1].text, row.text), room))
            yield RevisionShown(row, changes, is_same=False)


def _shortened(changes: Sequence[Difference], room: WordRoom) -> Iterator[Difference]:
    """The changes, each with some of the words around it."""
    for place, one in enumerate(changes):
        if one.change != "same":
            yield Difference(one.change, room.take(one.text).text)
            continue
        before = "" if place == 0 else one.text[:_AROUND]
        after = "" if place == len(changes) - 1 else one.text[-_AROUND:]
        short = len(one.text) > len(before) + len(after) + 1
        yield Difference("same", f"{before} … {after}" if short else one.text)


def _times(post: PostRow, history: PostHistory) -> Iterator[TimedFact]:
    """What happened, oldest first; looks that found the same are one."""
    facts: list[tuple[int, Moment, str]] = [(post.collected_at, "archived", "")]
    if post.posted_at is not None:
        facts.append((post.posted_at, "published", ""))
    facts += [(one.edited_at or one.collected_at, "edited", one.method) for one in history.revisions[1:]]
    facts += [(one.at, "seen" if one.presence == "present" else "absent", one.method) for one in history.observations]
    if post.deleted_at is not None:
        facts.append((post.deleted_at, "deleted", ""))
    facts.sort(key=lambda one: one[0])
    run: TimedFact | None = None
    for at, moment, method in facts:
        if run is not None and moment == run.moment and moment in ("seen", "absent"):
            run = TimedFact(moment, run.at, at, run.times + 1, run.method)
            continue
        if run is not None:
            yield run
        run = TimedFact(moment, at, at, 1, method)
    if run is not None:
        yield run


def _placed(facts: Iterator[TimedFact]) -> Iterator[TimedFact]:
    """Each with its place on a line from the first to the last."""
    known = list(facts)
    first, last = known[0].at, known[-1].last
    for one in known:
        place = (one.at - first) / (last - first) if last > first else 0.0
        yield TimedFact(one.moment, one.at, one.last, one.times, one.method, place)


def _facing(reader: "Reader", post: PostRow) -> Iterator[tuple[Statement, Statement]]:
    """Pairs of this post and one of the other side: this one first."""
    if post.event is None:
        return
    for first, second in facing.list_of_event(reader, post.event):
        if post.id in (first.post_id, second.post_id):
            yield (first, second) if first.post_id == post.id else (second, first)


def _find_origin(reader: "Reader", post: PostRow) -> int | None:
    """The post that this one forwards, if it is in the archive."""
    url = post.forward.url if post.forward else None
    return reading.find_post(reader, url) if url else None
