"""`communique alerts`: list and explain alerts, send them again, test a target."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from bot.alerts.plan import describe_reason
from bot.cli.answers import acknowledge_alert, judge_alert
from bot.cli.digest_preview import preview_digest
from bot.cli.facing import describe_facing
from bot.cli.follow import follow_chat
from bot.cli.mutes import find_mute, list_mutes, mute_alerts, unmute_alerts
from bot.cli.names import warn_unknown_rule
from bot.cli.query import NOTHING_FOUND
from bot.cli.retry import retry_alerts
from bot.cli.target_test import test_target
from bot.cli.terminal.numbers import WholeNumber
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
from bot.cli.undelivered import print_undelivered
from bot.documents.alert import addressee
from bot.documents.as_json import place_of
from bot.documents.counts import format_count
from bot.documents.mute import describe_muted
from bot.errors import NotFound
from bot.foreign.text import one_line, undated, visible
from bot.listing import alerts as listed
from bot.listing.names import find_event, find_story
from bot.listing.times import Zone, format_time, parse_time
from storage.alerts import digests, matches, outbox
from storage.answers import verdicts
from storage.events import facing, listing
from storage.records import DELIVERY_STATES, DeliveryRow, MatchRow, PostRow, Story

if TYPE_CHECKING:
    from storage.alerts.mutes import Mute
    from storage.answers.verdicts import Said
    from storage.archive.database import Reader
    from storage.events.listing import Split

STATES = (*DELIVERY_STATES, "silent")  # the last one is no delivery at all
_LABEL = 10
_LIMIT = 50
_AROUND = 60  # characters shown on both sides of a hit


@click.group("alerts", cls=Noun)
def command() -> None:
    """List and explain alerts, answer them, mute them, send them again, test a target."""


for other in (
    acknowledge_alert, judge_alert, mute_alerts, list_mutes, unmute_alerts, retry_alerts, preview_digest,
    test_target, follow_chat,
):  # fmt: skip
    command.add_command(other)


@command.command("list")
@click.option("--since", metavar="TIME", help="Only matches since then: 7d, yesterday, 2026-11-01.")
@click.option(
    "--rule",
    metavar="NAME",
    help="Only this rule.",
    shell_complete=lambda ctx, _, typed: complete_name(ctx, "rules", typed),
)
@click.option(
    "--state", type=click.Choice(STATES), help="Only with a delivery in this state; silent: nothing was sent."
)
@click.option("--event", metavar="ID", help="Only about the posts of this event, also joined, and what faces it.")
@click.option("--unacked", is_flag=True, help="Only what alerted and nobody has acknowledged.")
@click.option("--digest", metavar="ID", type=WholeNumber(1), help="Only what this digest lists or counts.")
@click.option(
    "--undelivered", is_flag=True, help="Messages that have not arrived, the oldest first: why, and until when."
)
@limit_option(_LIMIT, "alerts, the newest first")
@zone_option
@format_options()
@table_option
@pager_option
@click.pass_obj
def list_alerts(
    session: Session,
    since: str | None,
    rule: str | None,
    state: str | None,
    event: str | None,
    unacked: bool,
    digest: int | None,
    undelivered: bool,
    limit: int | None,
    zone: Zone,
    form: Form | None,
) -> None:
    """List matches of rules, newest first, and how each was delivered.

    Exit code 3 if --rule names an unknown rule.
    """
    if undelivered:
        if unacked or any(one is not None for one in (since, rule, state, event, digest)):
            raise click.UsageError("--undelivered lists every message that has not arrived: give nothing else with it.")
        print_undelivered(session, limit, _LIMIT, zone, form)
        return
    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    with session.archive().reading() as reader:
        unknown = warn_unknown_rule(session, reader, rule)  # then it never matched
        most = find_limit(limit, _LIMIT, form)
        if digest is not None and digests.read_digest(reader, digest) is None:
            raise NotFound(f"there is no digest {digest}")
        number = None if event is None else find_event(reader, event)
        found = matches.list_matches(
            reader, since=start, rule=rule, state=state, event=number, digest=digest, unacked=unacked, limit=most
        )
        if form is not None:
            write(session, form, listed.list_alerts(reader, found), listed.ALERT_COLUMNS)
            if unknown:
                raise SystemExit(NOTHING_FOUND)
            return
        rows = [_row(reader, match, source, zone) for match, source, _ in found]
        total = len(rows)
        if total == most:
            total = matches.count_listed(
                reader, since=start, rule=rule, state=state, event=number, digest=digest, unacked=unacked
            )
    write_table(session, ("alert", "matched", "rule", "kind", "source", "delivered", "why"), rows)
    say_left_out(session, len(rows), total)
    if not rows:
        say(session, "no alerts found")
        if unknown:
            raise SystemExit(NOTHING_FOUND)


@command.command("why")
@click.argument("alert_id", metavar="ID", type=WholeNumber(1))
@zone_option
@format_options(streams=False)
@pager_option
@click.pass_obj
def explain_alert(session: Session, alert_id: int, zone: Zone, form: Form | None) -> None:
    """Explain one alert: what the rule found and where, why it was sent or not, and each delivery."""
    from storage.posts import reading

    with session.archive().reading() as reader:
        if form is not None:
            write_json(session, listed.explain_alert(reader, alert_id))
            return
        story = find_story(reader, alert_id)
        deliveries = outbox.list_deliveries(reader, alert_id)
        post = reading.read_posts(reader, [story.match.post_id])[0]
        said = verdicts.list_verdicts(reader, alert_id)
        held_by = {sent.mute_id: find_mute(reader, sent.mute_id) for sent in deliveries if sent.mute_id is not None}
        faced = facing.read_facing(reader, [alert_id]).get(alert_id)
        split = listing.find_split(reader, post.id)
    match = story.match
    write_line(session, style(session, one_line(f"alert {match.id}: {match.rule}, {match.kind}"), "bold"))
    for label, value in (
        ("rule", f"{match.rule} (version {match.rule_version})"),
        ("query", story.query or "not kept"),
        ("post", f"{post.source}/{post.native_id}  {post.url or ''}  (id {post.id})"),
        *_event_fact(post),
        ("posted", format_time(post.posted_at, zone, seconds=True, unknown=undated(post.posted_raw))),
        ("collected", format_time(post.collected_at, zone, seconds=True)),
        ("decided", format_time(match.at, zone, seconds=True)),
    ):
        write_text(session, f"{style(session, label.ljust(_LABEL), 'dim')} {one_line(value)}", indent=_LABEL + 1)
    for row in (
        *_hits(session, story, post),
        *_decision(match, deliveries, held_by, zone),
        *_apart(match, post, deliveries, split, zone),
        *_answers(match, said, zone),
        *(describe_facing(faced, zone) if faced else ()),
    ):
        write_text(session, row)


def _row(reader: "Reader", match: MatchRow, source: str, zone: Zone) -> list[str]:
    deliveries = outbox.list_deliveries(reader, match.id)
    sent = ", ".join(f"{addressee(delivery)}: {delivery.state}" for delivery in deliveries)
    faced = facing.read_facing(reader, [match.id]).get(match.id)
    if match.acked is not None:
        sent = f"{sent or '-'}; acknowledged by {match.acked.by}"
    return [
        str(match.id),
        format_time(match.at, zone),
        match.rule,
        match.kind,
        source,
        sent or "-",
        describe_reason(match.why) + (f"; faces alert {faced[0].match_id}" if faced else ""),
    ]


def _hits(session: Session, story: Story, post: PostRow) -> Iterator[str]:
    from bot.alerts.files import describe_machines

    yield ""
    yield style(session, "found", "bold")
    if not story.match.hits:
        yield "  no passages: the rule has no text terms, or the text was removed"
    for hit in story.match.hits:
        raw = story.texts.get(hit.text_id, "")
        before, after = raw[max(hit.start - _AROUND, 0) : hit.start], raw[hit.end : hit.end + _AROUND]
        marked = style(session, one_line(raw[hit.start : hit.end]), "yellow")
        part, start, end = place_of(hit, raw, post.title)
        place = one_line(f"{part} {start}-{end}, as “{hit.form}”")
        head, tail = "…" if hit.start > _AROUND else "", "…" if hit.end + _AROUND < len(raw) else ""
        yield f"  {place}: {head}{_flat(before)}{marked}{_flat(after)}{tail}"
    for words in describe_machines(post.texts, story.match.hits, post.media):
        yield f"  {one_line(words)}"
    if story.match.before:
        yield f"  before: {one_line(story.match.before)}"


def _event_fact(post: PostRow) -> Iterator[tuple[str, str]]:
    from bot.documents.event import describe_copy

    if post.joined_by is not None:
        yield "event", f"{post.event}: a copy, {describe_copy(post.joined_by, post.likeness)}"
    elif post.quotes is not None:
        yield "event", f"{post.event}; it repeats event {post.quotes}, with words of its own"
    elif post.event is not None:
        yield "event", str(post.event)


def _flat(text: str) -> str:
    return visible(re.sub(r"\s", " ", text))


def _decision(match: MatchRow, deliveries: list[DeliveryRow], held_by: "dict[int, Mute]", zone: Zone) -> Iterator[str]:
    yield ""
    yield f"{'alerted' if match.alerting else 'did not alert'}: {one_line(describe_reason(match.why))}"
    for sent in deliveries:
        due = sent.not_before if sent.held_until is None else sent.held_until
        when = format_time(sent.settled_at, zone, seconds=True, unknown=f"due {format_time(due, zone, seconds=True)}")
        parts = [addressee(sent), sent.state, when, format_count(sent.attempts, "attempt"), sent.reason or ""]
        parts += ["possible repeat"] if sent.possible_repeat else []
        parts += [f"in digest {sent.digest}"] if sent.digest is not None else []
        if sent.mute_id is not None:
            mute = held_by[sent.mute_id]
            parts.append(f"held by mute {mute.id} of {describe_muted(mute)}, by {mute.who}: {mute.why}")
        yield "  " + one_line("  ".join(part for part in parts if part))


def _apart(
    match: MatchRow, post: PostRow, deliveries: "Iterable[DeliveryRow]", split: "Split | None", zone: Zone
) -> Iterator[str]:
    """From which event the post was taken, and how to send what was joined to that."""
    if post.event != post.id:
        return
    event = "another event" if split is None or split.event is None else f"event {split.event}"
    if split is not None:
        by = f", by {one_line(split.who)}" if split.who else ""
        yield f"split from {event} {format_time(split.at, zone, seconds=True)}{by}"
    if any(sent.state == "joined" for sent in deliveries):
        yield f"  joined to {event} before; `communique alerts retry {match.id}` sends it"


def _answers(match: MatchRow, said: "Iterable[Said]", zone: Zone) -> Iterator[str]:
    if match.acked is not None:
        yield f"acknowledged by {one_line(match.acked.by)}, {format_time(match.acked.at, zone, seconds=True)}"
    for one in said:
        yield f"{one.verdict} for {one_line(one.by)}, {format_time(one.at, zone, seconds=True)}"
