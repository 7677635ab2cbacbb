"""`communique rules replay`: how often a rule would have matched in the past, per day, with samples."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from bot.cli.query import NOTHING_FOUND, print_warnings, say_indexing
from bot.cli.rules.selection import choose_query, complete_rule
from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, format_options, say, style, write_json, write_line
from bot.cli.terminal.posts import print_post
from bot.cli.terminal.times import zone_option
from bot.clock import DAY
from bot.documents.charts import draw_bar
from bot.documents.counts import format_count
from bot.foreign.text import one_line
from bot.listing.replay import find_fired, summarize_replay
from bot.listing.times import Zone, format_time, parse_span

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from storage.archive.database import Reader
    from storage.language.query import Query
    from storage.search.search import FoundPost

_PAUSE_S = 0.2  # between two lines of progress


@click.command("replay")
@click.argument("name", required=False, shell_complete=complete_rule)
@click.option("--query", metavar="Q", help="Replay this query instead of a rule of the config.")
@click.option("--since", metavar="TIME", default="90d", show_default=True, help="Since then: 7d, 2026-11-01.")
@click.option("--until", metavar="TIME", help="Until then; a day, week or month is included whole. By default now.")
@click.option(
    "--samples", type=WholeNumber(min=0), default=5, show_default=True, help="Show this many of the newest posts."
)
@click.option("--exit-code", is_flag=True, help="Exit with 3 if nothing would have matched.")
@zone_option
@format_options(streams=False)
@click.pass_context
def replay_rule(
    ctx: click.Context,
    name: str | None,
    query: str | None,
    since: str,
    until: str | None,
    samples: int,
    exit_code: bool,
    zone: Zone,
    form: str | None,
) -> None:
    """Show on which collected posts a rule would have matched, before you enable it.

    It reads the current text of posts in the scope of the rule, and never unreliable machine text alone, exactly as
    the rule does. Mutes, quiet hours and grouping come later and are not replayed.

    \b
    communique rules replay regional-command --since 90d
    communique rules replay --query '@lashio NOT weather' --since 2026-10-01
    """  # noqa: D301  click reads the backspace
    session: Session = ctx.obj
    rule, parsed = choose_query(session, name, query)
    print_warnings(session, parsed, names=rule is None)
    start, end = parse_span(since, until or "now", zone, session.clock.now())
    assert start is not None
    assert end is not None
    with session.archive().reading() as reader:
        fired = list(_watch(session, reader, rule, parsed, (start, end)))
        summary = summarize_replay(reader, name, parsed, (start, end), fired, samples, zone.for_form(form))
        if form is not None:
            write_json(session, summary)
        else:
            targets = session.config().rule_targets(rule) if rule else ()
            for row in _lines(session, summary, start, end, zone, targets=targets):
                write_line(session, row)
            _print_samples(session, reader, fired[:samples], zone)
    if not fired and exit_code:
        ctx.exit(NOTHING_FOUND)


def _watch(
    session: Session, reader: "Reader", rule: "RuleConfig | None", query: "Query", span: tuple[int, int]
) -> "Iterator[FoundPost]":
    """Every post that would have matched, newest first; on a terminal stderr shows the progress."""
    say_indexing(session, reader)
    start, end = span
    said = session.clock.monotonic()
    count = 0

    def looking(post_id: int) -> None:
        nonlocal said
        now = session.clock.monotonic()
        if now - said >= _PAUSE_S:
            said = now
            done = min(1.0, max(0.0, (end - (post_id >> 16) * 1_000_000) / (end - start)))
            session.err.write(f"\r{done:4.0%} searched, {count} matches\x1b[K")
            session.err.flush()

    watched = session.err.isatty()
    try:
        for found in find_fired(reader, rule, query, span, looking if watched else None):
            count += 1
            yield found
    finally:
        if watched:
            session.err.write("\r\x1b[K")
            session.err.flush()


def count_matches(session: Session, reader: "Reader", rule: "RuleConfig", query: "Query", start: int, end: int) -> int:
    """How many posts a rule would have matched with this query, in its own scope."""
    return sum(1 for _ in _watch(session, reader, rule, query, (start, end)))


def _lines(
    session: Session, summary: dict[str, Any], start: int, end: int, zone: Zone, *, targets: tuple[str, ...]
) -> Iterator[str]:
    what = style(session, one_line(summary["rule"] or "query"), "bold")
    yield f"{what}  {format_time(start, zone)} to {format_time(end, zone)}"
    if not summary["posts"]:
        say(session, "nothing would have matched")
        return
    span_days = max(1, -(-(end - start) // DAY))
    yield f"{format_count(summary['posts'], 'post')} on {len(summary['days'])} of {span_days} days; " + (
        f"alerts {one_line(', '.join(targets))}" if targets else "a saved search, no target"
    )
    most = max(day["posts"] for day in summary["days"])
    room = max(8, session.columns - len("2026-11-01  ") - len(f" {most}"))
    for day in summary["days"]:
        yield f"{day['day']}  {draw_bar(day['posts'], most, room)} {day['posts']}"
    yield "  ".join(f"{one_line(row['source'])} {row['posts']}" for row in summary["sources"])
    yield ""


def _print_samples(session: Session, reader: "Reader", fired: "list[FoundPost]", zone: Zone) -> None:
    from storage.posts import reading

    texts = reading.read_texts(reader, {hit.text_id for found in fired for hit in found.hits})
    hits = {found.post_id: found.hits for found in fired}
    for post in reading.read_posts(reader, [found.post_id for found in fired]):
        print_post(session, post, zone, hits[post.id], texts)
