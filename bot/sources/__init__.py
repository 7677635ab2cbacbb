"""One file or folder per platform; its name is the `kind` in the config."""

from bot.contracts.registry import Registry
from bot.contracts.source import Source, SourceSettings, SourceTools

REGISTRY = Registry[SourceSettings, SourceTools, Source](__name__, __path__)
kinds, settings_of, build = REGISTRY.kinds, REGISTRY.settings_of, REGISTRY.build
