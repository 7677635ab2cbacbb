"""Single documents of the API: one post, event, alert, source; what a rule says; numbers, coverage, the status."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.clock import DAY
from bot.config.caps import Caps
from bot.config.paths import database_in
from bot.daemon.judging import free_bytes, judge
from bot.listing import alerts, events, explaining, replay, rules, stats
from bot.listing.coverage import read_coverage
from bot.listing.files import read_report
from bot.listing.names import find_post_id
from bot.listing.posts import describe_whole
from bot.listing.running import find_daemon
from bot.listing.status import describe_status
from bot.web.api.answers import Document
from bot.web.api.asking import ApiRequest, read_query
from bot.web.api.coverage import coverage_json
from bot.web.api.refusals import RequestRefused, missing
from bot.web.entries import find_mutes, find_rules
from storage.events import listing
from storage.posts import reading
from storage.search import search
from storage.status import read_status

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from storage.archive.database import Reader
    from storage.language.query import Query

_MOST_SAMPLES = 50


def show_post(reader: "Reader", asked: ApiRequest, *key: str) -> Document:
    """One post by its id, by source and number, or by its address."""
    post_id = find_post_id(reader, "/".join(key))
    if post_id is None:
        raise missing()
    [post] = reading.read_posts(reader, [post_id])
    return describe_whole(reader, post, history=asked.is_true("history"))


def count_posts(reader: "Reader", asked: ApiRequest) -> Document:
    """How many posts a query finds."""
    found = search.count(
        reader,
        asked.query(),
        since=asked.since,
        until=asked.until,
        sources=asked.texts("source"),
        tags=asked.texts("tag"),
        history=asked.is_true("history"),
    )
    return {"count": found}


def show_event(reader: "Reader", _: ApiRequest, key: str) -> Document:
    """One event, by its id or that of one of its posts."""
    event = listing.find_event_id(reader, _number(key))
    if event is None:
        raise missing()
    return events.describe_event(reader, event)


def show_alert(reader: "Reader", _: ApiRequest, key: str) -> Document:
    """One alert, explained."""
    return alerts.explain_alert(reader, _number(key))


def _number(written: str) -> int:
    if not (written.isascii() and written.isdecimal() and len(written) < 19):
        raise missing()
    return int(written)


# Rules -------------------------------------------------------------------------------------------------------------


def _choose(reader: "Reader", asked: ApiRequest) -> "tuple[RuleConfig | None, Query]":
    """The rule or the query that is asked about. Raises RequestRefused."""
    name, written = asked.text("rule"), asked.text("q")
    if (name is None) == (written is None):
        raise RequestRefused(400, "give rule, the name of one, or q, a query", "rule")
    if name is None:
        return None, asked.query()
    for rule in find_rules(reader, asked.room.config, asked.viewer):
        if rule.name == name:
            return rule, read_query(asked.room, rule.query, asked.zone)
    raise missing()


def explain_rule(reader: "Reader", asked: ApiRequest) -> Document:
    """What a rule or a query looks for, and what it costs."""
    rule, parsed = _choose(reader, asked)
    return explaining.explain_query(reader, parsed, rule, asked.room.config)


def test_rule(reader: "Reader", asked: ApiRequest) -> Document:
    """What a rule or a query finds in a text."""
    rule, parsed = _choose(reader, asked)
    text = asked.text("text") or ""
    [(name, hits)] = rules.try_queries([(rule.name if rule else "query", parsed)], text, asked.now)
    return rules.tried_json(name, hits, text)


def replay_rule(reader: "Reader", asked: ApiRequest) -> Document:
    """On which collected posts a rule or a query would have matched."""
    rule, parsed = _choose(reader, asked)
    span = _span(asked, 90)
    fired = list(replay.find_fired(reader, rule, parsed, span))
    samples = asked.whole("samples", 0, _MOST_SAMPLES)
    return replay.summarize_replay(
        reader, rule.name if rule else None, parsed, span, fired, 5 if samples is None else samples, asked.zone
    )


# Numbers -----------------------------------------------------------------------------------------------------------


def _span(asked: ApiRequest, days: int) -> tuple[int, int]:
    """The span that was asked for, at most ten years; the last `days` without one."""
    until = asked.now if asked.until is None else asked.until
    since = until - days * DAY if asked.since is None else asked.since
    if since >= until:
        raise RequestRefused(400, "since is not before until", "since")
    if until - since > stats.MOST_DAYS * DAY:
        raise RequestRefused(400, f"since: at most {stats.MOST_DAYS} days before until", "since")
    return since, until


def show_stats(reader: "Reader", asked: ApiRequest) -> Document:
    """Posts per day, source and language."""
    since, until = _span(asked, 30)
    return stats.numbers_json(stats.count_posts(reader, since, until), since, until, asked.zone)


def show_coverage(reader: "Reader", asked: ApiRequest) -> Document:
    """What was watched of each source, when it was blind, what is missing."""
    since, until = _span(asked, 7)
    return coverage_json(read_coverage(reader, since, until, asked.texts("source")), since, until)


def show_status(reader: "Reader", asked: ApiRequest) -> Document:
    """Whether all is well, as `communique status` says it."""
    config, now = asked.room.config, asked.now
    daemon = find_daemon(config.data_dir)
    found = replace(read_status(reader, now), mutes=tuple(find_mutes(reader, config, asked.viewer, now)))
    caps = Caps(config.media.per_source, config.media.total, config.media.keep_free)
    files = read_report(reader, caps, free_bytes(config.data_dir))
    problems = dict.fromkeys(judge(found, daemon, database_in(config.data_dir), now))
    whole: dict[str, Any] = describe_status(found, files, daemon, problems, now)
    return whole
