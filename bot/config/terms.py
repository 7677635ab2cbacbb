"""The terms that queries use as @name. Cheap: reads nothing else of the config, and no pydantic."""

from collections.abc import Mapping
from pathlib import Path

from bot.config import paths
from bot.config.environment import Environment
from bot.errors import UserError


def phrases(flag: Path | None, environment: Environment) -> dict[str, tuple[str, ...]]:
    """The phrases of each term, in all languages; none if there is no config file.

    Raises ConfigError where the file is no TOML, UserError where a term is not what `config check` would accept.
    """
    config = paths.find_config(flag, environment)
    if config is None:
        return {}
    from bot.config.document import open_document

    given = open_document(config).data.get("terms", [])
    if not isinstance(given, list):
        raise _refused(config, "terms")
    found: dict[str, tuple[str, ...]] = {}
    for index, entry in enumerate(given):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name in found:
            raise _refused(config, f"terms[{index}]")
        lists = [value for key, value in entry.items() if key != "name"]
        if not all(isinstance(value, list) and all(isinstance(phrase, str) for phrase in value) for value in lists):
            raise _refused(config, f"terms[{index}]")
        found[name] = tuple(phrase for value in lists for phrase in value)
    return found


def _refused(config: Path, where: str) -> UserError:
    return UserError(f"{config}: {where} cannot be read; `communique config check` shows why")
