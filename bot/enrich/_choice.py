"""PURE: which engines read a file, by the scope and the kinds that each has."""

from collections.abc import Iterable, Sequence

from bot.enrich._contract import Engine, Made
from storage.mime import PICTURES
from storage.records import MediaKind


def chosen(
    engines: Sequence[Engine], source: str, tags: Iterable[str], kind: MediaKind, mime: str
) -> dict[Made, Engine]:
    """The engine for each kind of text that is to be made: the first in the config whose scope holds the source.

    A picture that was sent as a document is a picture.
    """
    known = frozenset(tags)
    found: dict[Made, Engine] = {}
    seen: MediaKind = "photo" if kind == "document" and mime in PICTURES else kind
    for engine in engines:
        scope = engine.settings
        everywhere = not scope.sources and not scope.tags
        if seen in engine.reads and (everywhere or source in scope.sources or known & set(scope.tags)):
            found.setdefault(engine.makes, engine)
    return found
