"""The kinds of value that a config key can hold: durations, amounts, names, secret files."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from bot.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f/\"']{1,64}")


class Settings(BaseModel):
    """A part of the config: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


def duration(value: object) -> int:
    """Microseconds of "2.5s", "10m", "24h", "7d"; a bare 0 is allowed. Raises ValueError with the right form."""
    if value == 0 and not isinstance(value, bool):
        return 0
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f'expected a duration such as "90s", "2m", "24h" or "7d", got {value!r}')
    return round(float(found[1]) * _UNITS[found[2]])


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name has 1 to 64 characters, no spaces, quotes or slashes")
    return value


def _amount(value: object) -> object:
    """A count, "all", or the date that history is wanted from (ISO, kept as text)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError('expected a count, a date such as "2024-07-01", or "all"')
    if isinstance(value, int):
        if value < 0:
            raise ValueError("a count cannot be negative")
        return value
    if value != "all" and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError('expected a count, a date such as "2024-07-01", or "all"')
    return value


def _beside_config(value: Any, info: ValidationInfo) -> Any:
    """Relative paths start from the directory of the config file."""
    directory = (info.context or {}).get("directory")
    if isinstance(value, str) and directory is not None:
        return Path(directory) / Path(value).expanduser()
    return value


Duration = Annotated[int, BeforeValidator(duration)]
Name = Annotated[str, AfterValidator(_name)]
Amount = Annotated[int | str, BeforeValidator(_amount)]
ConfigPath = Annotated[Path, BeforeValidator(_beside_config)]
