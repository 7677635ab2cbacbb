"""One file per engine that makes text from sound and pictures; the file's name is the `kind` in the config."""

from bot.contracts.engine import Engine, EngineSettings, EngineTools
from bot.contracts.registry import Registry

REGISTRY = Registry[EngineSettings, EngineTools, Engine](__name__, __path__)
kinds, settings_of, build = REGISTRY.kinds, REGISTRY.settings_of, REGISTRY.build
