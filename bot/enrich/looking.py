"""Looks at pictures, so that copies of them are found: in the sandbox of the engines, within less time and memory."""

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from bot.contracts.engine import MB, Bounds, EngineSettings, EnrichResult, Made, MediaFile
from bot.enrich.image import open_page
from bot.enrich.sandbox.run import Failed, Sandbox
from bot.errors import Later, Never
from bot.events.pictures import CUTS, SIDE, describe
from storage.media.types import PICTURES
from storage.records import MediaKind

if TYPE_CHECKING:
    from PIL.Image import Image

_LARGEST = 1_280  # pixels: what is larger is made smaller first
_WIDTHS = (960, 640, 320, 160)  # so that small letters and large ones are found alike
_CELL = 12  # pixels of a square that is judged by itself
_STRONG, _FLAT = 36, 8  # steps of grey from one pixel to the next: the edge of a letter, the ground around it
_STRONG_PART, _FLAT_PART = 0.11, 0.25  # of a square that letters are in
_IN_A_ROW = 4  # such squares beside each other are a line of letters
_CORNER = (0.34, 0.16)  # of width and height: a channel's mark in a corner says nothing


class LookSettings(EngineSettings):
    """No config names this engine."""

    name: str = "pictures"
    kind: str = "pictures"


class PictureLook:
    """An engine whose "words" are what a picture looks like."""

    def __init__(self) -> None:
        self.settings: EngineSettings = LookSettings()
        self.makes: Made = "ocr"
        self.reads: frozenset[MediaKind] = frozenset({"photo"})
        self.remote = False

    def ready(self) -> None:
        """Raise nothing: without Pillow nobody looks."""

    def bounds(self, media: MediaFile) -> Bounds:
        """Little: what needs more is not looked at."""
        del media
        return Bounds(cpu_s=20, memory=1024 * MB, written=1 * MB, processes=8)

    def read(self, media: MediaFile) -> EnrichResult:
        """Describe the picture; an empty text for one that shows too little."""
        from PIL import Image

        page = open_page(media, _LARGEST).convert("L")
        squares = [
            page.resize(
                (SIDE, SIDE),
                Image.Resampling.BOX,
                box=(left * page.width, top * page.height, (1 - right) * page.width, (1 - low) * page.height),
            ).tobytes()
            for left, top, right, low in CUTS
        ]
        return EnrichResult(describe(squares, words=holds_words(page)) or "", None, None, "pictures", "")


def holds_words(page: "Image") -> bool:
    """Whether something in a grey picture looks like a line of letters, at any size, but in a corner."""
    return any(_has_line(page, width) for width in _WIDTHS if width <= page.width * 1.2)


def _has_line(page: "Image", width: int) -> bool:
    from PIL import Image, ImageChops

    height = max(round(page.height * width / page.width), 2)
    small = page.resize((width, height), Image.Resampling.BOX if page.width >= width else Image.Resampling.BICUBIC)
    steps = ImageChops.difference(small.crop((0, 0, width - 1, height)), small.crop((1, 0, width, height)))
    columns, rows = max(width // _CELL, 1), max(height // _CELL, 1)
    strong, flat = (
        steps.point(look).resize((columns, rows), Image.Resampling.BOX).tobytes()
        for look in (
            [255 * (step > _STRONG) for step in range(256)],
            [255 * (step < _FLAT) for step in range(256)],
        )
    )
    letters = [one >= 255 * _STRONG_PART and other >= 255 * _FLAT_PART for one, other in zip(strong, flat, strict=True)]
    return any(_is_line(letters[row * columns : (row + 1) * columns], (row + 0.5) / rows) for row in range(rows))


def _is_line(letters: list[bool], height: float) -> bool:
    side = _CORNER[0] * len(letters) if min(height, 1 - height) < _CORNER[1] else 0
    run = 0
    for place, found in enumerate([*letters, False]):
        if not found and run >= _IN_A_ROW and place > side and place - run < len(letters) - side:
            return True
        run = run + 1 if found else 0
    return False


def can_look() -> bool:
    """Whether Pillow is installed: without it only equal bytes are the same picture."""
    return importlib.util.find_spec("PIL") is not None


class Looker:
    """Looks at one picture at a time, so that several large ones at once do not fill the memory."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._one = asyncio.Lock()
        self._look = PictureLook()

    async def look(self, path: Path, mime: str, size: int) -> str | None:
        """What a stored picture looks like; None if it is none, cannot be opened, or needs too much."""
        if mime not in PICTURES or not can_look():
            return None
        try:
            async with self._one:
                found = await self._sandbox.run(self._look, MediaFile(path, "photo", mime, size), as_it_is=True)
        except (Later, Never, Failed):
            return None
        return found.text or None
