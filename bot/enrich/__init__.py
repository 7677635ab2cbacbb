"""One file per engine that makes text of sound and pictures; the file's name is the `kind` in the config."""

import importlib
import pkgutil

from bot.enrich._contract import Engine, EngineSettings, Surroundings

__all__ = ["Engine", "EngineSettings", "Surroundings", "build", "kinds", "settings_of"]

_STAGE = frozenset({"worker"})  # the stage itself stands beside its engines


def kinds() -> tuple[str, ...]:
    """Names of every kind of engine that can stand in the config."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if not name.startswith("_") and name not in _STAGE))


def settings_of(kind: str) -> type[EngineSettings]:
    """The config model of one kind; imports that kind alone. Raises KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    settings: type[EngineSettings] = importlib.import_module(f"{__name__}.{kind}").Settings
    return settings


def build(settings: EngineSettings, surroundings: Surroundings) -> Engine:
    """The working engine behind a checked piece of config."""
    engine: Engine = importlib.import_module(f"{__name__}.{settings.kind}").build(settings, surroundings)
    return engine
