"""What is done to a picture before it is read: shadows, coloured ink, slope and orientation."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from PIL.Image import Image

pytestmark = pytest.mark.usefixtures("pillow")
INK, SEAL, ROW = 20, (205, 30, 40), 40


def page(colour: tuple[int, int, int] = (INK, INK, INK), paper: str = "white") -> "Image":
    """Twelve rows of words on white paper, each word a bar."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (700, 12 * ROW + 40), paper)
    pen = ImageDraw.Draw(sheet)
    for row in range(12):
        left = 30
        for word in range(8 - row % 3):
            wide = 30 + (row * 7 + word * 13) % 50
            pen.rectangle((left, 30 + row * ROW, left + wide, 44 + row * ROW), fill=colour)
            left += wide + 12
    return sheet


@pytest.mark.parametrize("seal", [SEAL, (30, 60, 200), (120, 30, 160), (20, 140, 60)])
def test_a_seal_of_any_colour_is_gone_and_black_letters_stay(seal: tuple[int, int, int]) -> None:
    from PIL import Image, ImageChops, ImageDraw

    from bot.enrich.cleaning import flat, without_ink

    layer = Image.new("RGB", page().size, "white")
    ImageDraw.Draw(layer).ellipse((150, 150, 400, 400), outline=seal, width=16)
    ImageDraw.Draw(layer).ellipse((200, 200, 350, 350), fill=seal)
    clean = without_ink(ImageChops.multiply(page(), layer))
    assert clean is not None
    kept = ImageChops.difference(flat(clean), page().convert("L")).histogram()
    assert sum(kept[100:]) < 0.01 * sum(kept)


@pytest.mark.parametrize("colour", [SEAL, (30, 60, 200), (20, 120, 60)])
def test_words_that_are_coloured_themselves_stay(colour: tuple[int, int, int]) -> None:
    from bot.enrich.cleaning import without_ink

    assert without_ink(page(colour)) is None


def test_a_page_without_colour_is_left_as_it_is() -> None:
    from bot.enrich.cleaning import without_ink

    assert without_ink(page()) is None


def test_a_shadow_over_half_of_a_page_is_gone() -> None:
    from PIL import Image, ImageChops, ImageFilter

    from bot.enrich.cleaning import flat

    shade = Image.new("L", page().size, 255)
    shade.paste(90, (0, 0, 350, page().height))
    dark = ImageChops.multiply(page().convert("L"), shade.filter(ImageFilter.GaussianBlur(30)))
    even = flat(dark)
    assert darkest(even, (0, 10, 700, 24)) > 220
    assert max(darkest(even, (0, 30, 340, 44)), darkest(even, (360, 30, 690, 44))) < 60


def darkest(grey: "Image", box: tuple[int, int, int, int]) -> int:
    return min(grey.crop(box).tobytes())


@pytest.mark.parametrize("degrees", [0, 1, -2.5, 6, -9])
def test_lines_are_level_again_after_a_page_lay_askew(degrees: float) -> None:
    from bot.enrich.cleaning import slope, turned

    askew = turned(page().convert("L"), degrees)
    assert slope(askew) == pytest.approx(-degrees, abs=0.3)


@pytest.mark.parametrize(("degrees", "turns"), [(0, (0, 180)), (90, (90, 270)), (180, (0, 180)), (274, (90, 270))])
def test_lines_show_by_themselves_whether_a_page_lies_on_its_side(degrees: int, turns: tuple[int, int]) -> None:
    from bot.enrich.cleaning import turned, turns_by_likelihood

    assert turns_by_likelihood(turned(page().convert("L"), degrees))[0] == turns


@pytest.mark.parametrize("size", [(1, 1), (3, 2_000), (2_000, 3), (60, 60)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_any_shape_and_of_one_shade_is_no_trouble(size: tuple[int, int], value: int) -> None:
    from PIL import Image

    from bot.enrich.cleaning import dark_on_light, flat, slope, turns_by_likelihood, without_ink

    picture = dark_on_light(Image.new("RGB", size, (value, value, value)))
    grey = flat(picture.convert("L"))
    assert (grey.size, without_ink(picture)) == (size, None)
    assert abs(slope(grey)) <= 13
    assert turns_by_likelihood(grey)
