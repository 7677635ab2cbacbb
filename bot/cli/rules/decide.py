"""`communique rules decide`: runs the rules on posts again, above all on those that were given up."""

import time
from typing import TYPE_CHECKING, Any

import click

from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import Session, format_options, say, write_json, write_line
from bot.documents.alert import alert_json
from bot.documents.counts import format_count
from bot.foreign.text import one_line
from bot.listing.names import find_post_id
from bot.listing.running import find_daemon

if TYPE_CHECKING:
    from storage.archive.database import Archive, Writer

KINDS = ("decide", "translation")  # jobs that begin with a decision
_WAIT_S = 40


@click.command("decide")
@click.argument("key", metavar="[POST]", required=False)
@click.option("--given-up", is_flag=True, help="All posts on which the rules, or a translation, were given up.")
@format_options(streams=False)
@click.pass_context
def decide_posts(ctx: click.Context, key: str | None, given_up: bool, form: str | None) -> None:
    """Run the rules on a post again. POST is its id, SOURCE/NATIVE_ID or its URL.

    A running `communique run` does it within seconds; otherwise it is done here, and alerts are sent by the next
    `communique run`. What has alerted before does not alert again.
    """
    session: Session = ctx.obj
    if (key is None) != given_up:
        raise click.UsageError("Give one POST, or --given-up for all that were given up.")
    with session.archive() as archive:
        posts = _find(archive, key)
        if not posts:
            say(session, f"no post {key}" if key is not None else "no post was given up")
            ctx.exit(NOTHING_FOUND)
        known = _last_match(archive)
        running = bool(find_daemon(session.data_dir()).running)
        waiting = _have_decided(session, archive, posts) if running else _decide_here(session, archive, posts)
        found = _new_matches(archive, posts, known)
        if form is not None:
            alerts = [alert["id"] for alert in found]
            write_json(session, {"posts": [str(post) for post in posts], "waiting": waiting, "alerts": alerts})
            return
    matched = "1 new match" if len(found) == 1 else f"{len(found)} new matches"
    write_line(session, f"{format_count(len(posts) - waiting, 'post')} decided, {matched}")
    for alert in found:
        sent = ", ".join(delivery["target"] for delivery in alert["deliveries"]) or f"nobody ({alert['why']})"
        write_line(session, "  " + one_line(f"alert {alert['id']}: {alert['rule']} ({alert['kind']}), to {sent}"))
    if waiting:
        by = "the running daemon is still working on it" if running else "a rule broke; it is tried again later"
        say(session, f"{format_count(waiting, 'post')} not decided yet: {by}")


def _find(archive: "Archive", key: str | None) -> list[int]:
    from storage.alerts import given_up

    with archive.reading() as reader:
        if key is None:
            return given_up.list_posts(reader, KINDS)
        post_id = find_post_id(reader, key)
    return [] if post_id is None else [post_id]


def _have_decided(session: Session, archive: "Archive", posts: list[int]) -> int:
    """Queue them and wait for the daemon, which hears of it within seconds; how many it has not decided."""
    from storage import jobs

    now = session.clock.now()
    with archive.writing() as writer:
        _take_up(writer, posts, now)
    until = session.clock.monotonic() + _WAIT_S
    while True:
        with archive.reading() as reader:
            left = len(jobs.find_due(reader, "decide", posts, now))
        if not left or session.clock.monotonic() > until:
            return left
        time.sleep(0.2)


def _decide_here(session: Session, archive: "Archive", posts: list[int]) -> int:
    """Decide one post at a time, in a transaction each; how many could not be decided."""
    from bot.alerts import decide
    from bot.alerts.loaded_rules import LoadedRules
    from bot.daemon.renaming import follow_names
    from storage import jobs

    config = session.config()
    loaded, now, failed = LoadedRules.of(config), session.clock.now(), 0
    with archive.writing() as writer:
        follow_names(writer, config, loaded)
        loaded.declare(writer, now)
        _take_up(writer, posts, now)
    for post in posts:
        with archive.writing() as writer:
            claimed = jobs.find_due(writer, "decide", [post], now)
            failed += decide.decide(writer, loaded, session.clock.now(), claimed=claimed).failed
    return failed


def _take_up(writer: "Writer", posts: list[int], now: int) -> None:
    from storage import jobs

    for post in posts:
        for kind in KINDS:
            jobs.forget_given_up(writer, kind, post)
        jobs.take_up(writer, jobs.NewJob("decide", post, now))


def _last_match(archive: "Archive") -> int:
    from storage.alerts import matches

    with archive.reading() as reader:
        return matches.find_last_id(reader)


def _new_matches(archive: "Archive", posts: list[int], known: int) -> list[dict[str, Any]]:
    from storage.alerts import matches, outbox

    with archive.reading() as reader:
        found = matches.list_after(reader, known, posts)
        return [
            alert_json(match, source, url, outbox.list_deliveries(reader, match.id)) for match, source, url in found
        ]
