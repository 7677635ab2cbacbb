"""The time zone of the config, for screens. Cheap: reads nothing else of the config, and no pydantic."""

from collections.abc import Mapping
from pathlib import Path

from bot.config import paths
from bot.config.environment import Environment
from bot.errors import UserError


def find_timezone(flag: Path | None, environment: Environment) -> str | None:
    """What [defaults] timezone, or COMMUNIQUE_DEFAULTS__TIMEZONE, is set to.

    None where neither is set or the file cannot be read: `config check` says what is wrong with it.
    """
    for override in environment.overrides:
        if (override.section, override.key) == ("defaults", "timezone"):
            return override.text
    config = paths.find_config(flag, environment)
    if config is None:
        return None
    from bot.config.opening import read_file

    try:
        if b"timezone" not in read_file(config):
            return None  # most configs set none, and to parse them takes longer than a search
        from bot.config.sections import read_section

        defaults = read_section(config, "defaults")
    except UserError:
        return None
    name = defaults.get("timezone") if isinstance(defaults, Mapping) else None
    return name if isinstance(name, str) else None
