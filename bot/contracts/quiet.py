"""How quiet hours are written in the config: days, times of the day, a zone, and what still rings."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from bot.contracts.settings import Settings, zone_name
from bot.suggest import did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def read_days(written: str) -> frozenset[int]:
    """Numbers of the days (0 is Monday) in "mon-fri", "sat,sun" or "mon wed". Raises ValueError with the right form."""
    found: set[int] = set()
    for part in re.sub(r"\s*-\s*", "-", written.strip()).casefold().replace(",", " ").split():
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
    if not found:
        raise ValueError('name at least one day, such as "mon-fri" or "sat,sun"')
    return frozenset(found)


def _day(name: str) -> int:
    if name not in DAYS:
        hint = did_you_mean(name, DAYS) or '; write "mon-fri", "sat,sun" or "mon wed"'
        raise ValueError(f'unknown day "{name}"{hint}')
    return DAYS.index(name)


def read_minutes(written: str) -> int:
    """Minutes after midnight of "22:00"; "24:00" is 0."""
    hours, minutes = written.split(":")
    return (int(hours) * 60 + int(minutes)) % (24 * 60)


def _days(value: str) -> str:
    read_days(value)
    return value


def _time(value: object) -> object:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError('expected a time of the day such as "22:00", in quotation marks')
    return value


Days = Annotated[str, AfterValidator(_days)]
TimeOfDay = Annotated[str, BeforeValidator(_time)]


class QuietHours(Settings):
    """One entry of `quiet`: on these days, from this time on, messages wait for a digest.

    `begin` and `end` are `from` and `to` in the file; the same time twice means 24 hours. `zone` None: that of
    [defaults]. `except_from`: messages of this priority or a higher one are sent; None: none is.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    days: Days = "mon-sun"
    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    zone: Annotated[str, AfterValidator(zone_name)] | None = None
    except_from: Literal["min", "low", "default", "high", "max"] | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.except_from == "min":
            raise ValueError('except_from = "min" holds nothing; write "high", or leave this entry out')
        return self
