"""`communique sources backfill`: fetch the history of a source now."""

import asyncio
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Self

import click

from bot.cli.daemon import build_app
from bot.cli.names import expect_enabled, find_source
from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, say, source_argument
from bot.documents.counts import format_count
from bot.errors import AlreadyRunning, UserError

if TYPE_CHECKING:
    from rich.progress import Progress

    from bot.config import Config
    from bot.contracts.source import SourceSettings
    from bot.intake.ledger import BackfillLimit
    from bot.intake.poll import Round
    from storage.archive.database import Archive


@click.command("backfill")
@source_argument
@click.option("--since", metavar="TIME", help="Back to this time: 2024-07-01 (UTC), 30d, yesterday.")
@click.option("--count", type=WholeNumber(min=1), help="This many posts more than the archive has.")
@click.option("--all", "everything", is_flag=True, help="Back to the first post.")
@click.option("--alert", is_flag=True, help="Send alerts for what is found; by default history never alerts.")
@click.pass_obj
def command(session: Session, name: str, since: str | None, count: int | None, everything: bool, alert: bool) -> None:
    """Fetch the history of a source; it can be interrupted and continued.

    Ctrl-C stops after the current page, a second Ctrl-C at once; the rest stays an open gap, which `run` fills. While
    the daemon runs, it does the work and this command shows the progress.
    """
    from datetime import UTC

    from bot.config import paths
    from bot.daemon.lock import open_archive
    from bot.intake.ledger import BackfillLimit
    from bot.listing.times import Zone, parse_time
    from storage.archive.database import Archive

    if sum((since is not None, count is not None, everything)) != 1:
        raise click.UsageError("choose how far back: --since TIME, --count N or --all")
    config = session.written_config()
    settings = find_source(config.sources, name)
    expect_enabled(settings)
    if since is not None:
        wanted = BackfillLimit(since=parse_time(since, Zone(reads=UTC), session.clock.now(), option="--since"))
    else:
        wanted = BackfillLimit.of("all" if count is None else count)
    try:
        with open_archive(config.data_dir, session.clock.now(), partial(say, session)) as archive:
            asyncio.run(_work(session, config, archive, settings, wanted, alert=alert))
    except AlreadyRunning:
        with Archive(paths.database_in(config.data_dir)) as archive:
            _ask_and_watch(session, archive, settings, wanted, alert=alert)


async def _work(
    session: Session,
    config: "Config",
    archive: "Archive",
    settings: "SourceSettings",
    wanted: "BackfillLimit",
    *,
    alert: bool,
) -> None:
    from bot.daemon.backfill import backfill, has_history

    app = build_app(session, config, archive)
    if not has_history(app, settings.name):
        await app.close()
        raise UserError(f"{settings.name} is a {settings.kind} source, which has no history to fetch")
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    with _Progress(session, settings.name, wanted) as progress:

        def interrupt() -> None:
            progress.say("stopping after this page; press Ctrl-C again to stop at once")
            interrupted.set()
            loop.remove_signal_handler(signal.SIGINT)

        loop.add_signal_handler(signal.SIGINT, interrupt)

        def turned(result: "Round") -> bool:
            progress.show(result.new + result.unchanged)
            return not interrupted.is_set()

        await backfill(app, settings.name, wanted, alerts=alert, page_stored=turned)
    say(session, progress.sentence(done=not interrupted.is_set()))
    if interrupted.is_set():
        raise SystemExit(130)


def _ask_and_watch(
    session: Session, archive: "Archive", settings: "SourceSettings", wanted: "BackfillLimit", *, alert: bool
) -> None:
    """Leave the request as a gap for the running daemon, and show the progress until the gap is closed."""
    from bot.intake.ledger import EVERYTHING
    from storage.sources import gaps, states

    with archive.reading() as reader:
        row = states.find_source(reader, settings.name)
    if row is None or row.first_contact_at is None:
        raise UserError(f"{settings.name} has not been reached yet; see `communique status`")
    with archive.writing() as writer:
        gap_id = gaps.request_backfill(
            writer,
            row.id,
            below=None,
            now=session.clock.now(),
            count=wanted.count if wanted.count < EVERYTHING else None,
            since=wanted.since,
            alerts=alert,
        )
        states.resume(writer, settings.name, session.clock.now())
    if gap_id is None:
        raise UserError(f"{settings.name} has no numbered post yet, so there is no history to fetch")
    say(session, "the running daemon fetches it; Ctrl-C stops only this display")
    with _Progress(session, settings.name, wanted) as progress:
        while True:
            with archive.reading() as reader:
                (gap,) = (gap for gap in gaps.list_all_gaps(reader, row.id) if gap.id == gap_id)
                progress.show(gaps.count_filled(reader, gap))
            if gap.closed_at is not None:
                break
            time.sleep(0.5)
    say(session, progress.sentence(done=True))


class _Progress:
    """Progress on stderr: a bar with rate and time left on a terminal, one line per minute elsewhere."""

    def __init__(self, session: Session, name: str, wanted: "BackfillLimit") -> None:
        from bot.intake.ledger import EVERYTHING

        self._session = session
        self._name = name
        self._total = wanted.count if wanted.count < EVERYTHING else None
        self._began = self._said = session.clock.monotonic()
        self._posts = 0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._session.err.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.completed:.0f} posts, {task.fields[rate]}/s"),
                TimeRemainingColumn(),
                console=Console(file=self._session.err, no_color=not self._session.colour),
            )
            self._bar.add_task(self._name, total=self._total, rate="0")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print one sentence above the bar."""
        if self._bar is None:
            say(self._session, sentence)
        else:
            self._bar.console.print(f"\n{sentence}", markup=False, highlight=False)

    def show(self, posts: int) -> None:
        self._posts = posts
        now = self._session.clock.monotonic()
        rate = posts / max(now - self._began, 0.001)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=posts, rate=f"{rate:.1f}")
        elif now - self._said >= 60:
            self._said = now
            say(self._session, f"{self._name}: {format_count(posts, 'post')}, {rate:.1f}/s")

    def sentence(self, *, done: bool) -> str:
        end = "" if done else "; the rest stays an open gap, which `communique run` fills"
        return f"{self._name}: {format_count(self._posts, 'post')} of history{end}"
