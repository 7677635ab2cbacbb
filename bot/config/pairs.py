"""[[pairs]]: two sides whose statements face each other, and what can be wrong with one."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator

from bot.clock import DAY
from bot.config.problems import Findings
from bot.contracts.settings import Duration, Name, Settings
from bot.suggest import did_you_mean


def _two_sides(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) != 2 or len(value) != 2:
        raise ValueError('expected the names of two sides, such as ["junta", "resistance"]')
    return value


def _some_time(value: int) -> int:
    if not value:
        raise ValueError("no two statements face each other within no time")
    return value


class PairConfig(Settings):
    """[[pairs]]: when one side says something that `rule` finds, and the other side does so `within` this time."""

    rule: Name
    sides: Annotated[tuple[Name, ...], AfterValidator(_two_sides)]
    within: Annotated[Duration, AfterValidator(_some_time)] = 3 * DAY


def check_pairs(
    pairs: Sequence[PairConfig],
    places: Sequence[int],
    rules: Iterable[str],
    sides: Iterable[str] | None,
    findings: Findings,
) -> None:
    """Note rules and sides that do not exist; `sides` None: not all sources can be read, so that any side may exist."""
    for index, pair in zip(places, pairs, strict=True):
        if pair.rule not in rules:
            findings.wrong(("pairs", index, "rule"), f'there is no rule "{pair.rule}"{did_you_mean(pair.rule, rules)}')
        for number, side in enumerate(pair.sides if sides is not None else ()):
            if sides is not None and side not in sides:
                findings.wrong(
                    ("pairs", index, "sides", number), f'no source has the side "{side}"{did_you_mean(side, sides)}'
                )
