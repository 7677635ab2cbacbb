"""Pictures of statements, drawn as desks get them, read by the real program."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.ocr import error, keywords
from bot.contracts.engine import EngineTools, MediaFile, Never, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.tesseract import Pass, Settings, most_agreed
from tests.statements import BURMESE, CHINESE, ENGLISH, THAI, Statement

MakeMedia = Callable[..., MediaFile]


def engine(around: EngineTools, **keys: Any) -> Any:
    return build(Settings(name="reader", kind="tesseract", **keys), around)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int) -> bytes:
    """A PNG that announces its size honestly and holds one row's worth of zeros."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + width // 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize(
    ("statement", "effect", "most_wrong"),
    [
        (ENGLISH, "skew", 0.01),
        (ENGLISH, "small", 0.01),
        pytest.param(BURMESE, "clean", 0.05, marks=pytest.mark.long),
        pytest.param(BURMESE, "noise", 0.05, marks=pytest.mark.long),
        (BURMESE, "photo", 0.05),
        (CHINESE, "jpeg", 0.03),
        (THAI, "photo", 0.05),
        (THAI, "skew", 0.05),
    ],
    ids=lambda value: getattr(value, "language", None) or str(value),
)
def test_the_words_of_a_picture_are_read(
    statement: Statement, effect: str, most_wrong: float, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    from tests import statement_pictures

    path = statement_pictures.save(statement_pictures.page(statement.text, statement.language), effect, tmp_path)
    found = engine(around).read(media(path, "photo", languages=(statement.language,)))
    assert error(statement.text, found.text) <= most_wrong
    assert keywords(statement, found.text) >= len(statement.keywords) - 1
    assert not found.unreliable
    assert 0.6 <= found.confidence <= 1


@pytest.mark.long
@pytest.mark.usefixtures("tesseract")
def test_the_script_of_a_picture_need_not_be_given(around: EngineTools, media: MakeMedia, tmp_path: Path) -> None:
    from tests import statement_pictures

    reader = engine(around)
    for statement in (THAI, ENGLISH):
        path = statement_pictures.save(statement_pictures.page(statement.text, statement.language), "noise", tmp_path)
        found = reader.read(media(path, "photo"))
        assert keywords(statement, found.text) >= len(statement.keywords) - 1
        assert not found.unreliable


@pytest.mark.usefixtures("tesseract")
def test_white_letters_on_a_dark_background_are_read(around: EngineTools, media: MakeMedia, tmp_path: Path) -> None:
    from tests import statement_pictures

    path = statement_pictures.save(statement_pictures.page(ENGLISH.text, "en"), "dark", tmp_path)
    assert keywords(ENGLISH, engine(around).read(media(path, "photo", languages=("en",))).text) == len(ENGLISH.keywords)


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        (ENGLISH, "turned 270 phone"),
        pytest.param(ENGLISH, "turned 180", marks=pytest.mark.long),
        pytest.param(ENGLISH, "shadow", marks=pytest.mark.long),
        pytest.param(ENGLISH, "red ink", marks=pytest.mark.long),
        pytest.param(BURMESE, "turned 90", marks=pytest.mark.long),
        pytest.param(BURMESE, "seal", marks=pytest.mark.long),
        pytest.param(BURMESE, "skew 6", marks=pytest.mark.long),
        pytest.param(CHINESE, "turned 90", marks=pytest.mark.long),
        pytest.param(THAI, "phone", marks=pytest.mark.long),
    ],
    ids=lambda value: getattr(value, "language", None) or str(value),
)
def test_a_picture_is_read_whatever_happened_to_it(
    statement: Statement, effect: str, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    from bench.hard_pictures import Case, save

    found = engine(around).read(
        media(save(Case(statement, effect), tmp_path), "photo", languages=(statement.language,))
    )
    assert keywords(statement, found.text) >= len(statement.keywords) - 1
    assert not found.unreliable


@pytest.mark.usefixtures("tesseract")
def test_words_in_black_and_words_in_colour_on_one_page_are_both_read(
    around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    from PIL import Image, ImageOps

    from tests import statement_pictures

    head = statement_pictures.page("COUNCIL OF THE RIVER ALLIANCE", "en", points=20)
    body = statement_pictures.page(ENGLISH.text, "en")
    sheet = Image.new("RGB", (max(head.width, body.width), head.height + body.height), "white")
    sheet.paste(ImageOps.colorize(head, (200, 20, 20), "white"), (0, 0))
    sheet.paste(body, (0, head.height))
    path = tmp_path / "letter.png"
    sheet.save(path)
    found = engine(around).read(media(path, "photo", languages=("en",)))
    assert keywords(ENGLISH, found.text) == len(ENGLISH.keywords)
    assert "COUNCIL" in found.text


@pytest.mark.long
@pytest.mark.usefixtures("tesseract")
def test_a_picture_without_words_gives_none_that_would_be_believed(
    around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    import random

    from PIL import Image

    chance = random.Random(5)
    path = tmp_path / "noise.png"
    Image.frombytes("L", (400, 300), chance.randbytes(120_000)).save(path)
    found = engine(around).read(media(path, "photo", languages=("my",)))
    assert found.unreliable or not found.text


@pytest.mark.usefixtures("tesseract")
def test_data_that_is_missing_is_named_with_the_package_that_has_it(
    around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    from tests import statement_pictures

    path = statement_pictures.save(statement_pictures.page("ខ្មែរ", "en"), "clean", tmp_path)
    with pytest.raises(Unfit, match="apt install tesseract-ocr-xx"):
        engine(around).read(media(path, "photo", languages=("xx",)))


def test_a_missing_program_is_one_sentence_with_the_line_that_brings_it(around: EngineTools) -> None:
    with pytest.raises(Never, match=r"no-such-reader is missing.*apt install tesseract-ocr"):
        engine(around, program="no-such-reader").ready()


def test_of_three_readings_the_one_that_agrees_with_the_others_wins() -> None:
    good = Pass("the regional command has fallen today", 80, 32)
    alike = Pass("the regional command has fallen to day", 78, 32)
    short = Pass("the command", 90, 10)
    strange = Pass("tbe reqionol cornmand bas fallen tobay", 84, 32)
    assert most_agreed([strange, alike, good]) in (good, alike)
    assert most_agreed([short, alike, good]) in (good, alike)


@pytest.mark.usefixtures("pillow")
@pytest.mark.parametrize("side", [13_000, 60_000])
def test_bad_input_44_a_picture_of_too_many_pixels_is_never_decoded(
    side: int, media: MakeMedia, tmp_path: Path
) -> None:
    from bot.enrich.image import sheet

    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(side, side))
    with pytest.raises(Unfit):
        sheet(media(path, "photo"))


@pytest.mark.usefixtures("pillow")
@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><script>alert(1)</script></svg>',
        b"<!doctype html><script src=http://127.0.0.1:1/></script>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
        b"PK\x03\x04" + bytes(100),
        b"",
    ],
    ids=["svg", "html", "eps", "zip", "empty"],
)
def test_bad_input_46_what_is_no_picture_is_never_drawn(data: bytes, media: MakeMedia, tmp_path: Path) -> None:
    from bot.enrich.image import sheet

    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(Unfit, match="not a picture"):
        sheet(media(path, "photo"))


@pytest.mark.usefixtures("pillow")
def test_a_picture_is_turned_upright_and_what_is_transparent_is_white(media: MakeMedia, tmp_path: Path) -> None:
    from PIL import Image

    from bot.enrich.image import sheet

    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # TIFF 6.0: the 0th row is the right-hand side
    Image.new("L", (300, 200), 255).save(turned, exif=exif)
    assert sheet(media(turned, "photo")).size == (200, 300)
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (30, 20), (0, 0, 0, 0)).save(clear)
    assert sheet(media(clear, "photo")).getextrema() == 3 * ((255, 255),)
    deep = tmp_path / "deep.png"
    Image.new("I;16", (30, 20), 60_000).save(deep)
    assert sheet(media(deep, "photo")).getextrema() == 3 * ((234, 234),)
