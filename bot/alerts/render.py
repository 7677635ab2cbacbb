"""PURE: delivery -> message, fitted to what the target can show."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.alerts import files
from bot.alerts.buttons import alert_buttons
from bot.alerts.document import FirstAlert, build_document, build_envelope, describe_wait, is_late, message_id
from bot.alerts.former import is_former
from bot.alerts.lines import Line, Span, draw_lines, keep_inert, measure_lines, plain_lines
from bot.alerts.passages import split_sentences
from bot.alerts.quoting import fit_pieces, mark_hits, quote_hits
from bot.contracts.message import ButtonRows, CopiesShown, Message, Shows
from bot.documents.as_json import headed
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line, undated, visible
from storage.frozen import dataclass
from storage.records import DeliveryRow, MediaRow, PostRow, Statement, Story, Thread

_SNIPPET = 900  # UTF-16 units of a post that an alert quotes
_HEADLINE = 100  # of it beside a title
_ADDED = 300  # of the words that a post adds to a statement that it repeats
_FACED = 300  # of what the other side said
_FIELD = 120  # of a name, an author, a file name
_LINK = 700
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEADINGS = {"match": "", "edited": "EDITED", "deleted": "DELETED"}


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a message needs beside the archive: the zone shown beside UTC, and the priority of each rule by name.

    `files` are the kinds of file that a rule alerts on, by its name. Files are attached where `data_dir` is known.
    """

    zone: ZoneInfo
    priorities: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    data_dir: Path | None = None
    answered: frozenset[str] = frozenset()  # targets where a bot hears which button is pressed


def render(
    delivery: DeliveryRow,
    story: Story,
    post: PostRow,
    rendering: Rendering,
    shows: Shows,
    first: FirstAlert | None = None,
    copies: CopiesShown | None = None,
    captioned: bool | None = None,
    *,
    again: bool = False,
) -> Message:
    """Compose the alert about a match, as a reply to the `first` alert about the post, with what is said of `copies`.

    The link, the times and the mark of a repeat are never cut. `captioned` says of a message that was sent before
    whether it has a file, `again` that the target has the files of the post by another alert.
    """
    kinds = rendering.files.get(story.match.rule, frozenset())
    document = build_document(delivery, story, post, first, files.describe_unread(story, post, kinds))
    if not shows.words:
        return Message(message_id(delivery), delivery.kind, "", "", document, priority=_priority(story, rendering))
    carried = files.list_attachments(story, post, rendering.data_dir, kinds)
    if shows.together is not None and delivery.kind == "match":
        carried = carried or ([] if again else files.find_only_file(story, post, rendering.data_dir))
    attached = next((file for file in carried if 0 < file.size <= shows.file_bytes and captioned is not False), None)
    copies = copies or CopiesShown()
    head, tail = _head(delivery, story, post, rendering.zone), _tail(story, post, copies.lines)
    if delivery.kind == "escalation":
        head.insert(1, (Span(f"nobody has acknowledged this for {describe_wait(delivery)}", "bold"),))
    head += _of_files(story, post, kinds) + _of_cards(story)
    if shows.local:
        tail[-1:-1] = [(Span(f"file: {file.path}"),) for file in carried]
    elif shows.file_bytes and (said := files.describe_left_out(carried, attached, follow=shows.together is not None)):
        head.append((Span(said),))
    limit = shows.units if attached is None and not captioned else shows.caption
    head, tail = keep_inert(head, shows), keep_inert(tail, shows)
    room = None if limit is None else max(limit - measure_lines([*head, *tail], shows) - 60, 0)
    body = _fitting_body(story, post, room, shows)
    words = fit_pieces([(span.text, span.style == "hit") for span in body[-1]], _HEADLINE) if body else ()
    lines = [*head, *body, *tail]
    return Message(
        id=message_id(delivery),
        kind=delivery.kind,
        text=draw_lines(lines, shows),
        plain=plain_lines(lines),
        document=document,
        priority=_priority(story, rendering),
        reply_to=first.receipt if first is not None and shows.replies else None,
        attachment=attached,
        headline="".join(span.text for span in words).strip(),
        copies=copies,
        link=safe_link(post.url),
        buttons=_buttons(delivery, story, rendering),
    )


def _priority(story: Story, rendering: Rendering) -> str:
    return rendering.priorities.get(story.match.rule, "default")


def _buttons(delivery: DeliveryRow, story: Story, rendering: Rendering) -> ButtonRows:
    match = story.match
    wanted = delivery.target in rendering.answered and match.acked is None
    return alert_buttons(match.id, match.post_id, match.at) if wanted else ()


