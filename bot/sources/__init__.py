"""One file per platform; the file's name is the `kind` in the config."""

import importlib
import pkgutil

from bot.contracts.source import Source, SourceSettings, SourceTools

__all__ = ["Source", "SourceSettings", "SourceTools", "build", "kinds", "settings_of"]


def kinds() -> tuple[str, ...]:
    """Names of every kind of source that can stand in the config."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")))


def settings_of(kind: str) -> type[SourceSettings]:
    """The config model of one kind; imports that kind alone. Raises KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    settings: type[SourceSettings] = importlib.import_module(f"{__name__}.{kind}").Settings
    return settings


def build(settings: SourceSettings, surroundings: SourceTools) -> Source:
    """The working source behind a checked piece of config."""
    source: Source = importlib.import_module(f"{__name__}.{settings.kind}").build(settings, surroundings)
    return source
