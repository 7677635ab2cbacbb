"""What an engine is: how it is configured, what it reads and gives back, within which bounds, what it may raise."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from bot.clock import MINUTE
from bot.contracts.settings import Duration, Name, Settings
from bot.errors import Later, Never
from bot.http.values import HttpRules
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
    "Unfit",
]

Made = Literal["transcript", "ocr", "translation"]  # the kind of text, which is also the kind of the job
MB = 1 << 20


class EngineSettings(Settings):
    """The keys that every `[[engines]]` entry may have; each kind adds its own."""

    translates: ClassVar[bool] = False  # True: it is given words, not files

    name: Name
    kind: str
    sources: tuple[Name, ...] = ()  # with `tags` its scope: none of both is everywhere
    tags: tuple[Name, ...] = ()
    longest: Duration = 30 * MINUTE  # a longer recording is not read

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()

    def covers(self, source: str, tags: Iterable[str]) -> bool:
        """Whether the source is in the scope of this engine; one that names no scope is for all sources."""
        everywhere = not self.sources and not self.tags
        return everywhere or source in self.sources or not set(self.tags).isdisjoint(tags)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One stored file, read-only. `mime` is what its bytes show; `duration_s` is the source's claim.

    `languages` are those of its source, best first; `hotwords` the Latin words that the rules look for.
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

    `language` is an ISO 639 code, None where the engine cannot tell; `confidence` lies in 0..1. `unreliable` text is
    kept and found, marked, and never alerts by itself. `segments` place the text in the recording.
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
    """What one job may use, which the kernel keeps: wall and processor seconds, bytes of memory, bytes written.

    `memory` is address space, so a library that maps much needs more than it uses. `processes` counts threads too.
    """

    seconds: float
    cpu_s: int
    memory: int = 2048 * MB
    written: int = 256 * MB
    processes: int = 64


@dataclass(frozen=True, slots=True)
class EngineTools:
    """What an engine may use inside its child process.

    `temporary` is a private directory that is removed after the job. `http` is None for an engine that is not remote:
    then there is no network either; a remote one makes its `bot.http.Http` of these rules, and nothing else speaks.
    """

    temporary: Path
    http: HttpRules | None = None


class Unfit(Never):
    """This one file cannot be read and no retry helps: too long, no sound in it, not a picture. The engine is well."""


class Engine(Protocol):
    """Something that makes text of a file. Building one is cheap: heavy imports stay inside `read`.

    `ready` and `bounds` are called in the daemon; `read` only in a child process of its own, with nothing but the
    file, the temporary directory and, if `remote`, the network. All raise only `Later` (the remote side is down or
    busy: nothing counts as failed), `Never` (a person must act: a model is missing, a key is refused; every job of
    this engine waits) and `Unfit` (this file). Anything else counts as a failure of the job; the third gives it up.
    """

    settings: EngineSettings
    makes: Made
    reads: frozenset[MediaKind]
    remote: bool

    def ready(self) -> None:
        """Raise Never with the one sentence that `doctor` shows where a package, program or model is missing."""
        ...

    def bounds(self, media: MediaFile) -> Bounds:
        """What reading this file may cost at most."""
        ...

    def read(self, media: MediaFile) -> EnrichResult:
        """Read it. Sync: a remote engine runs its own loop."""
        ...