def render_notice(delivery: DeliveryRow, shows: Shows) -> Message:
    """Compose a message about an event, of health or a test: our own words; foreign ones in them are made safe."""
    text, about = str(delivery.payload.get("text", "")), str(delivery.payload.get("about", ""))
    limit = (shows.units or 4_000) - 40
    repeat = " (possible repeat)" if delivery.possible_repeat else ""
    said = clip(plain_lines(keep_inert([_notice_line(one_line(text))], shows)), limit, shows.size)
    line = (Span(f"Communiqué {delivery.kind}{repeat}: ", "bold"), Span(said, "own"))
    data = {"about": about, "text": text, "possible_repeat": delivery.possible_repeat}
    first = delivery.payload.get("reply_to")
    return replace(
        compose_lines(delivery, [line], data, shows), reply_to=str(first) if first and shows.replies else None
    )


def _notice_line(text: str) -> Line:
    """Numbers of chats and our commands stay as they are, for people copy them."""
    pieces = re.split(r"(`communique [a-z0-9 -]+`|(?<= )-\d{6,16}\b)", text)
    return tuple(Span(piece, "own" if number % 2 else "") for number, piece in enumerate(pieces))


def compose_lines(delivery: DeliveryRow, lines: Sequence[Line], data: dict[str, object], shows: Shows) -> Message:
    """Make a message of lines that fit already, and of what a webhook gets as `data`."""
    lines = keep_inert(lines, shows)
    return Message(
        id=message_id(delivery),
        kind=delivery.kind,
        text=draw_lines(lines, shows),
        plain=plain_lines(lines),
        document=build_envelope(delivery, data),
    )


# Lines ---------------------------------------------------------------------------------------------------------------


def _head(delivery: DeliveryRow, story: Story, post: PostRow, zone: ZoneInfo) -> list[Line]:
    side = f" ({_short(story.side)})" if story.side else ""
    late = is_late(story, post)
    said = (("possible", files.is_possible(story)), ("late", late), ("possible repeat", delivery.possible_repeat))
    marks = [word for word, there in said if there]
    heading = _HEADINGS[story.match.kind]
    title = (
        *((Span(f"{heading} ", "bold"),) if heading else ()),
        Span(_short(story.match.rule), "bold"),
        Span(f" · {_short(post.source)}{side}"),
        Span("".join(f" ({mark})" for mark in marks), "bold"),
    )
    posted = format_times(post.posted_at, zone) if post.posted_at is not None else _short(undated(post.posted_raw))
    lines: list[Line] = [title, (Span(f"posted {posted}"),)]
    if late and story.match.kind == "edited" and post.edited_at is not None:
        times = format_times(post.edited_at, zone), format_times(story.match.at, zone)
        lines.append((Span(f"edited {times[0]}, found {times[1]}"),))
    elif late or post.posted_at is None:
        lines.append((Span(f"collected {format_times(post.collected_at, zone)}"),))
    if story.thread is not None and story.match.kind == "match":
        lines += _of_event(story.thread)
    if story.facing is not None:
        lines += _of_other_side(story.facing[0], zone)
    if story.match.kind != "deleted" and is_former(story, post):
        lines.append((Span("edited since: the post no longer says this", "bold"),))
    if post.deleted_at is not None:
        since, method = (story.absent.at, story.absent.method) if story.absent else (post.deleted_at, "re-check")
        lines.append((Span(f"absent since {format_times(since, zone)}, by {_short(method)}", "bold"),))
    return lines


def _of_event(thread: Thread) -> list[Line]:
    """That a post is a copy, or what it adds to the statement that it repeats."""
    if thread.added is None:
        return [(Span(f"copy of a statement in {_short(thread.source)}"),)]
    said = clip(one_line(thread.added), _ADDED)
    return [(Span(f"repeats a statement in {_short(thread.source)} and adds: ", "bold"), Span(said))]


def _of_other_side(faced: Statement, zone: ZoneInfo) -> list[Line]:
    """What the other side said, and when."""
    side = f" ({_short(faced.side)})" if faced.side else ""
    at = format_times(faced.posted_at, zone) if faced.posted_at is not None else _short(undated(faced.posted_raw))
    since = (" (edited since)" if faced.edited else "") + (" (deleted since)" if faced.gone else "")
    return [
        (Span(f"faces {_short(faced.source)}{side}", "bold"), Span(f", posted {at}"), Span(since, "bold")),
        (Span("there: ", "bold"), *quote_hits(faced.texts, faced.hits, faced.text, _FACED)),
    ]


