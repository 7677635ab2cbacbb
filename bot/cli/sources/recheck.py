"""`communique sources recheck`: has a post looked at again now, above all one whose re-check was given up."""

import click

from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import Session, say, write_line
from bot.documents.counts import format_count
from bot.listing.names import find_post_id
from bot.listing.running import find_daemon


@click.command("recheck")
@click.argument("key", metavar="[POST]", required=False)
@click.option("--given-up", is_flag=True, help="All posts whose re-check was given up.")
@click.pass_context
def command(ctx: click.Context, key: str | None, given_up: bool) -> None:
    """Look at a post again: was it edited or deleted? POST is its id, SOURCE/NATIVE_ID or its URL.

    A running `communique run` does it within seconds; otherwise the next one does.
    """
    from storage import jobs
    from storage.alerts import given_up as archive_given_up
    from storage.posts import rechecks

    session: Session = ctx.obj
    if (key is None) != given_up:
        raise click.UsageError("Give one POST, or --given-up for all that were given up.")
    with session.archive() as archive:
        with archive.reading() as reader:
            if key is None:
                posts = archive_given_up.list_posts(reader, ("recheck",))
            else:
                post_id = find_post_id(reader, key)
                posts = [] if post_id is None else [post_id]
        if not posts:
            say(session, f"no post {key}" if key is not None else "no re-check was given up")
            ctx.exit(NOTHING_FOUND)
        with archive.writing() as writer:
            for post in posts:
                jobs.take_up(writer, jobs.NewJob("recheck", post, session.clock.now(), rechecks.REPORTED))
    running = find_daemon(session.data_dir()).running
    who = "the running daemon does it" if running else "`communique run` does it"
    write_line(session, f"{format_count(len(posts), 'post')} queued for another look; {who}")
