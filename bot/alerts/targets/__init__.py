"""One file or folder per kind of target; its name is the `kind` in the config."""

from typing import TYPE_CHECKING

from bot.contracts.registry import Registry

if TYPE_CHECKING:
    from bot.contracts.target import Target, TargetSettings, TargetTools

REGISTRY: "Registry[TargetSettings, TargetTools, Target]" = Registry(__name__, __path__, group="communique.targets")
kinds, settings_of, build = REGISTRY.kinds, REGISTRY.settings_of, REGISTRY.build
