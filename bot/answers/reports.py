"""What the bot answers to a question: lines, with words of others made safe."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.alerts.digests.words import count
from bot.alerts.plan import describe_reason
from bot.alerts.render import safe_link
from bot.answers.commands import COMMANDS
from bot.answers.pages import say_of
from bot.clock import DAY
from bot.contracts.amounts import duration
from bot.documents.mute import describe_muted
from bot.errors import NotFound, UserError
from storage.alerts import matches, mutes, outbox
from storage.answers import verdicts
from storage.frozen import dataclass
from storage.language.query import QueryError, parse, warnings
from storage.posts import post_history, reading
from storage.search import search, stats
from storage.sources import states
from storage.status import QUEUES, read_status

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Reader
    from storage.records import PostRow

_POSTS = 100  # that /search finds at most
_NEWEST = 20
_ALERTS = 200
_WORDS = 280
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the archive: the words after the command, the config, and the time in microseconds UTC."""

    words: str
    config: "Config"
    now: int

    def time(self, at: int | None) -> str:
        """A moment in the zone of the config; "?" if it is not known."""
        if at is None:
            return "?"
        try:
            return f"{(_EPOCH + timedelta(microseconds=at)).astimezone(self.config.zone):%Y-%m-%d %H:%M}"
        except (OverflowError, ValueError):
            return "?"


def report(reader: "Reader", command: str, question: Question) -> Iterator[str]:
    """The lines of an answer. Raises UserError for what cannot be answered."""
    return _REPORTS[command](reader, question)


def _status(reader: "Reader", asked: Question) -> Iterator[str]:
    status = read_status(reader, asked.now)
    watched = [watch for watch in status.watches if watch.enabled]
    counted = Counter("paused" if watch.paused else watch.state for watch in watched)
    said = (f"{number} {say_of(state)}" for state, number in counted.most_common())
    yield f"{count(len(watched), 'source', 'sources')}: {', '.join(said)}"
    for watch in watched:
        if watch.failures and not watch.paused:
            yield f"source {say_of(watch.name)}: {say_of(watch.state)} ({say_of(watch.reason or '')})"
    waiting = ", ".join(f"{name} {queue.waiting}" for name in QUEUES if (queue := status.queue(name)).waiting)
    yield f"waiting: {waiting or 'nothing'}"
    for target in status.targets:
        if target.state != "ok":
            yield f"target {say_of(target.name)}: {say_of(target.state)} ({say_of(target.reason or '')})"
    if status.mutes:
        yield f"{count(len(status.mutes), 'mute', 'mutes')}: /mutes"
    yield f"last round {asked.time(status.last_round_at)}; it is {asked.time(asked.now)} {asked.config.zone.key}"


def _sources(reader: "Reader", asked: Question) -> Iterator[str]:
    for source in states.list_sources(reader):
        why = f" ({say_of(source.reason)})" if source.reason else ""
        state = "paused" if source.paused else source.state
        yield f"{say_of(source.name)}: {say_of(state)}{why}, last post {asked.time(source.last_post_at)}"


def _last(reader: "Reader", asked: Question) -> Iterator[str]:
    name = asked.words
    if name and states.find_source(reader, name) is None:
        meant = next((one.name for one in asked.config.sources if one.is_meant_by(name)), None)
        if meant is None:
            raise UserError(f"there is no source {name}: /sources shows them")
        name = meant
    ids = reading.find_newest(reader, limit=_NEWEST, sources=[name] if name else ())
    for post in reading.read_posts(reader, reversed(ids)):
        yield from _post(post, asked)


def _search(reader: "Reader", asked: Question) -> Iterator[str]:
    if not asked.words:
        raise UserError("write /search QUERY, in the language of rules")
    try:
        query = parse(asked.words, asked.config.zone, asked.config.phrases())
    except QueryError as mistake:
        raise UserError(f"{mistake.message}, at character {mistake.position + 1}") from None
    yield from (f"warning: {say_of(warning)}" for warning in warnings(query))
    found = list(search.search(reader, query, limit=_POSTS))
    if not found:
        yield "nothing found"
        return
    yield count(len(found), "post", "posts") if len(found) < _POSTS else f"the newest {_POSTS} posts"
    texts = reading.read_texts(reader, {hit.text_id for one in found for hit in one.hits})
    hits = {one.post_id: one.hits for one in found}
    for post in reading.read_posts(reader, [one.post_id for one in found]):
        first = next((hit for hit in hits[post.id] if hit.text_id in texts), None)
        yield from _post(post, asked, "" if first is None else _around(texts[first.text_id], first.start, first.end))


