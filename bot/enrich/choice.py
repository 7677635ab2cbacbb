"""PURE: which engines read a file, by the scope and the kinds that each has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.contracts.engine import Engine, EngineTools, Made
from bot.enrich.engines import build
from storage.media.types import PICTURES
from storage.records import MediaKind

if TYPE_CHECKING:
    from bot.config import Config


@dataclass(frozen=True, slots=True)
class Choice:
    """The engines of a config in their order, and by name of each source its tags and its languages."""

    engines: Sequence[Engine]
    tags: Mapping[str, Sequence[str]]
    languages: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, config: "Config") -> Self:
        """The choice that a checked config makes. Its engines only answer for themselves: each reads in a child."""
        nowhere = EngineTools(Path("/nonexistent"))
        return cls(
            tuple(build(settings, nowhere) for settings in config.engines),
            {source.name: source.tags for source in config.sources},
            {source.name: source.languages for source in config.sources},
        )

    def readers(self, source: str, kind: MediaKind, mime: str) -> dict[Made, Engine]:
        """The engine for each kind of text that is to be made of a file: the first in the config that is meant for it.

        A picture that was sent as a document is a picture.
        """
        found: dict[Made, Engine] = {}
        seen: MediaKind = "photo" if kind == "document" and mime in PICTURES else kind
        for engine in self.engines:
            if seen in engine.reads and self._in_scope(engine, source):
                found.setdefault(engine.makes, engine)
        return found

    def translator(self, source: str) -> Engine | None:
        """The engine that translates the words of a source: the first whose scope holds it."""
        return next((one for one in self.engines if one.makes == "translation" and self._in_scope(one, source)), None)

    def version(self, engine: Engine, source: str) -> str:
        """Name the engine as it is configured for a source: another version may read what this one gave up."""
        said = engine.settings.model_dump_json(exclude={"name", "sources", "tags"})
        spoken = ",".join(self.languages.get(source, ()))
        return f"{engine.settings.name} {sha256(f'{said} {spoken}'.encode()).hexdigest()[:12]}"

    def served(self, made: Made, resting: Iterable[str]) -> list[str] | None:
        """Names of the sources for which an engine makes such text that is not among these; None: for all."""
        makers = [engine for engine in self.engines if engine.makes == made]
        awake = [engine for engine in makers if engine.settings.name not in set(resting)]
        if len(awake) == len(makers):
            return None
        return [name for name in self.tags if any(self._in_scope(engine, name) for engine in awake)]

    def _in_scope(self, engine: Engine, source: str) -> bool:
        return engine.settings.covers(source, self.tags.get(source, ()))
