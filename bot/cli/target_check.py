"""`communique config check --online`: asks each target, and the bot that answers; sends no message."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from bot.cli.bot_check import check_bot
from bot.cli.terminal.output import Session, say, style, write_line
from bot.errors import Later, Never
from bot.foreign.text import one_line, visible
from bot.listing.running import find_daemon
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.contracts.target import TargetSettings, TargetTools

_DEADLINE_S = 90.0
_REFUSED, _FAILED = Never.exit_code, Later.exit_code


@dataclass(frozen=True, slots=True)
class Answered:
    """What a target answered, or the bot (None): 0, or the exit code of what is wrong; `unreached`: nobody answered."""

    target: str | None
    code: int
    words: str
    unreached: bool = False


def check_targets(session: Session, config: "Config") -> int:
    """Print one line for each target; the exit code: 5 if one refuses, otherwise 1 if one cannot be asked."""
    answers = asyncio.run(_ask_all(session, config))
    for one in answers:
        verdict = {0: style(session, "ok", "green"), _REFUSED: "refused"}.get(one.code, "failed")
        what = "the bot" if one.target is None else f"target {visible(one.target)}"
        write_line(session, f"{what}: {verdict}: {one_line(one.words)}")
    if any(one.unreached for one in answers):
        say(session, "is this machine offline? `communique config check` without --online asks nobody")
    return max((one.code for one in answers), default=0)


async def _ask_all(session: Session, config: "Config") -> list[Answered]:
    """All at the same time: one that hangs delays no other."""
    import sys

    from bot.contracts.target import TargetTools
    from bot.http import Http

    http = Http(config.http_rules(), session.clock)
    tools = TargetTools(
        http, session.clock, config.zone, sys.stdout, proxied=config.http.proxy is not None, colour=False
    )
    try:
        asked = [_ask(settings, tools) for settings in config.targets]
        if config.bot.enabled:
            listens = find_daemon(config.data_dir).running is not False
            asked.append(_answer(None, check_bot(config, http, session.clock, listens=listens)))
        return list(await asyncio.gather(*asked))
    finally:
        await http.aclose()


async def _ask(settings: "TargetSettings", tools: "TargetTools") -> Answered:
    from bot.alerts import targets
    from bot.contracts.target import Askable

    target = targets.build(settings, tools)
    if not isinstance(target, Askable):
        return Answered(settings.name, 0, "there is nothing to ask")
    return await _answer(settings.name, target.check())


async def _answer(name: str | None, check: Awaitable[str]) -> Answered:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return Answered(name, 0, await check)
    except TimeoutError:
        return Answered(name, _FAILED, f"no answer within {_DEADLINE_S:.0f} s")
    except (Later, Never) as problem:
        unreached = isinstance(problem, Later) and problem.unreached
        return Answered(name, problem.exit_code, str(problem), unreached)
