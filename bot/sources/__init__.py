"""One file or folder per platform; its name is the `kind` in the config."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bot.contracts.registry import Registry

if TYPE_CHECKING:
    from bot.contracts.source import Recognised, Source, SourceSettings, SourceTools

REGISTRY: "Registry[SourceSettings, SourceTools, Source]" = Registry(__name__, __path__, group="communique.sources")
kinds, settings_of, build = REGISTRY.kinds, REGISTRY.settings_of, REGISTRY.build


def recognise(address: str) -> "list[tuple[str, Recognised]]":
    """The kinds that may read this address, the surest first; nobody is asked."""
    return _ranked((kind, look(address)) for kind, look in _hooks("recognise"))


def recognise_page(html: str, address: str) -> "list[tuple[str, Recognised]]":
    """The kinds that may read what this page names, the surest first."""
    return _ranked((kind, one) for kind, look in _hooks("recognise_page") for one in look(html, address))


def _hooks(name: str) -> Iterator[tuple[str, Any]]:
    for kind in kinds():
        look = REGISTRY.find(kind, name)
        if look is not None:
            yield kind, look


def _ranked(found: "Iterator[tuple[str, Recognised | None]]") -> "list[tuple[str, Recognised]]":
    known = [(kind, one) for kind, one in found if one is not None]
    return sorted(known, key=lambda pair: pair[1].rank)