def _of_files(story: Story, post: PostRow, kinds: Iterable[str]) -> list[Line]:
    """Files that are not transcribed yet, and the engines whose text matched."""
    said = files.describe_unread(story, post, kinds)
    lines: list[Line] = [(Span(clip(one_line(said), 2 * _FIELD), "bold"),)] if said else []
    return lines + [
        (Span(clip(one_line(words), 2 * _FIELD)),)
        for words in files.describe_machines(post.texts, story.match.hits, post.media)
    ]


def _of_cards(story: Story) -> list[Line]:
    """That the words may be somebody else's: the card of a link quotes another page."""
    hits = story.match.hits
    only = hits and all(hit.kind == "card" for hit in hits)
    return [(Span("only in a card below the text, which may quote another page"),)] if only else []


def _tail(story: Story, post: PostRow, copies: Sequence[str]) -> list[Line]:
    lines: list[Line] = [(Span(clip(one_line(words), 2 * _FIELD)),) for words in copies]
    if post.forward is not None:
        lines.append((Span(f"forwarded from {_short(post.forward.name)}"),))
    if post.media:
        lines.append((Span(clip(_media(post.media), 2 * _FIELD)),))
    alert = f"alert {story.match.id}"
    url = safe_link(post.url)
    if url:
        lines.append((Span(url, "safe_link"), Span(f" · {alert}", "own")))
    else:
        lines.append((Span(f"{alert} · communique show {post.id}", "own"),))
    return lines


def _fitting_body(story: Story, post: PostRow, room: int | None, shows: Shows) -> list[Line]:
    """The quoted words in `room`, which the target counts in its own way, with what keeps them inert."""
    wanted = _SNIPPET if room is None else min(_SNIPPET, room)
    while True:
        body = [line for line in _body(story, post, wanted) if any(span.text for span in line)]
        inert = keep_inert(body, shows)
        used = measure_lines(inert, shows) - len(inert)
        if room is None or used <= room or wanted == 0:
            return inert
        wanted = min(wanted * room // used, wanted - 1)  # fewer words need less of everything, so this ends soon


def _body(story: Story, post: PostRow, room: int) -> list[Line]:
    match = story.match
    texts = {text_id: headed(text, post.title) for text_id, text in story.texts.items()}
    if match.kind != "edited" or is_former(story, post):
        whole = headed("\n\n".join(filter(None, (post.title, post.text))), post.title)
        return [quote_hits(texts, match.hits, whole, room)]
    was = match.before or "(no match)"
    if match.hits:
        here = mark_hits(texts, match.hits)
    else:
        near = get_close_matches(
            was[:300], [each[:300] for each in split_sentences(post.text[:20_000])], n=1, cutoff=0.3
        )
        here = [(near[0] if near else post.text, False)]
    return [
        (Span("was: ", "bold"), Span(clip(one_line(was), max(room // 2 - 5, 0)))),
        (Span("now: ", "bold"), *fit_pieces(here, max(room // 2 - 5, 0))),
    ]


# Words ---------------------------------------------------------------------------------------------------------------


def format_times(at: int, zone: ZoneInfo) -> str:
    """One moment twice: in UTC and in `zone`."""
    try:
        moment = _EPOCH + timedelta(microseconds=at)
        there = moment.astimezone(zone)
    except (OverflowError, ValueError):
        return f"{at} microseconds after 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC = {there:%Y-%m-%d %H:%M:%S} {zone.key}"


def safe_link(url: str | None) -> str | None:
    """The URL if it is a plain web address: http or https, without credentials or hidden characters; else None."""
    if not url or len(url) > _LINK or visible(url) != url or re.search(r"[\s\"<>\\]", url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc else None


def _short(text: str) -> str:
    return clip(one_line(text[: 20 * _FIELD]), _FIELD)


def _media(media: Sequence[MediaRow]) -> str:
    shown = [_medium(item) for item in media[:3]]
    if len(media) > 3:
        shown.append(f"{len(media) - 3} more files")
    return "; ".join(shown)


def _medium(item: MediaRow) -> str:
    kinds = {"voice": "voice note", "round": "video note", "build_document": "file"}
    parts = [kinds.get(item.kind, item.kind)]
    if item.name:
        parts.append(f"“{_short(item.name)}”")
    if item.duration_s is not None:
        minutes, seconds = divmod(round(item.duration_s), 60)
        parts.append(f"{minutes}:{seconds:02}")
    return " ".join(parts) + (f", {_short(item.reason)}" if item.reason else "")
