"""`communique config check --online`: asks each target whether messages would be accepted; sends none."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cli.terminal.output import Session, say, style, write_line
from bot.errors import Later, Never
from bot.foreign.text import one_line, visible

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.contracts.target import TargetSettings, TargetTools

_DEADLINE_S = 90.0
_REFUSED, _FAILED = Never.exit_code, Later.exit_code


@dataclass(frozen=True, slots=True)
class Answered:
    """What a target answered: 0, or the exit code of what is wrong; `unreached`: nobody answered at all."""

    target: str
    code: int
    words: str
    unreached: bool = False


def check_targets(session: Session, config: "Config") -> int:
    """Print one line for each target; the exit code: 5 if one refuses, otherwise 1 if one cannot be asked."""
    answers = asyncio.run(_ask_all(session, config))
    for one in answers:
        verdict = {0: style(session, "ok", "green"), _REFUSED: "refused"}.get(one.code, "failed")
        write_line(session, f"target {visible(one.target)}: {verdict}: {one_line(one.words)}")
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
        return list(await asyncio.gather(*(_ask(settings, tools) for settings in config.targets)))
    finally:
        await http.aclose()


async def _ask(settings: "TargetSettings", tools: "TargetTools") -> Answered:
    from bot.alerts import targets
    from bot.contracts.target import Askable

    target = targets.build(settings, tools)
    if not isinstance(target, Askable):
        return Answered(settings.name, 0, "there is nothing to ask")
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return Answered(settings.name, 0, await target.check())
    except TimeoutError:
        return Answered(settings.name, _FAILED, f"no answer within {_DEADLINE_S:.0f} s")
    except (Later, Never) as problem:
        unreached = isinstance(problem, Later) and problem.unreached
        return Answered(settings.name, problem.exit_code, str(problem), unreached)
