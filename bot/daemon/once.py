"""One pass: a round of every source and everything that follows from it."""

import asyncio

from bot.clock import SECOND
from bot.daemon.app import App
from bot.errors import Later, Never
from bot.intake.poll import Round
from storage.alerts import deaths
from storage.media import crashes
from storage.state_names import ARCHIVE_ERROR, PROXY_DOWN

WAIT = 5 * SECOND  # what becomes due within this time belongs to the pass
UPKEEP_S = 60.0  # after an upgrade, of each pass


async def run_once(app: App) -> int:
    """Make one pass and return the exit code: 5 if a source or target refused for good, 1 if no source was reached."""
    stages, clock = app.stages, app.clock
    await app.begin()
    try:
        rounds = await stages.rounds.once()
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
    finally:
        await app.close()
    for name, result in rounds.items():
        stages.say(_summarize(name, result))
    errors = [result.error for result in rounds.values() if result.error is not None]
    if refused or any(isinstance(error, Never) for error in errors):
        return 5
    # No network, a proxy that cannot be used, or a full disk blinds every source at once: such a pass did not run.
    blind = len(errors) == len(rounds) > 0 and all(isinstance(error, Later) and error.unreached for error in errors)
    return int(blind or any(error.state in (PROXY_DOWN, ARCHIVE_ERROR) for error in errors))


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
        parts.append(f"{result.error}")
    return f"{name}: {', '.join(parts)}"