def _around(text: str, start: int, end: int) -> str:
    low, high = max(start - _WORDS // 2, 0), min(end + _WORDS // 2, len(text))
    return f"{'…' if low else ''}{text[low:high]}{'…' if high < len(text) else ''}"


def _post(post: "PostRow", asked: Question, words: str = "") -> Iterator[str]:
    yield f"{say_of(post.source)}, {asked.time(post.posted_at)}: {say_of(words or _whole(post), _WORDS)}"
    yield f"post {post.id} {safe_link(post.url) or ''}".rstrip()


def _whole(post: "PostRow") -> str:
    return "\n\n".join(filter(None, (post.title, post.text))) or ", ".join(f"[{item.kind}]" for item in post.media)


def _show(reader: "Reader", asked: Question) -> Iterator[str]:
    post = _find_post(reader, asked.words)
    yield f"{say_of(post.source)}, posted {asked.time(post.posted_at)}, collected {asked.time(post.collected_at)}"
    for name, at in (("edited", post.edited_at), ("deleted", post.deleted_at)):
        if at is not None:
            yield f"{name} {asked.time(at)}"
    if post.author:
        yield f"author {say_of(post.author)}"
    if post.forward is not None:
        yield f"forwarded from {say_of(post.forward.name)}"
    for line in _whole(post)[:12_000].splitlines():
        if line.strip():
            yield say_of(line)
    for item in post.media:
        yield f"[{item.kind}] {say_of(item.name or '')} {item.state}"
    if post.event is not None and post.joined_by is not None:
        yield f"a copy, of event {post.event}"
    for match in post_history.read_matches(reader, post.id):
        sent = ", ".join(f"{one.target}: {one.state}" for one in match.deliveries) or describe_reason(match.why)
        yield f"alert {match.id}: {say_of(match.rule)}, {match.kind}; {say_of(sent)}"
        if match.acked is not None:
            yield f"acknowledged by {say_of(match.acked.by)}"
    yield f"post {post.id} {safe_link(post.url) or ''}".rstrip()


def _find_post(reader: "Reader", words: str) -> "PostRow":
    """The post, or that of the alert, that a person names."""
    found = reading.find_post(reader, words) if words else None
    if found is None and words.isascii() and words.isdecimal() and len(words) < 19:
        story = matches.read_story(reader, int(words))
        found = None if story is None else story.match.post_id
    if found is None:
        raise NotFound("there is no such post: write /show with the number of a post or of an alert, or an address")
    return reading.read_posts(reader, [found])[0]


def read_alert_id(words: str) -> int:
    """The number of an alert or a mute that a person writes. Raises UserError."""
    if not (words.isascii() and words.isdecimal() and len(words) < 19):
        raise UserError("write the number after the command, such as 12")
    return int(words)


def _why(reader: "Reader", asked: Question) -> Iterator[str]:
    alert = read_alert_id(asked.words)
    story = matches.read_story(reader, alert)
    if story is None:
        raise NotFound(f"there is no alert {alert}")
    match = story.match
    [post] = reading.read_posts(reader, [match.post_id])
    yield f"alert {alert}: {say_of(match.rule)}, {match.kind}"
    yield f"query: {say_of(story.query or 'not kept')}"
    for hit in match.hits[:10]:
        words = say_of(_around(story.texts.get(hit.text_id, ""), hit.start, hit.end), _WORDS)
        yield f"found “{say_of(hit.form)}” in {hit.kind}: {words}"
    yield f"{'alerted' if match.alerting else 'did not alert'}: {say_of(describe_reason(match.why))}"
    for sent in outbox.list_deliveries(reader, alert):
        kind = " (escalation)" if sent.kind == "escalation" else ""
        when, why = asked.time(sent.settled_at), say_of(sent.reason or "")
        yield f"{say_of(sent.target)}{kind}: {sent.state} {when} {why}".rstrip()
    if match.acked is not None:
        yield f"acknowledged by {say_of(match.acked.by)}, {asked.time(match.acked.at)}"
    for said in verdicts.list_verdicts(reader, alert):
        yield f"{said.verdict} for {say_of(said.by)}"
    yield f"post {post.id} {safe_link(post.url) or ''}".rstrip()


def _rules(reader: "Reader", asked: Question) -> Iterator[str]:
    found = stats.count_matches(reader, asked.now - 7 * DAY)
    judged = verdicts.count_verdicts(reader, asked.now - 30 * DAY)
    for rule in asked.config.rules:
        said = judged.get(rule.name)
        yield f"{say_of(rule.name)}: {say_of(rule.query)}"
        yield f"    {found.get(rule.name, 0)} posts in 7 days" + (f"; {said.describe()} in 30 days" if said else "")
    if not asked.config.rules:
        yield "no rules yet"


def _mutes(reader: "Reader", asked: Question) -> Iterator[str]:
    active = mutes.list_mutes(reader, asked.now)
    for mute in active:
        yield (
            f"mute {mute.id}: {say_of(describe_muted(mute))}, until {asked.time(mute.until)}, by {say_of(mute.who)}:"
            f" {say_of(mute.why)}; {mute.held} held"
        )
    if not active:
        yield "nothing is muted"


def _digest(reader: "Reader", asked: Question) -> Iterator[str]:
    try:
        span = duration(asked.words) if asked.words else DAY
    except ValueError:
        raise UserError("write /digest, or /digest with a time such as 12h") from None
    found = [
        (match, source)
        for match, source, _ in matches.list_matches(reader, since=asked.now - span, limit=_ALERTS)
        if match.alerting
    ]
    yield f"{count(len(found), 'alert', 'alerts')} since {asked.time(asked.now - span)}"
    for rule, times in Counter(match.rule for match, _ in found).most_common():
        yield f"{say_of(rule)}: {times}"
    events = {match.event or match.post_id: match for match, _ in reversed(found)}
    posts = {post.id: post for post in reading.read_posts(reader, {match.post_id for match in events.values()})}
    for match in sorted(events.values(), key=lambda one: -one.id):
        post = posts[match.post_id]
        has_it = f" ({say_of(match.acked.by)} has it)" if match.acked else ""
        yield f"alert {match.id}{has_it}: {say_of(post.source)}: {say_of(_whole(post), _WORDS)}"


def _help(_: "Reader", __: Question) -> Iterator[str]:
    for name, sentence in COMMANDS.items():
        yield f"/{name}: {sentence}"
    yield "Commands older than 5 minutes are not carried out."


_REPORTS: "dict[str, Callable[[Reader, Question], Iterator[str]]]" = {
    "status": _status,
    "sources": _sources,
    "last": _last,
    "search": _search,
    "show": _show,
    "why": _why,
    "rules": _rules,
    "mutes": _mutes,
    "digest": _digest,
    "help": _help,
}
