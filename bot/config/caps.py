"""How many bytes of files are kept, for screens. Cheap: reads nothing else of the config, and no pydantic."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bot.config import paths
from bot.config.environment import Environment
from bot.contracts.amounts import size
from bot.errors import UserError


class Caps(NamedTuple):
    """Bytes: of one source, of all sources, and how many must be free on the disk. The defaults of [media]."""

    per_source: int = 20 << 30
    total: int = 100 << 30
    keep_free: int = 2 << 30


def find_caps(flag: Path | None, environment: Environment) -> Caps | None:
    """The caps of [media], or of COMMUNIQUE_MEDIA__TOTAL and its like; None where `config check` refuses one."""
    from bot.config.sections import read_section

    config = paths.find_config(flag, environment)
    try:
        media = None if config is None else read_section(config, "media")
        given = (
            {} if media is None else {str(key): value for key, value in _table(media).items() if key in Caps._fields}
        )
        for override in environment.overrides:
            if override.section == "media" and override.key in Caps._fields:
                given[override.key] = override.text
        return Caps(**{key: size(value) for key, value in given.items()})
    except (UserError, ValueError):
        return None


def _table(value: object) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise ValueError("not a table")  # noqa: TRY004 - as a value in it that is none
    return value
