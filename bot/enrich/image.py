"""Opens a picture: its first frame, upright; for OCR dark letters on a light background."""

import struct
import warnings
from typing import TYPE_CHECKING

from bot.contracts.engine import MediaFile, Unfit
from bot.enrich.cleaning import dark_on_light
from bot.enrich.sandbox.admission import MOST_PIXELS
from storage.media.types import PICTURES

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 2_800  # pixels; more does not improve the result
_ORIENTATION = 0x0112


def sheet(media: MediaFile) -> "Image":
    """The first frame in colour, at most LONGEST_SIDE long, letters dark. Raises Unfit as `open_page` does."""
    return dark_on_light(open_page(media, LONGEST_SIDE))


def open_page(media: MediaFile, longest: int) -> "Image":
    """The first frame in colour, upright, at most `longest` long. Raises Unfit if the picture cannot be decoded.

    Only the decoder of the type that the bytes show is used. `sandbox.admission` has checked the size in the header;
    here it is checked again as the decoder understands it, before it decodes.
    """
    from PIL import Image

    if media.mime not in PICTURES:
        raise Unfit(f"its content is {media.mime}, not a picture")
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # about large pictures (our limit is lower) and bad EXIF
            Image.open(media.path, formats=[media.mime.removeprefix("image/").upper()]) as opened,
        ):
            if opened.width * opened.height > MOST_PIXELS:
                raise Unfit(f"too large: {opened.width:,} x {opened.height:,} pixels")
            opened.draft("RGB", (longest, longest))  # a large JPEG is decoded at a smaller size
            opened.load()
            page = _on_white(_upright(opened)).convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise Unfit("the picture cannot be decoded: it is damaged or cut off") from error
    page.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return page


def _upright(image: "Image") -> "Image":
    """Turned as the camera says (EXIF 2.3, tag Orientation); all other tags are foreign, often broken, and ignored."""
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
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001  foreign tags can make the reader raise anything
        return image
    turn = turns.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white
