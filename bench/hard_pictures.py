"""Pictures as they really arrive, read by Tesseract alone and by the engine: turned, skewed, sealed, photographed.

A keyword counts if the query language would find it. `alone` is the program with its own layout and the same language
data; `engine` is what the archive gets. The goal: more than five of six keywords, and no picture worse than alone.
"""

import argparse
import random
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.ocr import keywords
from storage.media.types import HEAD, sniff
from tests.statements import BURMESE, CHINESE, ENGLISH, THAI, Statement

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_FOUND = 5 / 6
SANS, SERIF, PADAUK = (
    "noto/NotoSansMyanmar-Regular.ttf",
    "noto/NotoSerifMyanmar-Regular.ttf",
    "padauk/Padauk-Regular.ttf",
)
PACKS = {"my": "mya+eng", "en": "eng", "zh": "chi_sim+eng", "th": "tha+eng"}


@dataclass(frozen=True, slots=True)
class Case:
    """One picture: what is on it, in which font, and what happened to it."""

    statement: Statement
    effect: str
    font: str | None = None

    @property
    def name(self) -> str:
        font = f" {Path(self.font).stem.partition('-')[0].removeprefix('Noto')}" if self.font else ""
        return f"{self.statement.language}{font} {self.effect}"


_FAR = ("turned 90", "turned 180", "seal", "phone", "watermark", "skew 6", "columns")
CASES = (
    *(Case(BURMESE, effect, SANS) for effect in _FAR),
    *(Case(BURMESE, effect, SERIF) for effect in ("plain", "turned 270", "shadow", "low contrast", "seal", "jpeg")),
    *(Case(BURMESE, effect, PADAUK) for effect in ("plain", "stamps", "phone", "skew -5")),
    *(Case(ENGLISH, effect) for effect in _FAR),
    *(Case(ENGLISH, effect) for effect in ("shadow", "red ink", "blue card", "stamps", "turned 270 phone")),
    *(Case(CHINESE, effect) for effect in ("turned 90", "seal", "phone", "columns", "low contrast", "red ink")),
    *(Case(THAI, effect) for effect in ("turned 180", "seal", "phone", "skew 6", "watermark")),
)  # fmt: skip


