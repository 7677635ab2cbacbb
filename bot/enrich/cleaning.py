"""PURE: makes the letters of a picture easy to read: coloured ink and shadows removed, lines level."""

import itertools
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_DARK = 110  # a mean grey below this means light letters on a dark background
_FAINT = 0.6  # share of contrast that must be left without coloured ink; less means that the words are coloured
_COLOURED = 4.0  # mean difference between channels, of 255
_SMALL = 500  # pixels, longest side of the picture in which the slope is measured
_STEEPEST = 12.0  # degrees
_LEVEL = 0.35  # degrees that do no harm


def dark_on_light(picture: "Image") -> "Image":
    """The picture, inverted if its letters are light on a dark background."""
    from PIL import ImageOps, ImageStat

    dark = ImageStat.Stat(picture.convert("L")).mean[0] < _DARK
    return ImageOps.invert(picture) if dark else picture


def without_ink(picture: "Image") -> "Image | None":
    """The grey of what is black: seals and stamps are gone. None if nothing is coloured, or the words themselves are.

    Where the three channels differ, the brightest is made brighter by the difference; black and grey stay as they are.
    """
    from PIL import ImageChops, ImageStat

    red, green, blue = picture.split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    colour = ImageChops.subtract(brightest, ImageChops.darker(ImageChops.darker(red, green), blue))
    if ImageStat.Stat(colour).mean[0] < _COLOURED:
        return None
    black = ImageChops.add(brightest, colour)
    contrast = [ImageStat.Stat(image).stddev[0] for image in (black, picture.convert("L"))]
    return black if contrast[0] >= _FAINT * contrast[1] else None


def flat(grey: "Image") -> "Image":
    """White paper everywhere: each place divided by the paper around it, then stretched to full contrast."""
    from PIL import Image, ImageFilter, ImageMath

    share = min(1.0, _SMALL / max(grey.size))
    small = grey.resize((max(1, round(grey.width * share)), max(1, round(grey.height * share))), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.MedianFilter(9))
    paper = paper.filter(ImageFilter.GaussianBlur(6)).resize(grey.size, Image.Resampling.BILINEAR)
    divided = ImageMath.lambda_eval(
        lambda given: given["convert"](given["min"](given["grey"] * 255 / given["max"](given["paper"], 1), 255), "L"),
        grey=grey,
        paper=paper,
    )
    return _stretched(divided)


def _stretched(grey: "Image") -> "Image":
    """The darkest hundredth black, the lightest tenth white."""
    counts = grey.histogram()
    low, high = _level(counts, 0.01), _level(counts, 0.90)
    scale = 255 / max(high - low, 1)
    return grey.point([min(255, max(0, round((value - low) * scale))) for value in range(256)])


def _level(counts: list[int], share: float) -> int:
    """The level below which that share of the pixels is."""
    left = share * sum(counts)
    for level, count in enumerate(counts):
        left -= count
        if left <= 0:
            return level
    return 255


def slope(grey: "Image") -> float:
    """Degrees by which the lines of a page must be turned to be level; 0 if they are, or have no common slope."""
    turn = _levelling(_ink(grey))[0]
    return turn if abs(turn) >= _LEVEL else 0.0


def turns_by_likelihood(grey: "Image") -> tuple[tuple[int, int], ...]:
    """Degrees by which to turn the page, in pairs: lines show whether they lie or are upright, not which side is up."""
    ink = _ink(grey)
    lying, standing = (_levelling(image)[1] for image in (ink, ink.rotate(90, expand=True)))
    return ((0, 180), (90, 270)) if lying >= standing else ((90, 270), (0, 180))


def _ink(grey: "Image") -> "Image":
    """A small picture of the page with white letters on black."""
    from PIL import Image, ImageOps

    small = grey.copy()
    small.thumbnail((_SMALL, _SMALL), Image.Resampling.BOX)
    return ImageOps.invert(small)


def _levelling(ink: "Image") -> tuple[float, float]:
    """The turn after which rows with letters differ most from the rows between them, and by how much."""
    coarse = max(_between(0, _STEEPEST, 1.0), key=lambda turn: _stripes(ink, turn))
    return max(((turn, _stripes(ink, turn)) for turn in _between(coarse, 0.8, 0.2)), key=lambda found: found[1])


def _between(middle: float, reach: float, step: float) -> list[float]:
    steps = round(reach / step)
    return sorted((middle + step * number for number in range(-steps, steps + 1)), key=abs)


def _stripes(ink: "Image", turn: float) -> float:
    """How much neighbouring rows differ after a turn."""
    from PIL import Image

    rows = ink.rotate(turn, Image.Resampling.BILINEAR).convert("F").resize((1, ink.height), Image.Resampling.BOX)
    levels: tuple[float, ...] = struct.unpack(f"{ink.height}f", rows.tobytes())
    return sum((below - above) ** 2 for above, below in itertools.pairwise(levels)) / ink.height


def turned(grey: "Image", degrees: float) -> "Image":
    """Turned counter-clockwise, with white where nothing was."""
    from PIL import Image

    if degrees % 90 == 0:
        return grey.rotate(degrees, expand=True)
    return grey.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
