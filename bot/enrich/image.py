"""Opens a picture for reading: its first frame, upright, in grey, dark letters on a light ground."""

import struct
import warnings
from typing import TYPE_CHECKING

from bot.contracts.engine import MediaFile, Unfit
from bot.enrich.sandbox.admission import MOST_PIXELS
from storage.media.types import PICTURES

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 2_800  # pixels; no page gets better by more
_ORIENTATION = 0x0112
_DARK = 110  # a mean grey below this is light letters on a dark ground


def sheet(media: MediaFile) -> "Image":
    """The first frame as 8 bits of grey, at most LONGEST_SIDE long. Raises Unfit for what is no sound picture.

    Only the decoder of the type that the bytes show is asked. The size was looked at in the header before this
    (`sandbox.admission`); it is looked at again as that decoder understands it, before it decodes.
    """
    from PIL import Image, ImageOps, ImageStat

    if media.mime not in PICTURES:
        raise Unfit(f"its content is {media.mime}, not a picture")
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of large pictures, for which our cap is lower, and of bad EXIF
            Image.open(media.path, formats=[media.mime.removeprefix("image/").upper()]) as opened,
        ):
            if opened.width * opened.height > MOST_PIXELS:
                raise Unfit(f"it has {opened.width:,} x {opened.height:,} pixels")
            opened.draft("L", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded smaller at once
            opened.load()
            grey = _on_white(_upright(opened)).convert("L")
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise Unfit("the picture cannot be decoded: it is damaged or cut off") from error
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return ImageOps.invert(grey) if ImageStat.Stat(grey).mean[0] < _DARK else grey


def _upright(image: "Image") -> "Image":
    """Turned as the camera says (EXIF 2.3, tag Orientation); what else it says is foreign, often broken, and left."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        said = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001  a reader of foreign tags raises whatever they make it raise
        return image
    turn = turns.get(said) if isinstance(said, int) else None
    return image if turn is None else image.transpose(turn)


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value / 256)
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground
