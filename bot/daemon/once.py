"""One pass: a round of every source and everything that follows from it."""

import asyncio
from collections.abc import Collection, Iterable

from bot.clock import SECOND
from bot.daemon.app import App
from bot.daemon.rounds import is_stopped
from bot.errors import Never
from bot.intake.poll import Round
from storage.alerts import deaths
from storage.archive.errors import ArchiveUnwritable
from storage.media import crashes
from storage.records import SourceRow
from storage.state_names import ARCHIVE_ERROR, PROXY_DOWN

WAIT = 5 * SECOND  # what becomes due within this time belongs to the pass
UPKEEP_S = 60.0  # after an upgrade, of each pass


async def run_once(app: App) -> int:
    """Make one pass and return the exit code: see `choose_exit_code`."""
    stages, clock = app.stages, app.clock
    try:
        await app.begin()
        rounds, skipped = await stages.rounds.once()
        refused = await _alert(app, 0)  # alerts go out before files are fetched, and again before files are read
        await stages.wired.media.fetch(clock.now() + WAIT)
        refused += await _alert(app, 0)
        await stages.wired.media.read(clock.now() + WAIT)
        while await stages.rechecks.work(clock.now() + WAIT):
            await stages.decisions.drain()
        refused += await _alert(app, WAIT)
        suspects = await stages.archive.read(deaths.has_suspects, clock.now())
        if suspects or await stages.archive.read(crashes.has_suspects, stages.claims.healthy_at):
            await asyncio.sleep(max(stages.claims.healthy_at - clock.now(), 0) / SECOND)
            await stages.wired.media.read(clock.now() + WAIT)
            while await stages.rechecks.work(clock.now()):
                await stages.decisions.drain()
            refused += await _alert(app, WAIT)
        await stages.own_health.look(waited=True)
        await stages.rhythm.look()
        refused += await _alert(app, 0)
        await stages.wired.outbox.topics.close_some()
        await stages.upkeep.work(UPKEEP_S)
    except ArchiveUnwritable:  # the alarm has said why
        return 1
    finally:
        await app.close()
    for name, result in rounds.items():
        stages.say(_summarize(name, result))
    return choose_exit_code(rounds.values(), skipped, refused)


def choose_exit_code(rounds: Collection[Round], skipped: Iterable[SourceRow], refused: int) -> int:
    """What cron hears of a pass: a source that a person paused does not count, some that failed are tried again.

    A proxy that cannot be used or a full disk fails every source, even if it was noticed by some.
    """
    errors = [result.error for result in rounds if result.error is not None]
    read = any(one.error is None or one.new or one.revised or one.unchanged for one in rounds)
    if refused or any(isinstance(error, Never) for error in errors):
        return 5
    left = [row for row in skipped if not row.paused]
    if not read and (errors or left):
        return 1 if errors or not all(map(is_stopped, left)) else 5
    return int(any(error.state in (PROXY_DOWN, ARCHIVE_ERROR) for error in errors))


async def _alert(app: App, wait: int) -> int:
    """Decide and deliver what is due within so many microseconds; how much was refused for good."""
    await app.stages.decisions.drain()
    await app.stages.given_up.announce()
    await app.stages.digesting.make()
    return (await app.stages.wired.outbox.drain(app.clock.now() + wait)).refused


def _summarize(name: str, result: Round) -> str:
    parts = [f"{result.new} new", f"{result.revised} edited", f"{result.unchanged} known"]
    if result.quarantined:
        parts.append(f"{result.quarantined} unreadable (kept: see `communique status`)")
    if result.gaps_left:
        gaps = "1 gap" if result.gaps_left == 1 else f"{result.gaps_left} gaps"
        parts.append(f"{gaps} still open: the next pass continues")
    if result.error is not None:
        unwritten = result.error.state == ARCHIVE_ERROR  # the alarm has said why
        parts.append("the rest could not be stored" if unwritten else f"{result.error}")
    return f"{name}: {', '.join(parts)}"
