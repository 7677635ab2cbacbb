"""Packages whose names are imported when they are asked for: reading a config takes the settings of a kind alone."""

import importlib
from collections.abc import Callable


def lazily(package: str, **modules: str) -> Callable[[str], object]:
    """A `__getattr__` for a package: by its modules, the names in each, parted by spaces."""
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(name)
        return getattr(importlib.import_module(homes[name]), name)

    return find
