"""PURE: which engines read a file, by the scope and the kinds that each has."""

from collections.abc import Iterable, Sequence

from bot.enrich._contract import Engine, EngineSettings, Made
from storage.mime import PICTURES
from storage.records import MediaKind


def chosen(
    engines: Sequence[Engine], source: str, tags: Iterable[str], kind: MediaKind, mime: str
) -> dict[Made, Engine]:
    """The engine for each kind of text that is to be made: the first in the config whose scope holds the source.

    A picture that was sent as a document is a picture.
    """
    found: dict[Made, Engine] = {}
    seen: MediaKind = "photo" if kind == "document" and mime in PICTURES else kind
    for engine in engines:
        if seen in engine.reads and in_scope(engine.settings, source, tags):
            found.setdefault(engine.makes, engine)
    return found


def translator(engines: Sequence[Engine], source: str, tags: Iterable[str]) -> Engine | None:
    """The engine that translates the words of a source: the first whose scope holds it."""
    makers = (engine for engine in engines if engine.makes == "translation")
    return next((engine for engine in makers if in_scope(engine.settings, source, tags)), None)


def in_scope(scope: EngineSettings, source: str, tags: Iterable[str]) -> bool:
    """Whether an engine of these settings is meant for a source; one that names no scope is for all."""
    everywhere = not scope.sources and not scope.tags
    return everywhere or source in scope.sources or not set(scope.tags).isdisjoint(tags)
