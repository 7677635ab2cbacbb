"""Which engines read a file, and which files are read in the background."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.contracts.engine import Engine, EngineTools, Made
from bot.enrich.engines import build
from storage.frozen import dataclass
from storage.jobs import NewJob
from storage.media.stored import StoredMedia
from storage.media.types import PICTURES
from storage.records import DueMedia, MediaKind

if TYPE_CHECKING:
    from bot.config import Config

LONG_S = 300  # a longer recording is read in the background


@dataclass(frozen=True, slots=True)
class Choice:
    """The engines in the order of the config, and by source name its tags and its languages."""

    engines: Sequence[Engine]
    tags: Mapping[str, Sequence[str]]
    languages: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, config: "Config") -> Self:
        """Built from a checked config. These engines never read: each job builds its own in a child process."""
        nowhere = EngineTools(Path("/nonexistent"))
        return cls(
            tuple(build(settings, nowhere) for settings in config.engines),
            {source.name: source.tags for source in config.sources},
            {source.name: source.languages for source in config.sources},
        )

    def readers(self, source: str, kind: MediaKind, mime: str) -> dict[Made, Engine]:
        """The engine for each kind of text that can be made from a file: the first in the config with it in its scope.

        A picture that was sent as a document counts as a picture.
        """
        found: dict[Made, Engine] = {}
        seen: MediaKind = "photo" if kind == "document" and mime in PICTURES else kind
        for engine in self.engines:
            if seen in engine.reads and self._in_scope(engine, source):
                found.setdefault(engine.makes, engine)
        return found

    def translator(self, source: str) -> Engine | None:
        """The engine that translates texts of a source: the first with it in its scope."""
        return next((one for one in self.engines if one.makes == "translation" and self._in_scope(one, source)), None)

    def version(self, engine: Engine, source: str) -> str:
        """The engine's name and a hash of its settings for a source: another version may read what this one gave up."""
        settings = engine.settings.model_dump_json(exclude={"name", "sources", "tags"})
        languages = ",".join(self.languages.get(source, ()))
        return f"{engine.settings.name} {sha256(f'{settings} {languages}'.encode()).hexdigest()[:12]}"

    def served(self, made: Made, paused: Iterable[str]) -> list[str] | None:
        """Names of the sources for which an engine that is not `paused` makes such text; None if no engine is."""
        makers = [engine for engine in self.engines if engine.makes == made]
        active = [engine for engine in makers if engine.settings.name not in set(paused)]
        if len(active) == len(makers):
            return None
        return [name for name in self.tags if any(self._in_scope(engine, name) for engine in active)]

    def _in_scope(self, engine: Engine, source: str) -> bool:
        return engine.settings.covers(source, self.tags.get(source, ()))


def reading_jobs(choice: Choice, file: DueMedia | StoredMedia, mime: str, now: int) -> list[NewJob]:
    """The jobs for a file whose bytes are `mime`. Old files, history and long recordings are read in the background."""
    fresh = isinstance(file, DueMedia) and file.alerts
    background = not fresh or (file.duration_s or 0) > LONG_S
    return [
        NewJob(made, file.post_id, now, str(file.id), background)
        for made in choice.readers(file.source, file.kind, mime)
    ]
