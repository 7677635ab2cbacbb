"""Every effective value and where it came from: an option, the environment, a line of the file, or a default."""

import re
from collections.abc import Iterator
from pathlib import Path

from bot.config.document import ConfigFile, written_path
from bot.config.environment import Environment
from bot.config.locate import KeyPath, line_and_column
from bot.config.model import Config
from bot.config.reading import LISTS, SECTIONS
from bot.http.masking import MASK, mask_address
from storage.frozen import dataclass

_WEB = re.compile(r"(https?://[^/?#]+)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the config as it is in force; `value` is what JSON can hold, with secrets masked."""

    keys: KeyPath
    value: object
    origin: str

    @property
    def key(self) -> str:
        return written_path(self.keys)


def settings(
    config: Config, document: ConfigFile, environment: Environment, *, data_dir: Path | None
) -> Iterator[Setting]:
    """Every leaf of every section and entry, in the order of the models. `data_dir` is the --data-dir option."""
    for section in SECTIONS:
        for keys, value in _leaves((section,), getattr(config, section).model_dump(mode="json")):
            if keys == ("storage", "dir"):
                yield Setting(keys, str(config.data_dir), _data_dir_origin(document, environment, data_dir))
            else:
                yield Setting(keys, masked(keys, value), _origin(keys, document, environment))
    for part in LISTS:
        for index, entry in enumerate(getattr(config, part)):
            for keys, value in _leaves((part, index), entry.model_dump(mode="json")):
                yield Setting(keys, masked(keys, value), _origin(keys, document, environment))


def masked(keys: KeyPath, value: object) -> object:
    """Hide what may be a secret in a URL: logins, parameters that sound like keys, the path of a target's address."""
    if isinstance(value, list):
        return [masked(keys, item) for item in value]
    if not isinstance(value, str) or "://" not in value:
        return value
    shown = mask_address(value)
    if keys[0] != "targets" or keys[-1] == "api_base":
        return shown
    web = _WEB.fullmatch(shown)
    if web is None:  # apprise: the token may be where a host would
        return f"{shown.partition('://')[0]}://{MASK}"
    return f"{web[1]}/{MASK}" if web[2].strip("/") else shown


def _leaves(keys: KeyPath, value: object) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves((*keys, str(key)), inner)
    else:
        yield keys, value


def _origin(keys: KeyPath, document: ConfigFile, environment: Environment) -> str:
    for override in environment.overrides:
        if (override.section, override.key) == keys[:2]:
            return override.variable
    if keys in document.places:
        return f"{document.name}:{line_and_column(document.text, document.places[keys].key)[0]}"
    return "default"


def _data_dir_origin(document: ConfigFile, environment: Environment, flag: Path | None) -> str:
    if flag:
        return "--data-dir"
    return "COMMUNIQUE_DATA_DIR" if environment.data_dir else _origin(("storage", "dir"), document, environment)
