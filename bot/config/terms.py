"""The terms that queries use as @name. Cheap: reads nothing else of the config, and no pydantic."""

from collections.abc import Mapping
from pathlib import Path

from bot.config import paths
from bot.config.environment import Environment
from bot.errors import UserError
from storage.language.terms import Term

OWN_KEYS = ("name", "kind", "not_after", "not_before")  # of a term; every other key is the code of a language


def phrases(flag: Path | None, environment: Environment) -> dict[str, Term]:
    """The phrases of each term, in all languages; none if there is no config file.

    Raises ConfigError where it is not certain which terms there are, UserError where a term is not what `config check`
    would accept.
    """
    config = paths.find_config(flag, environment)
    if config is None:
        return {}
    from bot.config.sections import read_section

    given = read_section(config, "terms")
    if given is None:
        return {}
    if not isinstance(given, list):
        raise _refused(config, "terms")
    found: dict[str, Term] = {}
    for index, entry in enumerate(given):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name in found:
            raise _refused(config, f"terms[{index}]")
        lists = {key: value for key, value in entry.items() if key not in ("name", "kind")}
        if not all(isinstance(value, list) and all(isinstance(one, str) for one in value) for value in lists.values()):
            raise _refused(config, f"terms[{index}]")
        spoken = (phrase for key, value in lists.items() if key not in OWN_KEYS for phrase in value)
        found[name] = Term(spoken, lists.get("not_after", ()), lists.get("not_before", ()))
    return found


def _refused(config: Path, where: str) -> UserError:
    return UserError(f"{config}: {where} cannot be read; `communique config check` shows why")
