"""60 pairs of pictures that the tests draw: copies as channels make them, and other pictures that look alike."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.contracts.engine import MediaFile
from bot.enrich.looking import PictureLook
from bot.events.pictures import NEAR, bands, measure_distance, seems_to_hold_words
from storage.media.types import HEAD, sniff

if TYPE_CHECKING:
    from PIL.Image import Image

pytest.importorskip("PIL", reason="Pillow is missing; make setup-media brings it")
SIZE = (320, 240)


def photo(seed: int) -> "Image":
    """A landscape with things in it, blurred and grainy as a photo is."""
    from PIL import Image, ImageDraw, ImageFilter

    chance = random.Random(seed)
    width, height = SIZE

    def colour(low: int = 0, high: int = 256) -> tuple[int, int, int]:
        return chance.randrange(low, high), chance.randrange(low, high), chance.randrange(low, high)

    picture = Image.new("RGB", SIZE, colour(60, 220))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, int(height * chance.uniform(0.25, 0.65))), fill=colour(120))
    for _ in range(chance.randrange(8, 18)):
        left, top = chance.randrange(width), chance.randrange(height)
        box = (left, top, left + chance.randrange(15, width // 2), top + chance.randrange(15, height // 2))
        chance.choice((draw.ellipse, draw.rectangle))(box, fill=colour())
    picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(1, 4)))
    grain = Image.frombytes("L", SIZE, chance.randbytes(width * height)).convert("RGB")
    return Image.blend(picture, grain, 0.08)


def saved(picture: "Image", form: str = "PNG", **options: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, form, **options)
    return made.getvalue()


def cut(left: float, top: float, right: float, low: float) -> Callable[["Image"], bytes]:
    def change(picture: "Image") -> bytes:
        width, height = picture.size
        box = (int(left * width), int(top * height), int((1 - right) * width), int((1 - low) * height))
        return saved(picture.crop(box))

    return change


def marked(picture: "Image") -> bytes:
    from PIL import ImageDraw

    picture = picture.copy()
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0.72 * width, 0.88 * height, 0.99 * width, 0.99 * height), fill="white")
    draw.text((0.74 * width, 0.89 * height), "@hill_desk", fill="black")
    return saved(picture)


def lit(factor: float) -> Callable[["Image"], bytes]:
    from PIL import ImageEnhance

    return lambda picture: saved(ImageEnhance.Brightness(picture).enhance(factor))


COPIES: dict[str, Callable[["Image"], bytes]] = {
    "compressed again": lambda picture: saved(picture, "JPEG", quality=30),
    "made smaller": lambda picture: saved(picture.resize((140, 105))),
    "made larger": lambda picture: saved(picture.resize((600, 450)), "JPEG", quality=80),
    "cut at one edge": cut(0.06, 0, 0, 0),
    "cut below": cut(0, 0, 0, 0.08),
    "cut around": cut(0.04, 0.04, 0.04, 0.04),
    "marked in a corner": marked,
    "brighter": lit(1.3),
    "darker": lit(0.7),
    "as WebP": lambda picture: saved(picture, "WEBP", quality=40),
}


def page(lines: str) -> bytes:
    """One letterhead with other words."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (640, 480), (245, 240, 230))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 640, 70), fill=(120, 20, 30))
    draw.ellipse((20, 8, 75, 63), fill=(230, 200, 60))
    for place, line in enumerate(["OFFICE OF THE COMMAND", *lines.split("/")]):
        fill = "white" if place == 0 else "black"
        draw.text((100 if place == 0 else 40, 20 + 36 * place), line, font=ImageFont.load_default(24), fill=fill)
    return saved(picture)


@pytest.fixture
def look(tmp_path: Path) -> Callable[[bytes], str]:
    def looked(content: bytes) -> str:
        path = tmp_path / "picture"
        path.write_bytes(content)
        return PictureLook().read(MediaFile(path, "photo", sniff(content[:HEAD]), len(content))).text

    return looked


def test_copies_are_near_and_other_pictures_are_not(look: Callable[[bytes], str]) -> None:
    first = [look(saved(photo(seed), "JPEG", quality=90)) for seed in range(10)]
    copies = {
        (how, seed): (first[seed], look(change(photo(seed))))
        for place, (how, change) in enumerate(COPIES.items())
        for seed in (place % 10, (place + 3) % 10, (place + 7) % 10)
    }
    others = [(one, other) for place, one in enumerate(first) for other in first[:place]][:30]
    assert (len(copies), len(others)) == (30, 30)
    far = {pair: distance for pair, (one, other) in copies.items() if (distance := measure_distance(one, other)) > NEAR}
    assert far == {}, "the goal is 0.95 of the copies; today it is all of them"
    assert [pair for pair, (one, other) in copies.items() if not set(bands(one)) & set(bands(other))] == []
    assert not any(seems_to_hold_words(one) for pair in copies.values() for one in pair)
    assert min(measure_distance(one, other) for one, other in others) > NEAR + 20


def test_one_letterhead_with_other_words_is_never_compared_by_its_looks(look: Callable[[bytes], str]) -> None:
    pages = [look(page(f"Statement {number}/The bridge at Namhu is closed/until the morning")) for number in (14, 15)]
    pages += [
        look(page(words)) for words in ("Three dead in Loimaw", "All quiet/in the hills/today", "ROAD OPEN", "NO")
    ]
    assert [seems_to_hold_words(one) for one in pages] == [True] * 6


def test_a_picture_of_one_colour_is_like_no_other(look: Callable[[bytes], str]) -> None:
    from PIL import Image

    assert look(saved(Image.new("RGB", SIZE, "black"))) == ""
