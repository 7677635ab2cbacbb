"""What kinds there are of sources, targets or engines: their names, the config model of each, and how one is built."""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.contracts.engine import EngineSettings
    from bot.contracts.source import SourceSettings
    from bot.contracts.target import TargetSettings

_Settings = TypeVar("_Settings", "SourceSettings", "TargetSettings", "EngineSettings")
_Tools = TypeVar("_Tools")
_Built = TypeVar("_Built")


class Registry(Generic[_Settings, _Tools, _Built]):
    """The kinds in one package: each is a module or a package in it, whose name is the `kind` in the config.

    A kind has a model `Settings` and a function `build(settings, tools)`. It is imported when it is first needed.
    """

    def __init__(self, package: str, path: Iterable[str]) -> None:
        self._package = package
        self._path = path

    @cache  # noqa: B019 - there are three registries, which last as long as the process
    def kinds(self) -> tuple[str, ...]:
        """Names of all kinds, sorted."""
        return tuple(sorted(found.name for found in pkgutil.iter_modules(self._path) if found.name[0] != "_"))

    def settings_of(self, kind: str) -> type[_Settings]:
        """The config model of one kind. Raises KeyError for an unknown kind."""
        if kind not in self.kinds():
            raise KeyError(kind)
        settings: type[_Settings] = self._module(kind).Settings
        return settings

    def build(self, settings: _Settings, tools: _Tools) -> _Built:
        """The working source, target or engine behind a checked piece of config."""
        built: _Built = self._module(settings.kind).build(settings, tools)
        return built

    def find(self, kind: str, name: str) -> Any:
        """What else a kind has under this name; None where it has nothing."""
        return getattr(self._module(kind), name, None)

    def outline_of(self, kind: str) -> Any:
        """What a kind says of its entries before they are checked, without importing the rest of it.

        This is its module `outline`, which must be cheap to import; None where it has none, as most kinds.
        """
        if any((Path(folder) / kind / "outline.py").is_file() for folder in self._path):
            return importlib.import_module(f"{self._package}.{kind}.outline")
        return None

    def _module(self, kind: str) -> Any:
        return importlib.import_module(f"{self._package}.{kind}")


@dataclass(frozen=True, slots=True)
class Kinds:
    """Every kind that a config may name, for `bot.config`, which knows none by itself."""

    sources: "Registry[SourceSettings, Any, Any]"
    targets: "Registry[TargetSettings, Any, Any]"
    engines: "Registry[EngineSettings, Any, Any]"
