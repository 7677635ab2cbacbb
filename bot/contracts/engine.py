"""What an engine is: how it is configured, what it reads and returns, its limits, what it may raise."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from bot.clock import MINUTE
from bot.contracts.settings import Duration, Name, SecretFile, Settings
from bot.errors import Later, Never
from bot.http.values import HttpRules
from storage.frozen import dataclass
from storage.records import MediaKind, Segment

__all__ = [
    "Bounds",
    "Engine",
    "EngineSettings",
    "EngineTools",
    "EnrichResult",
    "Later",
    "Made",
    "MediaFile",
    "Never",
    "Segment",
    "Unfinished",
    "Unfit",
]

Made = Literal["transcript", "ocr", "translation"]  # the kind of text, which is also the kind of the job
MB = 1 << 20


class EngineSettings(Settings):
    """The keys that every `[[engines]]` entry may have; each kind adds its own."""

    translates: ClassVar[bool] = False  # True: it is given words, not files
    weak_languages: ClassVar[frozenset[str]] = frozenset()  # ISO 639 codes for which its usual models are useless

    name: Name
    kind: str
    sources: tuple[Name, ...] = ()  # with `tags` its scope; without both, every source
    tags: tuple[Name, ...] = ()
    longest: Duration = 30 * MINUTE  # longer recordings are not read

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()

    def covers(self, source: str, tags: Iterable[str]) -> bool:
        """Whether the source is in the scope of this engine; one that names no scope is for all sources."""
        everywhere = not self.sources and not self.tags
        return everywhere or source in self.sources or not set(self.tags).isdisjoint(tags)

    def readable(self) -> tuple[Path, ...]:
        """Files and folders besides those of the system that it has to read: every path in its settings."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return tuple(
            one.path if isinstance(one, SecretFile) else one for one in values if isinstance(one, Path | SecretFile)
        )

    def mentioned(self) -> tuple[Path, ...]:
        """Paths that it may have to read as well, unless they lead to the archive, the config or a secret."""
        return ()

    def wants_translated(self, language: str) -> bool:
        """Whether words in this language (ISO 639, "und" if unknown) are to be given to it."""
        del language
        return False

    def missing_packages(self, languages: Collection[str]) -> tuple[str, ...]:
        """Debian packages that it needs for these languages and that are not installed."""
        del languages
        return ()


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One stored file, read-only. `mime` is found from its bytes; `duration_s` is what the source says.

    `languages` are those of its source, most used first; `hotwords` the Latin words that the rules look for.
    """

    path: Path
    kind: MediaKind
    mime: str
    size: int
    duration_s: float | None = None
    languages: tuple[str, ...] = ()
    hotwords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnrichResult:
    """The words of one file; an empty `text` means that there are none.

    `language` is an ISO 639 code, None if the engine does not know; `confidence` is in 0..1. `unreliable` text is
    stored, marked and found, but never alerts by itself. `segments` give the place of the text in the recording.
    """

    text: str
    language: str | None
    confidence: float | None
    engine: str
    model: str
    unreliable: bool = False
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one job: seconds of processor time, bytes of memory, bytes written, processes.

    All processes of the job count together. `memory` is address space: a library that maps much needs more than it
    uses. `processes` counts threads too. `waits_s` is how long it may wait for a server.
    """

    cpu_s: int
    waits_s: float = 0.0
    memory: int = 2048 * MB
    written: int = 256 * MB
    processes: int = 64

    @property
    def clock_s(self) -> float:
        """How long it may take on the clock, on a busy machine too. When that is over, nothing is said of the file."""
        return 5 * self.cpu_s + self.waits_s + 30


@dataclass(frozen=True, slots=True)
class EngineTools:
    """What an engine may use inside its child process.

    `temporary` is a private directory that is removed after the job. `http` is None for an engine that is not remote,
    which has no network either; a remote one builds its `bot.http.Http` from these rules and uses nothing else.
    """

    temporary: Path
    http: HttpRules | None = None


class Unfit(Never):
    """This one file cannot be read and no retry helps: too long, no sound, not a picture. The engine itself works."""


class Unfinished(Later):
    """The file was not read in the time that it had on the clock: the machine is busy, or the engine hangs.

    Only the sandbox raises it. The file is tried again by itself, and the engine continues with others.
    """


class Engine(Protocol):
    """Something that makes text from a file. Building one is cheap: heavy imports stay inside `read`.

    `ready` and `bounds` are called in the daemon; `read` only in a child process, with nothing but the file, the
    temporary directory and, if `remote`, the network. All raise only `Later` (the remote side is down or busy: not a
    failure), `Never` (a person must act: a model is missing, a key is refused; every job of this engine waits) and
    `Unfit` (this file). Anything else counts as a failure of the job; after the third the job is given up.
    """

    settings: EngineSettings
    makes: Made
    reads: frozenset[MediaKind]
    remote: bool

    def ready(self) -> None:
        """Raise Never with the sentence that `doctor` shows if a package, program or model is missing."""
        ...

    def bounds(self, media: MediaFile) -> Bounds:
        """The limits for reading this file."""
        ...

    def read(self, media: MediaFile) -> EnrichResult:
        """Read the file. Not async: a remote engine runs an event loop of its own."""
        ...
