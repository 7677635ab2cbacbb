"""One file per kind of target; the file's name is the `kind` in the config."""

import importlib
import pkgutil

from bot.contracts.target import Target, TargetSettings, TargetTools

__all__ = ["Target", "TargetSettings", "TargetTools", "build", "kinds", "settings_of"]


def kinds() -> tuple[str, ...]:
    """Names of every kind of target that can stand in the config."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")))


def settings_of(kind: str) -> type[TargetSettings]:
    """The config model of one kind; imports that kind alone. Raises KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    settings: type[TargetSettings] = importlib.import_module(f"{__name__}.{kind}").Settings
    return settings


def build(settings: TargetSettings, surroundings: TargetTools) -> Target:
    """The working target behind a checked piece of config."""
    target: Target = importlib.import_module(f"{__name__}.{settings.kind}").build(settings, surroundings)
    return target
