"""Opens a picture for reading: its first frame, upright, in grey, dark letters on a light ground."""

import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from bot.enrich._contract import Unfit
from bot.enrich._picture import MOST_PIXELS, look

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 2_800  # pixels; no page gets better by more
_DARK = 110  # a mean grey below this is light letters on a dark ground


def sheet(path: Path) -> "Image":
    """The first frame as 8 bits of grey, at most LONGEST_SIDE long. Raises Unfit for what is no sound picture.

    Sizes are looked at twice before anything is decoded: in the header, and in what Pillow makes of it.
    """
    from PIL import Image, ImageOps, ImageStat

    found = look(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own cap is lower
            opened = Image.open(path, formats=[found.form])
        with opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Unfit(f"it has {opened.width:,} x {opened.height:,} pixels")
            opened.draft("L", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded smaller at once
            opened.load()
            grey = _on_white(_upright(opened)).convert("L")
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise Unfit(f"the {found.form} cannot be decoded: it is damaged or cut off") from error
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return ImageOps.invert(grey) if ImageStat.Stat(grey).mean[0] < _DARK else grey


def _upright(image: "Image") -> "Image":
    """Turned as the camera says; what it says is foreign and often broken."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return image


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value / 256)
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground
