"""`communique events`: statements with their copies: list and show them, correct them, find them again."""

from typing import TYPE_CHECKING, Any

import click

from bot.cli.answers import check_by
from bot.cli.facing import describe_facing
from bot.cli.names import warn_unknown_rule
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import (
    Form,
    Noun,
    Session,
    complete_name,
    find_limit,
    format_options,
    limit_option,
    say,
    say_left_out,
    style,
    table_option,
    write,
    write_json,
    write_line,
    write_text,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count
from bot.documents.event import describe_copy, describe_fate, describe_spread, event_json
from bot.errors import NotFound, UserError
from bot.foreign.text import one_line, visible
from bot.listing.events import EVENT_COLUMNS, describe_event
from bot.listing.names import find_event, find_post_id
from bot.listing.running import find_daemon
from bot.listing.times import Zone, format_time, parse_time
from storage.events import facing, growing, links, listing, members

if TYPE_CHECKING:
    from bot.alerts.loaded_rules import LoadedRules
    from bot.events.finding import EventRules

_LIMIT = 50
_SNIPPET = 60


@click.group("events", cls=Noun)
def command() -> None:
    """List, show, correct and rebuild events: statements with their copies."""


@command.command("list")
@click.option("--since", metavar="TIME", help="Only events with a post since then: 7d, yesterday, 2026-11-01.")
@click.option(
    "--rule",
    metavar="NAME",
    help="Only events that this rule found.",
    shell_complete=lambda ctx, _, typed: complete_name(ctx, "rules", typed),
)
@limit_option(_LIMIT, "events, the newest first")
@zone_option
@format_options()
@table_option
@pager_option
@click.pass_context
def list_events(
    ctx: click.Context, since: str | None, rule: str | None, limit: int | None, zone: Zone, form: Form | None
) -> None:
    """List events, the one with the newest post first: those that a rule found, and those with a copy.

    Exit code 3 if --rule names an unknown rule and nothing is found.
    """
    session: Session = ctx.obj
    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    with session.archive().reading() as reader:
        unknown = warn_unknown_rule(session, reader, rule)
        most = find_limit(limit, _LIMIT, form)
        found = listing.list_events(reader, since=start, rule=rule, limit=most)
        if form is not None:
            write(session, form, map(event_json, found), EVENT_COLUMNS)
            if unknown and not listing.count_events(reader, since=start, rule=rule):
                ctx.exit(NOTHING_FOUND)
            return
        rows = [
            (
                str(event.id),
                format_time(event.opened_at, zone),
                event.source,
                describe_spread(event.spread),
                ", ".join(event.sides) or "-",
                ", ".join(event.rules) or "-",
                one_line(event.text)[:_SNIPPET],
            )
            for event in found
        ]
        total = listing.count_events(reader, since=start, rule=rule) if len(rows) == most else len(rows)
    write_table(session, ("event", "first seen", "first in", "copies", "sides", "rules", "words"), rows)
    say_left_out(session, len(rows), total)
    if not rows:
        say(session, "no events found")
        if unknown:
            ctx.exit(NOTHING_FOUND)


@command.command("show")
@click.argument("key", metavar="ID")
@zone_option
@format_options()
@pager_option
@click.pass_obj
def show_event(session: Session, key: str, zone: Zone, form: Form | None) -> None:
    """Show one event: the first statement, each copy and why it is one, who quotes it, and what faces it.

    ID is that of an event, or of a post as `communique show` takes it.
    """
    with session.archive().reading() as reader:
        event_id = find_event(reader, key)
        if form is not None:
            _write_event(session, form, describe_event(reader, event_id))
            return
        [event] = listing.read_events(reader, [event_id])
        posts = listing.read_members(reader, event_id)
        quoting = listing.list_quoting(reader, event_id)
        faced = facing.list_of_event(reader, event_id)
    spread = "; ".join(filter(None, (describe_spread(event.spread), describe_fate(event.spread))))
    write_text(session, style(session, f"event {event.id}: {spread}", "bold"), indent=4)
    if event.quotes is not None:
        write_line(session, f"repeats event {event.quotes}, with words of its own")
    if event.origin is not None:
        write_line(session, f"its origin came later: post {event.origin}")
    write_line(session)
    for line in (visible(event.text, newlines=True) or "(no text)").split("\n"):
        write_text(session, line)
    write_line(session)
    rows = [
        (
            format_time(one.collected_at, zone),
            one.source,
            one.side or "-",
            describe_copy(one.reason, one.measure),
            "deleted" if one.deleted_at else "",
            one.url or str(one.post_id),
        )
        for one in posts
    ]
    write_table(session, ("collected", "source", "side", "why", "", "post"), rows)
    for number, added in quoting:
        write_line(session)
        write_text(session, f"event {number} repeats it and adds: {one_line(added)}")
    for pair in faced:
        write_line(session)
        for line in describe_facing(pair, zone):
            write_text(session, line, indent=4)


def _write_event(session: Session, form: Form, whole: dict[str, Any]) -> None:
    if form == "json":
        write_json(session, whole)
        return
    named = {
        "members": [one["post_id"] for one in whole["members"]],
        "quoted_by": [one["event"] for one in whole["quoted_by"]],
    }
    shown = whole | named if form == "csv" else whole
    write(session, form, [shown], (*EVENT_COLUMNS, "members", "quoted_by", "facing"))


def _event_rules(session: Session) -> "EventRules":
    return _load_rules(session)[1]


def _load_rules(session: Session) -> "tuple[LoadedRules, EventRules]":
    from bot.alerts.loaded_rules import LoadedRules

    loaded = LoadedRules.of(session.config())
    if loaded.events is None:
        raise UserError("[events] enabled = false: no events are found, so that there are none to correct")
    return loaded, loaded.events


@command.command("split")
@click.argument("key", metavar="POST")
@click.option("--by", "who", metavar="NAME", callback=check_by, help="Who says so.")
@click.pass_obj
def split_event(session: Session, key: str, who: str | None) -> None:
    """Say that a post is no copy: it becomes an event of its own. This is remembered by `events rebuild`.

    Alerts of the last day that were joined because of the mistake are sent now; `alerts retry ID` sends older ones.
    """
    from bot.alerts.splitting import send_joined
    from bot.events.placing import place_arrived

    loaded, rules = _load_rules(session)
    with session.archive() as archive, archive.writing() as writer:
        place_arrived(writer, rules)
        post_id = find_post_id(writer, key)
        event = None if post_id is None else listing.find_event_id(writer, post_id)
        if post_id is None or event is None:
            raise NotFound(f"there is no event with the post {one_line(key)}")
        if event == post_id:
            raise UserError(f"post {post_id} is the first statement of its event: split the copy from it instead")
        now = session.clock.now()
        members.correct(writer, "split", post_id, None, who, now)
        place_arrived(writer, rules)
        due = send_joined(writer, post_id, loaded.folding, now)
    write_line(session, f"post {post_id} is an event of its own")
    if due:
        joined = "1 alert that was joined is" if due == 1 else f"{due} alerts that were joined are"
        write_line(session, f"{joined} sent now")


@command.command("join")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--by", "who", metavar="NAME", callback=check_by, help="Who says so.")
@click.pass_obj
def join_events(session: Session, one: str, other: str, who: str | None) -> None:
    """Say that two events are one: the younger leads to the older. This is remembered by `events rebuild`."""
    from bot.events.placing import place_arrived

    rules = _event_rules(session)
    with session.archive() as archive, archive.writing() as writer:
        place_arrived(writer, rules)
        found = [find_event(writer, key) for key in (one, other)]
        if found[0] == found[1]:
            raise UserError(f"both are event {found[0]} already")
        older, younger = links.find_older(writer, *found)
        now = session.clock.now()
        members.correct(writer, "join", younger, older, who, now)
        place_arrived(writer, rules)
    write_line(session, f"event {younger} leads to event {older} now")


@command.command("rebuild")
@format_options()
@click.pass_context
def rebuild_events(ctx: click.Context, form: Form | None) -> None:
    """Find the events of the whole archive again, with the rules of today and what people corrected.

    What was sent stays as it is. The daemon must not run meanwhile.
    """
    from bot.events.placing import place_some

    session: Session = ctx.obj
    if find_daemon(session.data_dir()).running:
        say(session, "the daemon is running: stop it first, then run `communique events rebuild`")
        ctx.exit(75)
    rules = _event_rules(session)
    done = 0
    with session.archive() as archive:
        with archive.writing() as writer:
            members.forget_events(writer)
        while True:
            with archive.writing() as writer:
                count = place_some(writer, rules)
            done += count
            if not count:
                break
        with archive.writing() as writer:
            growing.note_start(writer, None, session.clock.now())
            found = listing.count_events(writer)
    if form == "json":
        write_json(session, {"steps": done, "events": found})
    elif form is not None:
        write(session, form, [{"steps": done, "events": found}], ("steps", "events"))
    else:
        steps = format_count(done, "step")
        write_line(session, f"{steps} of posts and files; {format_count(found, 'event')} with a match or a copy")
