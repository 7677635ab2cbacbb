"""PURE: what a scheduled digest counts, in words and as JSON: rules, sources, events, blind times, what was held."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bot.alerts.digests.words import TITLES, count, short, short_time
from bot.alerts.document import facing_document, quote
from bot.alerts.lines import Line, Span
from bot.documents.charts import draw_sparkline
from bot.documents.digest import counted_json, open_gap_json, stretch_json
from bot.documents.event import describe_spread, event_json
from bot.documents.mute import describe_muted, mute_json
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from storage.alerts.digest_rows import DigestedRow, DigestRow
    from storage.alerts.mutes import Mute
    from storage.events.listing import EventRow
    from storage.posts.window import WindowArrivals
    from storage.records import Gap
    from storage.rows import Statement
    from storage.sources.blindness import BlindStretch

PARTS = 24  # of a window, one letter of a sparkline each
_MOST = 10  # rules, sources or stretches that are named
_MOST_EVENTS = 5
_WORDS = 100  # UTF-16 units of a statement that is named
_KINDS = (("match", "new"), ("edited", "edited"), ("deleted", "deleted"))
_STATES = (
    ("joined", "not sent: the target had heard of the statement"),
    ("silenced", "silenced"),
    ("dead", "not delivered"),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """One window of one target. `held` counts what waits now, by kind of digest; `gaps` are open, by source.

    `digests` were made in the window, `mutes` were active in it, `events` got copies in it. `facing` are statements of
    two sides, the second of which is new.
    """

    alerts: Sequence[DigestedRow]
    sources: int
    arrivals: WindowArrivals
    events: Sequence[EventRow] = ()
    facing: Sequence[tuple[Statement, Statement]] = ()
    stretches: Sequence[BlindStretch] = ()
    gaps: Sequence[tuple[str, Gap]] = ()
    digests: Sequence[DigestRow] = ()
    mutes: Sequence[Mute] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0  # posts that are too many to be listed


def count_parts(
    alerts: Sequence[DigestedRow], window: tuple[int, int], *, by_source: bool = False
) -> dict[str, list[int]]:
    """How many alerts each rule (or source) had in each part of the window, the most first."""
    length = max(window[1] - window[0], 1)
    counts: dict[str, list[int]] = {}
    for one in alerts:
        parts = counts.setdefault(one.source if by_source else one.rule, [0] * PARTS)
        parts[min(max((one.at - window[0]) * PARTS // length, 0), PARTS - 1)] += 1
    return dict(sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])))


def describe_watch(summary: Summary) -> str:
    """What was watched: "14 sources, no gap, nothing matched"."""
    blind = len({stretch.source for stretch in summary.stretches})
    parts = (
        count(summary.sources, "source", "sources"),
        f"{blind} of them blind for a time" if blind else "",
        f"{count(len(summary.gaps), 'gap', 'gaps')} open" if summary.gaps else "no gap",
        count(len(summary.alerts), "alert", "alerts") if summary.alerts else "nothing matched",
    )
    return ", ".join(part for part in parts if part)


def summary_lines(summary: Summary, window: tuple[int, int], zone: ZoneInfo) -> Iterator[Line]:
    """Everything in a few lines, the most important first."""
    yield (Span(describe_watch(summary)),)
    if any(one.kind != "match" for one in summary.alerts):
        kinds = ((sum(one.kind == kind for one in summary.alerts), words) for kind, words in _KINDS)
        yield (Span(", ".join(f"{number:,} {words}" for number, words in kinds if number)),)
    yield from _counted("by rule", count_parts(summary.alerts, window))
    yield from _counted("by source", count_parts(summary.alerts, window, by_source=True))
    yield from _events(summary.events)
    yield from _facing(summary.facing)
    yield from _blind(summary, zone)
    for line in (*_collected(summary.arrivals), *_held(summary), *_muted(summary.mutes, zone)):
        yield (Span(line),)


def _counted(heading: str, counts: Mapping[str, Sequence[int]]) -> Iterator[Line]:
    if counts:
        yield (Span(heading, "bold"),)
    for name, parts in list(counts.items())[:_MOST]:
        drawn = draw_sparkline(parts, PARTS).replace(" ", "·")  # chats have letters of unequal width
        yield (Span(f"{drawn} {sum(parts):,} {short(name)}"),)
    if len(counts) > _MOST:
        rest = sum(sum(parts) for parts in list(counts.values())[_MOST:])
        yield (Span(f"{rest:,} of {len(counts) - _MOST} more"),)


def _events(events: Sequence[EventRow]) -> Iterator[Line]:
    if events:
        yield (Span("copied most", "bold"),)
    for event in events[:_MOST_EVENTS]:
        words = clip(one_line(event.text[: 8 * _WORDS]), _WORDS)
        yield (Span(f"{describe_spread(event.spread)}: {short(event.source)}, {words}"),)
    if len(events) > _MOST_EVENTS:
        yield (Span(f"{count(len(events) - _MOST_EVENTS, 'more statement has', 'more statements have')} copies"),)


def _facing(pairs: Sequence[tuple[Statement, Statement]]) -> Iterator[Line]:
    if pairs:
        yield (Span("face each other", "bold"),)
    for pair in pairs[:_MOST_EVENTS]:
        said = (f"{short(one.source)}: {clip(one_line(quote(one)[: 8 * _WORDS]), _WORDS)}" for one in pair)
        yield (Span(" / ".join(said)),)
    if len(pairs) > _MOST_EVENTS:
        yield (Span(count(len(pairs) - _MOST_EVENTS, "more pair", "more pairs")),)


def _blind(summary: Summary, zone: ZoneInfo) -> Iterator[Line]:
    if summary.stretches or summary.gaps:
        yield (Span("not seen", "bold"),)
    yield from stretch_lines(summary.stretches, zone)
    for source, gap in summary.gaps[:_MOST]:
        numbers = "" if gap.low is None or gap.high is None else f" {gap.low} to {gap.high}"
        yield (Span(f"{short(source)}: posts{numbers} are missing ({short(gap.reason)})"),)


def stretch_lines(stretches: Sequence[BlindStretch], zone: ZoneInfo) -> Iterator[Line]:
    """Blind stretches, a line each: "spokesman was blind from … to … (unreachable)"."""
    for one in stretches[:_MOST]:
        until = "now" if one.until is None else short_time(one.until, zone)
        why = f" ({short(one.outcome)})" if one.outcome else ""
        yield (Span(f"{short(one.source)} was blind from {short_time(one.since, zone)} to {until}{why}"),)
    if len(stretches) > _MOST:
        yield (Span(count(len(stretches) - _MOST, "more blind time", "more blind times")),)


def _collected(arrivals: WindowArrivals) -> Iterator[str]:
    yield f"collected: {count(arrivals.posts, 'post', 'posts')}, {count(arrivals.edits, 'edit', 'edits')}"
    files = ((arrivals.not_transcribed, "recording", "not transcribed"), (arrivals.not_read, "picture", "not read"))
    unread = [f"{count(number, noun, f'{noun}s')} {what}" for number, noun, what in files if number]
    if unread:
        yield f"files: {', '.join(unread)}"


def _held(summary: Summary) -> Iterator[str]:
    for digest in summary.digests:
        yield f"{count(digest.total, 'alert', 'alerts')} in digest {digest.id}: {TITLES[digest.kind]}"
    for kind, number in summary.held.items():
        yield f"{count(number, 'alert', 'alerts')} waiting: {TITLES[kind]}"
    for state, words in _STATES:
        if number := sum(one.state == state for one in summary.alerts):
            yield f"{count(number, 'alert', 'alerts')} {words}"


def _muted(mutes: Sequence[Mute], zone: ZoneInfo) -> Iterator[str]:
    for one in mutes[:_MOST]:
        until = short_time(one.until if one.ended_at is None else one.ended_at, zone)
        what = clip(one_line(describe_muted(one)), _WORDS)
        why = f"by {short(one.who)}: {clip(one_line(one.why), _WORDS)}"
        yield f"muted until {until}: {what}, {count(one.held, 'alert', 'alerts')}, {why}"
    if len(mutes) > _MOST:
        yield count(len(mutes) - _MOST, "more mute", "more mutes")


def summary_json(summary: Summary, window: tuple[int, int]) -> dict[str, object]:
    """The same for a webhook, whole."""
    states = {one.state for one in summary.alerts}
    return {
        "watched": describe_watch(summary),
        "left_out": summary.left_out,
        "sources": summary.sources,
        "posts": summary.arrivals.posts,
        "edits": summary.arrivals.edits,
        "not_transcribed": summary.arrivals.not_transcribed,
        "not_read": summary.arrivals.not_read,
        "kinds": {kind: sum(one.kind == kind for one in summary.alerts) for kind, _ in _KINDS},
        "states": {state: sum(one.state == state for one in summary.alerts) for state in sorted(states)},
        "by_rule": counted_json(count_parts(summary.alerts, window), "rule"),
        "by_source": counted_json(count_parts(summary.alerts, window, by_source=True), "source"),
        "events": [event_json(event) for event in summary.events],
        "facing": [facing_document(pair) for pair in summary.facing],
        "blind": [stretch_json(stretch) for stretch in summary.stretches],
        "gaps": [open_gap_json(source, gap) for source, gap in summary.gaps],
        "digests": [
            {"digest": str(digest.id), "kind": digest.kind, "total": digest.total} for digest in summary.digests
        ],
        "held": dict(summary.held),
        "mutes": [mute_json(one, window[1]) for one in summary.mutes],
    }
