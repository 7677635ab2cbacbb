"""Kinds that other packages add by entry points: loaded when a config names them, replaced where they break."""

import traceback
from collections.abc import Collection
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from bot.contracts.broken import REMEDY, SHAPES
from bot.contracts.contained import contain

_FAULTS = (Exception, SystemExit)  # whatever the code of others raises, it stops that plug-in alone


class PlugIns:
    """The plug-ins of one group; each is loaded at most once in a process. `troubles` is why some cannot be used."""

    def __init__(self, group: str, built_in: Collection[str]) -> None:
        self.troubles: dict[str, str] = {}
        self._group = group
        self._shape = SHAPES[group]
        self._built_in = built_in
        self._models: dict[str, type[Any]] = {}
        self._modules: dict[str, Any] = {}

    @cached_property
    def entries(self) -> tuple[EntryPoint, ...]:
        """What is installed, by kind; nothing is imported."""
        return tuple(sorted(entry_points(group=self._group), key=lambda one: (one.name, one.value)))

    def kinds(self) -> list[str]:
        """The kinds that are installed and not our own."""
        return sorted({one.name for one in self.entries} - set(self._built_in))

    def met(self) -> list[str]:
        """The kinds that were asked for, also those that cannot be used."""
        return sorted(self._models)

    def refusal(self, kind: str) -> str | None:
        """Why no package may have this kind, whatever is in it."""
        if kind in self._built_in:
            return f'the program itself has the kind "{kind}": rename the entry point'
        packages = [name_package(one) for one in self.entries if one.name == kind]
        if len(packages) > 1:
            return f'{" and ".join(packages)} both add the kind "{kind}": remove one of them'
        return None

    def settings_of(self, kind: str) -> type[Any]:
        """The config model of a kind; of one that cannot be used a model that takes every key. Raises KeyError."""
        if kind not in self._models:
            entry = next((one for one in self.entries if one.name == kind), None)
            if entry is None:
                raise KeyError(kind)
            self._models[kind] = self._load(entry)
        return self._models[kind]

    def trouble_of(self, model: type[Any]) -> str:
        """Why this model takes the place of a plug-in's; "" where it is the plug-in's own."""
        return str(getattr(model, "plug_in_trouble", "")) if issubclass(model, self._shape.broken) else ""

    def find(self, kind: str, name: str) -> Any:
        """What else a loaded plug-in has under this name."""
        return getattr(self._modules.get(kind), name, None)

    def try_out(self, settings: Any) -> None:
        """Ask an entry what it will be asked later, so that a bug in its answers shows now."""
        list(settings.addresses())
        for name in self._shape.methods:
            getattr(settings, name)()

    def replace(self, kind: str, wrong: str | BaseException) -> type[Any]:
        """Say that a plug-in is broken; the model that takes the place of its own."""
        entry = next(one for one in self.entries if one.name == kind)
        reason = " ".join((_where(wrong) if isinstance(wrong, BaseException) else wrong).split())
        package = f'the plug-in {name_package(entry)} (kind "{kind}", {entry.value})'
        self.troubles[kind] = f"{package} cannot be used: {reason}; {REMEDY}"
        broken = {"plug_in_trouble": self.troubles[kind], "__module__": __name__}
        return type("Settings", (self._shape.broken,), broken)

    def build(self, settings: Any, tools: Any) -> Any:
        """The working source or target, or what takes its place."""
        if not isinstance(settings, self._shape.broken):
            try:
                built = self._modules[settings.kind].build(settings, tools)
                missing = [name for name in self._shape.members if not hasattr(built, name)]
                if not missing:
                    contain(type(built))
                    return built
                model = self.replace(settings.kind, f"what `build` returns has no {', '.join(missing)}")
            except _FAULTS as error:
                model = self.replace(settings.kind, error)
            keys = {key: getattr(settings, key) for key in self._shape.settings.model_fields}
            settings = model.model_construct(**keys)
        return self._shape.make(settings, self.trouble_of(type(settings)), tools)

    def _load(self, entry: EntryPoint) -> type[Any]:
        wrong = self.refusal(entry.name)
        if wrong is None:
            try:
                module = entry.load()
                wrong = self._find_fault(entry.name, module)
            except _FAULTS as error:
                wrong = f"{type(error).__name__}: {error}"
        if wrong is not None:
            return self.replace(entry.name, wrong)
        self._modules[entry.name] = module
        model: type[Any] = module.Settings
        return model

    def _find_fault(self, kind: str, module: Any) -> str | None:
        model = getattr(module, "Settings", None)
        if not isinstance(model, type) or not issubclass(model, self._shape.settings):
            return f"it has no class `Settings` made from `{self._shape.settings.__name__}`"
        allowed = get_args(model.model_fields["kind"].annotation)
        if allowed and kind not in allowed:
            return f"its `Settings` allows only the kind {', '.join(map(repr, allowed))}"
        if not callable(getattr(module, "build", None)):
            return "it has no function `build`"
        model.model_json_schema(mode="serialization")  # `config schema` needs it; raises where there is none
        return None


def name_package(entry: EntryPoint) -> str:
    """The package behind an entry point with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module


def _where(error: BaseException) -> str:
    """The kind of an exception and where it was raised: its words may hold a value of the config."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.name}, line {last.lineno}"
