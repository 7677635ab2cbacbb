"""Runs a program of your own that prints the words of a file: limited, without network, and with few files."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Literal

from bot.clock import MINUTE, SECOND
from bot.contracts.engine import (
    Bounds,
    EngineSettings,
    EngineTools,
    EnrichResult,
    Made,
    MediaFile,
    Never,
    Segment,
)
from bot.contracts.settings import ConfigPath, Duration, Size
from bot.enrich.sandbox.command import read_output
from bot.system_files import program_parts
from storage.records import MediaKind

_READS: dict[Made, tuple[MediaKind, ...]] = {"transcript": ("voice", "audio", "round", "video"), "ocr": ("photo",)}
_MOST = 4 << 20
_PATHS = re.compile(r"(?:^|(?<=[\s=:,'\"]))/[^\s=:,'\"|&;<>]+")
_LONGEST_LINE = 256


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "program".

    `{file}` in an argument is the path of the file, `{languages}` the source's languages, separated by commas. The
    program prints plain text, or one JSON object with `text` and optionally `language`, `confidence`, `unreliable` and
    `segments` (`start_s`, `end_s`, `text`). It runs in an empty folder, which is also its home, and can write only
    there. Besides the system it can read the file, itself, the paths in its arguments, and what is in `may_read`.
    """

    kind: Literal["program"]
    program: tuple[str, ...]
    makes: Made = "transcript"
    timeout: Duration = 20 * MINUTE  # of processor time
    memory: Size = 2 << 30
    may_read: tuple[ConfigPath, ...] = ()

    def readable(self) -> tuple[Path, ...]:
        return self.may_read

    def mentioned(self) -> tuple[Path, ...]:
        """Itself, its interpreter, and the absolute paths in its arguments."""
        program = shutil.which(self.program[0]) if self.program else None
        found = [Path(path) for word in self.program[1:] for path in _PATHS.findall(word)]
        if program is not None:
            found += [Path(program), *_interpreter(Path(program))]
        return tuple(part for path in found for part in program_parts(path))


def _interpreter(program: Path) -> list[Path]:
    """What runs a script, by its first line."""
    try:
        with program.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except OSError:
        return []
    words = line.removeprefix(b"#!").split() if line.startswith(b"#!") else []
    return [Path(os.fsdecode(words[0]))] if words else []


class Program:
    """One program, started for each file."""

    remote = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.makes = settings.makes
        self.reads = frozenset(_READS[settings.makes])

    def ready(self) -> None:
        name = self.settings.program[0] if self.settings.program else ""
        if shutil.which(name) is None:
            raise Never(f"the program {name!r} of engine {self.settings.name} is missing", remedy="install it")

    def bounds(self, media: MediaFile) -> Bounds:
        del media  # the limits of an unknown program are the same for every file
        return Bounds(cpu_s=math.ceil(self.settings.timeout / SECOND), memory=self.settings.memory)

    def read(self, media: MediaFile) -> EnrichResult:
        words = [
            word.replace("{file}", str(media.path)).replace("{languages}", ",".join(media.languages))
            for word in self.settings.program
        ]
        try:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  the user's own program
        except PermissionError:  # of it or its interpreter
            raise Never(f"the program {words[0]} cannot be run here", remedy="name its folder in may_read") from None
        with child:
            printed, _ = read_output(child, _MOST)
            if len(printed) > _MOST:
                child.kill()
                raise ValueError(f"the program printed more than {_MOST >> 20} MB")
        if child.returncode == -signal.SIGXCPU:
            raise RuntimeError("the program exceeded its processor time")
        if child.returncode:
            raise RuntimeError(f"the program ended with exit code {child.returncode}")
        return self._result(printed.decode("utf-8", "replace").strip())

    def _result(self, printed: str) -> EnrichResult:
        try:
            found = json.loads(printed) if printed.startswith("{") else None
        except ValueError:
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("text"), str):
            return EnrichResult(printed, None, None, self.settings.name, self.settings.program[0])
        confidence, language = found.get("confidence"), found.get("language")
        return EnrichResult(
            found["text"],
            language if isinstance(language, str) else None,
            float(confidence) if isinstance(confidence, int | float) else None,
            self.settings.name,
            str(found.get("model") or self.settings.program[0]),
            unreliable=found.get("unreliable") is True,
            segments=_segments(found["text"], found.get("segments")),
        )


def _segments(text: str, printed: Any) -> tuple[Segment, ...]:
    """Segments in the order of the text; one whose words are not in it is left out."""
    found: list[Segment] = []
    at = 0
    for piece in printed if isinstance(printed, list) else ():
        words = str(piece.get("text", "")).strip() if isinstance(piece, dict) else ""
        start = text.find(words, at) if words else -1
        if start >= 0:
            at = start + len(words)
            found.append(Segment(float(piece.get("start_s", 0)), float(piece.get("end_s", 0)), start, at))
    return tuple(found)


def build(settings: Settings, _: EngineTools) -> Program:
    """Make the engine behind a checked `[[engines]]` entry."""
    return Program(settings)
