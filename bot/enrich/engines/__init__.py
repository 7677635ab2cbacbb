"""One file per engine that makes text from sound and pictures; the file's name is the `kind` in the config."""

from typing import TYPE_CHECKING

from bot.contracts.registry import Registry

if TYPE_CHECKING:
    from bot.contracts.engine import Engine, EngineSettings, EngineTools

REGISTRY: "Registry[EngineSettings, EngineTools, Engine]" = Registry(__name__, __path__)
kinds, settings_of, build = REGISTRY.kinds, REGISTRY.settings_of, REGISTRY.build
