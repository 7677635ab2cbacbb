"""What the tests of engines share: a folder to work in, media as the worker hands them over, and what is missing."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.contracts.engine import EngineTools, MediaFile
from storage.media.types import HEAD, sniff
from tests import speech_model, voice_notes


@pytest.fixture
def around(tmp_path: Path) -> EngineTools:
    """What an engine has in its child process, without network."""
    folder = tmp_path / "work"
    folder.mkdir()
    return EngineTools(folder)


@pytest.fixture
def media() -> Callable[..., MediaFile]:
    """A stored file as the worker hands it over: its type is found from its bytes, whatever its name."""

    def made(path: Path, kind: Any = "voice", **fields: Any) -> MediaFile:
        with path.open("rb") as file:
            mime = fields.pop("mime", None) or sniff(file.read(HEAD))
        return MediaFile(path, kind, mime, path.stat().st_size, **fields)

    return made


@pytest.fixture
def pillow() -> None:
    """Left out without Pillow."""
    if importlib.util.find_spec("PIL") is None:
        pytest.skip("Pillow is missing; make setup-media brings it")


@pytest.fixture
def tesseract(fonts: None) -> None:
    """Left out without the program or what pages are drawn with."""
    if shutil.which("tesseract") is None:
        pytest.skip("the program tesseract is missing; make setup-media brings it")


@pytest.fixture
def fonts(pillow: None) -> None:
    """Left out where no page can be drawn."""
    from tests.statement_pictures import FONTS, font_file

    absent = [name for names in FONTS.values() for name in names if font_file(name) is None]
    if absent:
        pytest.skip(f"the font {absent[0]} is missing; make setup-media brings it")


@pytest.fixture
def ffmpeg() -> None:
    """Left out without the program."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("the program ffmpeg is missing; make setup-media brings it")


@pytest.fixture
def voice() -> None:
    """Left out where nothing can be spoken."""
    if absent := voice_notes.missing():
        pytest.skip(absent)


@pytest.fixture
def weights(voice: None) -> Path:
    """The directory of the test model; left out where it was not fetched or faster-whisper is missing."""
    if importlib.util.find_spec("faster_whisper") is None:
        pytest.skip("faster-whisper is missing; make setup-media brings it")
    found = speech_model.found()
    if found is None:
        pytest.skip(speech_model.MISSING)
    return found
