"""One file per engine that makes text of sound and pictures; the file's name is the `kind` in the config."""

import importlib
import pkgutil

from bot.contracts.engine import Engine, EngineSettings, EngineTools

__all__ = ["Engine", "EngineSettings", "EngineTools", "build", "kinds", "settings_of"]


def kinds() -> tuple[str, ...]:
    """Names of every kind of engine that can stand in the config."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")))


def settings_of(kind: str) -> type[EngineSettings]:
    """The config model of one kind; imports that kind alone. Raises KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    settings: type[EngineSettings] = importlib.import_module(f"{__name__}.{kind}").Settings
    return settings


def build(settings: EngineSettings, surroundings: EngineTools) -> Engine:
    """The working engine behind a checked piece of config."""
    engine: Engine = importlib.import_module(f"{__name__}.{settings.kind}").build(settings, surroundings)
    return engine
