"""One file in, one frozen value out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config.environment import Environment
    from bot.config.model import Config
    from bot.contracts.registry import Kinds

__all__ = ["Config", "load"]


def load(path: Path | None, environment: Environment, *, kinds: Kinds, data_dir: Path | None = None) -> Config:
    """Find, read and check the config; without a file every key has its default.

    `kinds` are all that the file may name; only those that it does name are imported. `path` is the --config option
    and `data_dir` the --data-dir option, None where not given: then the environment and the usual places decide (see
    `paths`). Raises ConfigError with every problem at once. Imports pydantic only now.
    """
    from bot.config.reading import read

    return read(path, environment, kinds, data_dir=data_dir)


def __getattr__(name: str) -> object:
    """Import the model only for those who ask for it: finding the data directory must stay cheap."""
    if name == "Config":
        from bot.config.model import Config

        return Config
    raise AttributeError(name)
