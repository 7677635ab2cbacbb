"""Draws statements as the pictures that desks are sent: skewed, noisy, photographed, saved as JPEG once too often.

Needs Pillow (extra `ocr`) and the Noto and Padauk fonts of Debian; `make setup-media` brings both.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

FONTS: Mapping[str, tuple[str, ...]] = {
    "en": ("noto/NotoSans-Regular.ttf", "noto/NotoSerif-Regular.ttf"),
    "my": ("noto/NotoSansMyanmar-Regular.ttf", "noto/NotoSansMyanmar-Bold.ttf", "padauk/Padauk-Regular.ttf"),
    "th": ("noto/NotoSansThai-Regular.ttf",),
    "zh": ("noto/NotoSansCJK-Regular.ttc",),
}
_PLACES = (Path("/usr/share/fonts/truetype"), Path("/usr/share/fonts/opentype"))
_SIMPLIFIED = 2  # the face of the CJK collection that draws letters as in China


def font_file(name: str) -> Path | None:
    """Where Debian puts a font; None where it is not installed."""
    return next((place / name for place in _PLACES if (place / name).exists()), None)


def page(text: str, language: str, *, font: str | None = None, points: int = 14, dots: int = 150) -> Image.Image:
    """A printed page: black on white, `points` high letters at `dots` per inch, shaped as the script wants it."""
    found = font_file(font or FONTS[language][0])
    assert found is not None
    size = round(points * dots / 72)
    face = ImageFont.truetype(found, size, index=_SIMPLIFIED if found.suffix == ".ttc" else 0)
    sheet = Image.new("L", (1, 1))
    box = ImageDraw.Draw(sheet).multiline_textbbox((0, 0), text, font=face, spacing=size * 0.6)
    margin = round(0.27 * dots)
    sheet = Image.new("L", (round(box[2]) + 2 * margin, round(box[3]) + 2 * margin), 255)
    ImageDraw.Draw(sheet).multiline_text((margin, margin), text, fill=0, font=face, spacing=size * 0.6)
    return sheet


def _noisy(sheet: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise, the same on every run: `effect_noise` draws from a source of its own."""
    chance = random.Random(7)
    grain = Image.frombytes(
        "L", (256, 256), bytes(min(255, max(0, round(chance.gauss(128, sigma)))) for _ in range(256 * 256))
    )
    whole = Image.new("L", sheet.size)
    for left in range(0, sheet.width, 256):
        for top in range(0, sheet.height, 256):
            whole.paste(grain.rotate(90 * ((left + top) // 256 % 4)), (left, top))
    return ImageChops.add(sheet, whole, offset=-128).filter(ImageFilter.GaussianBlur(0.6))


def _shrunk(sheet: Image.Image, share: float) -> Image.Image:
    return sheet.resize((round(sheet.width * share), round(sheet.height * share)), Image.Resampling.LANCZOS)


def _photographed(sheet: Image.Image) -> Image.Image:
    width, height = sheet.size
    grey = sheet.point(lambda value: 40 + value * 180 // 255)
    corners = (-8, -5, 6, height + 12, width + 14, height + 4, width + 4, -14)
    bent = grey.transform((width, height), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=200)
    return _noisy(bent.rotate(1.2, Image.Resampling.BICUBIC, expand=True, fillcolor=200), 14)


_EFFECTS: Mapping[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "clean": (lambda sheet: sheet, 0),
    "skew": (lambda sheet: sheet.rotate(2.5, Image.Resampling.BICUBIC, expand=True, fillcolor=255), 0),
    "noise": (lambda sheet: _noisy(sheet, 24), 0),
    "jpeg": (lambda sheet: _shrunk(sheet, 0.7), 35),
    "photo": (_photographed, 60),
    "small": (lambda sheet: _shrunk(sheet, 0.45), 70),
    "dark": (ImageOps.invert, 0),
}
EFFECTS = tuple(_EFFECTS)


def save(sheet: Image.Image, effect: str, folder: Path) -> Path:
    """Write the page as it would arrive: PNG, or JPEG where the effect is one of saving."""
    change, quality = _EFFECTS[effect]
    path = folder / f"{effect}.{'jpg' if quality else 'png'}"
    changed = change(sheet)
    if quality:
        changed.save(path, quality=quality)
    else:
        changed.save(path)
    return path