def draw(case: Case) -> "Image":
    """The picture in colour."""
    from tests import statement_pictures as pictures

    if case.effect == "columns":
        lines = case.statement.text.splitlines()
        halves = ("\n".join(lines[: len(lines) // 2]), "\n".join(lines[len(lines) // 2 :]))
        return _beside([pictures.page(half, case.statement.language, font=case.font, points=11) for half in halves])
    page = pictures.page(case.statement.text, case.statement.language, font=case.font).convert("RGB")
    for effect, change in _EFFECTS.items():
        if effect in case.effect:
            page = change(page)
    return page


def _beside(pages: "Sequence[Image]") -> "Image":
    from PIL import Image

    whole = Image.new("RGB", (sum(page.width for page in pages), max(page.height for page in pages)), "white")
    left = 0
    for page in pages:
        whole.paste(page, (left, 0))
        left += page.width
    return whole


def _seal(
    page: "Image", *, ink: tuple[int, int, int] = (205, 30, 40), place: tuple[float, float] = (0.45, 0.55)
) -> "Image":
    """A round seal over the words, as ink mixes: what is black stays black."""
    from PIL import Image, ImageChops, ImageDraw

    size = min(page.size) * 2 // 5
    left, top = round(page.width * place[0]), round(page.height * place[1]) - size // 2
    layer = Image.new("RGB", page.size, "white")
    pen = ImageDraw.Draw(layer)
    for inset, width in ((0, size // 22), (size // 9, size // 60)):
        pen.ellipse((left + inset, top + inset, left + size - inset, top + size - inset), outline=ink, width=width)
    middle = (left + size // 2, top + size // 2)
    pen.regular_polygon((*middle, size // 4), 5, fill=ink)
    return ImageChops.multiply(page, layer)


def _stamps(page: "Image") -> "Image":
    from PIL import Image, ImageChops, ImageDraw

    layer = Image.new("RGB", page.size, "white")
    pen = ImageDraw.Draw(layer)
    high = page.height // 6
    for place, ink in ((0.2, (40, 60, 190)), (0.6, (150, 40, 150))):
        top = round(page.height * place)
        pen.rectangle((page.width // 3, top, page.width * 4 // 5, top + high), outline=ink, width=7)
        for row in range(1, 4):
            pen.line((page.width // 3, top + row * high // 4, page.width * 4 // 5, top + row * high // 4 - 9), ink, 5)
    return ImageChops.multiply(page, layer)


def _watermark(page: "Image") -> "Image":
    from PIL import Image, ImageChops, ImageDraw, ImageFont

    from tests.statement_pictures import font_file

    found = font_file("noto/NotoSans-Regular.ttf")
    assert found is not None
    layer = Image.new("L", page.size, 255)
    face = ImageFont.truetype(found, page.width // 9)
    ImageDraw.Draw(layer).text((page.width // 12, page.height // 2), "RIVER PRESS", fill=190, font=face)
    return ImageChops.multiply(page, layer.rotate(25, fillcolor=255).convert("RGB"))


def _light(page: "Image", darkest: int) -> "Image":
    """The light falls from one side: white paper is `darkest` in one corner."""
    from PIL import Image, ImageChops

    fall = (
        Image.linear_gradient("L")
        .rotate(90)
        .resize(page.size)
        .point(lambda value: darkest + value * (255 - darkest) // 255)
    )
    return ImageChops.multiply(page, fall.convert("RGB"))


def _shadow(page: "Image") -> "Image":
    from PIL import Image, ImageChops, ImageDraw, ImageFilter

    layer = Image.new("L", page.size, 255)
    width, height = page.size
    ImageDraw.Draw(layer).polygon(((width // 3, 0), (width, 0), (width, height), (width * 2 // 3, height)), fill=95)
    return ImageChops.multiply(page, layer.filter(ImageFilter.GaussianBlur(25)).convert("RGB"))


def _phone(page: "Image") -> "Image":
    """Photographed from the side, on a table, in warm and uneven light, with noise, saved as JPEG."""
    from PIL import Image, ImageChops, ImageFilter

    table = Image.new("RGB", (page.width * 6 // 5, page.height * 6 // 5), (96, 78, 60))
    table.paste(_light(page, 120), (page.width // 10, page.height // 10))
    width, height = table.size
    corners = (
        -width // 40,
        -height // 60,
        width // 50,
        height,
        width + width // 30,
        height + height // 40,
        width,
        height // 50,
    )
    bent = table.transform(
        (width, height), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=(90, 75, 60)
    )
    warm = ImageChops.multiply(bent, Image.new("RGB", bent.size, (244, 232, 205)))
    turned = warm.rotate(2.2, Image.Resampling.BICUBIC, fillcolor=(90, 75, 60))
    return _grain(turned, 10).filter(ImageFilter.GaussianBlur(0.7))


def _grain(page: "Image", sigma: float) -> "Image":
    from PIL import Image, ImageChops

    chance = random.Random(3)
    grain = Image.frombytes(
        "L", (256, 256), bytes(min(255, max(0, round(chance.gauss(128, sigma)))) for _ in range(1 << 16))
    )
    whole = Image.new("L", page.size)
    for left in range(0, page.width, 256):
        for top in range(0, page.height, 256):
            whole.paste(grain.rotate(90 * ((left + top) // 256 % 4)), (left, top))
    return ImageChops.add(page, whole.convert("RGB"), offset=-128)


def _inked(page: "Image", ink: tuple[int, int, int], paper: tuple[int, int, int]) -> "Image":
    from PIL import ImageOps

    return ImageOps.colorize(page.convert("L"), ink, paper)


def _turned(page: "Image", by: int) -> "Image":
    return page.rotate(by, expand=True)


def _skewed(page: "Image", by: float) -> "Image":
    from PIL import Image

    return page.rotate(by, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


_EFFECTS: "Mapping[str, Callable[[Image], Image]]" = {
    "seal": _seal,
    "stamps": _stamps,
    "watermark": _watermark,
    "shadow": _shadow,
    "low contrast": lambda page: _inked(page, (150, 150, 150), (205, 205, 200)),
    "red ink": lambda page: _inked(page, (200, 20, 20), (255, 255, 255)),
    "blue card": lambda page: _inked(page, (250, 240, 120), (30, 50, 140)),
    "phone": _phone,
    "jpeg": lambda page: _grain(page.resize((page.width * 6 // 10, page.height * 6 // 10)), 8),
    "skew 6": lambda page: _skewed(page, 6),
    "skew -5": lambda page: _skewed(page, -5),
    "turned 90": lambda page: _turned(page, 90),
    "turned 180": lambda page: _turned(page, 180),
    "turned 270": lambda page: _turned(page, 270),
}


def save(case: Case, folder: Path) -> Path:
    """Write the picture as JPEG, as a messenger would send it."""
    path = folder / f"{case.name.replace(' ', '-')}.jpg"
    draw(case).save(path, quality=35 if "jpeg" in case.effect else 75)
    return path


def read_alone(path: Path, packs: str) -> str:
    """What the program makes of it by itself."""
    command = ["tesseract", str(path), "-", "-l", packs]
    return subprocess.run(
        command, capture_output=True, check=True, env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"}
    ).stdout.decode()


def drawable() -> Iterator[Case]:
    """The cases whose fonts are installed; the others are named."""
    from tests.statement_pictures import font_file

    for case in CASES:
        if case.font is None or font_file(case.font) is not None:
            yield case
        else:
            print(f"left out: {case.name}, no {case.font}; make setup-media brings it")


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="only pictures with this in their name")
    options.add_argument("--texts", action="store_true", help="print what was read")
    options.add_argument("--keep", type=Path, help="write the pictures to this directory")
    chosen = options.parse_args(arguments)
    try:
        import PIL  # noqa: F401
    except ImportError:
        print("left out: Pillow is missing; make setup-media brings it")
        return
    from bot.contracts.engine import EngineTools, MediaFile, Never
    from bot.enrich.engines.tesseract import Settings, build

    with tempfile.TemporaryDirectory() as name:
        engine = build(Settings(name="bench", kind="tesseract"), EngineTools(Path(name)))
        try:
            engine.ready()
        except Never as missing:
            print(f"left out: {missing}")
            return
        totals, worse, wanted, all_seconds = [0, 0], [], 0, 0.0
        print(f"{'picture':32} alone  engine  sure  CPU s")
        for case in drawable():
            if chosen.only not in case.name:
                continue
            path = save(case, chosen.keep or Path(name))
            code = case.statement.language
            alone = keywords(case.statement, read_alone(path, PACKS[code]))
            began = busy()
            mime = sniff(path.read_bytes()[:HEAD])
            found = engine.read(MediaFile(path, "photo", mime, path.stat().st_size, languages=(code,)))
            seconds = busy() - began
            ours, most = keywords(case.statement, found.text), len(case.statement.keywords)
            row = f"{case.name:32} {alone}/{most}    {ours}/{most}     {found.confidence or 0:.2f}  {seconds:5.1f}"
            print(row, "  unreliable" if found.unreliable else "", flush=True)
            if chosen.texts:
                print(found.text)
            totals[0] += alone
            totals[1] += ours
            wanted += most
            all_seconds += seconds
            worse += [case.name] if ours < alone else []
    goal = f"(goal >= {wanted * LEAST_FOUND:.0f})"
    print(f"pictures: {totals[1]} of {wanted} keywords {goal}, alone {totals[0]}; {all_seconds:.0f} s of CPU")
    print(f"pictures: worse than Tesseract alone: {', '.join(worse) or 'none'} (goal: none)")


def busy() -> float:
    """Processor seconds of this process and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
