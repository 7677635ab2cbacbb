"""What kinds there are of sources, targets or engines: their names, the config model of each, and how one is built."""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.contracts.engine import EngineSettings
    from bot.contracts.plug_ins import PlugIns
    from bot.contracts.source import SourceSettings
    from bot.contracts.target import TargetSettings

_Settings = TypeVar("_Settings", "SourceSettings", "TargetSettings", "EngineSettings")
_Tools = TypeVar("_Tools")
_Built = TypeVar("_Built")


class Registry(Generic[_Settings, _Tools, _Built]):
    """The kinds in one package: each is a module or a package in it, whose name is the `kind` in the config.

    A kind has a model `Settings` and a function `build(settings, tools)`. It is imported when it is first needed.
    Other packages may add kinds by entry points of the group `group`; None: they may not.
    """

    def __init__(self, package: str, path: Iterable[str], *, group: str | None = None) -> None:
        self._package = package
        self._path = path
        self._group = group

    @cache  # noqa: B019 - there are three registries, which last as long as the process
    def kinds(self) -> tuple[str, ...]:
        """Names of our own kinds, sorted."""
        return tuple(sorted(found.name for found in pkgutil.iter_modules(self._path) if found.name[0] != "_"))

    @cached_property
    def plug_ins(self) -> "PlugIns | None":
        """The kinds of other packages. Costs a look at every installed package, so it is asked for late."""
        if self._group is None:
            return None
        from bot.contracts.plug_ins import PlugIns

        return PlugIns(self._group, self.kinds())

    def met(self) -> tuple[str, ...]:
        """Our own kinds, and those of plug-ins that a config has named."""
        added: PlugIns | None = self.__dict__.get("plug_ins")  # never looked for only to say that
        return (*self.kinds(), *(added.met() if added else ()))

    def settings_of(self, kind: str) -> type[_Settings]:
        """The config model of one kind. Raises KeyError for an unknown kind."""
        if kind in self.kinds():
            settings: type[_Settings] = self._module(kind).Settings
            return settings
        if self.plug_ins is None:
            raise KeyError(kind)
        return self.plug_ins.settings_of(kind)

    def build(self, settings: _Settings, tools: _Tools) -> _Built:
        """The working source, target or engine behind a checked piece of config."""
        added = None if settings.kind in self.kinds() else self.plug_ins
        built: _Built = (added or self._module(settings.kind)).build(settings, tools)
        return built

    def find(self, kind: str, name: str) -> Any:
        """What else a kind has under this name; None where it has nothing."""
        if kind not in self.kinds() and self.plug_ins is not None:
            return self.plug_ins.find(kind, name)
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


@runtime_checkable
class BrokenPlugIn(Protocol):
    """What takes the place of a source or target whose plug-in cannot be used; the sentence says why."""

    plug_in_trouble: str


@dataclass(frozen=True, slots=True)
class Kinds:
    """Every kind that a config may name, for `bot.config`, which knows none by itself."""

    sources: "Registry[SourceSettings, Any, Any]"
    targets: "Registry[TargetSettings, Any, Any]"
    engines: "Registry[EngineSettings, Any, Any]"
