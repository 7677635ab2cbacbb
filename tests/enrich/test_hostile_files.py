"""Files that are made to break a reader, read as the worker has it: in a child process, by the real engine."""

import asyncio
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.contracts.engine import EngineTools, EnrichResult, MediaFile, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.tesseract import Settings
from bot.enrich.sandbox.admission import MOST_PIXELS, admit, dimensions, duration_s
from bot.enrich.sandbox.run import Sandbox
from bot.http import HttpRules
from storage.language.fold import fold
from tests import tone_model

MakeMedia = Callable[..., MediaFile]
Read = Callable[[Path], EnrichResult]
MINUTE = 60_000_000
FIRST, OTHER = "The regional command has fallen.", "Nothing of this is ever read."


@pytest.fixture
def read(tmp_path: Path, media: MakeMedia) -> Read:
    """Have Tesseract read a picture: `read(path).text`."""

    def done(path: Path) -> EnrichResult:
        engine = build(Settings(name="reader", kind="tesseract"), EngineTools(tmp_path))
        return asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(path, "photo", languages=("en",))))

    return done


def page(words: str) -> Any:
    from tests import statement_pictures

    return statement_pictures.page(words, "en", points=20)


def assert_first_alone(found: EnrichResult) -> None:
    text = fold(found.text)
    assert fold("regional command") in text
    assert "nothing" not in text


# Pictures ------------------------------------------------------------------------------------------------------------


def headers(width: int, height: int) -> dict[str, bytes]:
    """The beginning of a picture in every form that is read, each claiming this size, with next to nothing behind it."""
    frame = struct.pack(">BHHB", 8, height & 0xFFFF, width & 0xFFFF, 1) + b"\x01\x11\x00"
    tags = ((256, width), (257, height))
    return {
        "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">II", width, height) + bytes(9),
        "image/jpeg": b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc2\x00\x0b" + frame,
        "image/gif": b"GIF89a" + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + bytes(20),
        "image/bmp": b"BM" + bytes(16) + struct.pack("<ii", width, -height) + bytes(28),
        "image/webp": b"RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little"),
        "image/tiff": b"II*\x00\x08\x00\x00\x00\x02\x00" + b"".join(struct.pack("<HHII", tag, 4, 1, side) for tag, side in tags),
    }  # fmt: skip


@pytest.mark.parametrize("side", [60_000, 13_000])
@pytest.mark.parametrize("mime", sorted(headers(1, 1)))
def test_bad_input_44_a_header_that_claims_too_many_pixels_is_all_that_is_read(
    mime: str, side: int, media: MakeMedia, tmp_path: Path
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(headers(side, side)[mime])
    found = media(path, "photo")
    assert found.mime == mime
    assert dimensions(path, mime) == (side, side)
    with pytest.raises(Unfit, match=rf"{side:,} x {side:,} pixels: at most 50 megapixels"):
        admit(found, "ocr", MINUTE)
    path.write_bytes(headers(7_000, MOST_PIXELS // 7_000)[mime])
    admit(media(path, "photo"), "ocr", MINUTE)


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize("form", ["gif", "png"])
def test_bad_input_45_of_many_thousand_frames_the_first_is_read_and_no_other(
    form: str, read: Read, tmp_path: Path
) -> None:
    first, other = page(FIRST), page(OTHER)
    path = tmp_path / f"frames.{form}"
    first.save(path, save_all=True, append_images=[other])
    data = path.read_bytes()
    if form == "gif":  # a control block and a frame of one pixel
        frame = b"\x21\xf9\x04\x04\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
        path.write_bytes(data[:-1] + frame * 100_000 + data[-1:])
    else:
        second, end = data.index(b"fcTL", data.index(b"fcTL") + 1) - 4, data.index(b"IEND") - 4
        path.write_bytes(data[:second] + data[second:end] * 2_000 + data[end:])
    assert_first_alone(read(path))


@pytest.mark.usefixtures("tesseract")
def test_bad_input_45_a_cut_jpeg_is_refused_in_one_sentence(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    page(FIRST).save(path, quality=90)
    whole = path.read_bytes()
    for kept in (len(whole) // 2, 700, 30, 3):
        path.write_bytes(whole[:kept])
        with pytest.raises(Unfit, match=r"damaged or cut off|the rest is not"):
            read(path)


def jpeg_with(whole: bytes, exif: bytes) -> bytes:
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + whole[2:]


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize(
    "exif",
    [
        b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + struct.pack("<HHII", 0x8769, 4, 1, 8) * 5_000,
        b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 8),
        b"MM\0*" + struct.pack(">I", 0xFFFFFFFF),
        b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 12, 1, 8) + bytes(20),
    ],
    ids=["a directory in itself", "four thousand million values", "nowhere", "of another type"],
)
def test_bad_input_45_an_exif_bomb_changes_nothing_of_the_picture(exif: bytes, read: Read, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    page(FIRST).save(path, quality=90)
    path.write_bytes(jpeg_with(path.read_bytes(), exif))
    assert_first_alone(read(path))


@pytest.mark.usefixtures("pillow")
def test_bad_input_45_a_picture_is_turned_whatever_else_its_exif_says(media: MakeMedia, tmp_path: Path) -> None:
    from PIL import Image

    from bot.enrich.image import sheet

    path = tmp_path / "turned.jpg"
    Image.new("L", (300, 200), 255).save(path)
    turned = struct.pack("<HHII", 0x0112, 3, 1, 6)
    maker = struct.pack("<HHII", 0x010F, 10, 3, 20)  # which Pillow cannot write again
    path.write_bytes(
        jpeg_with(path.read_bytes(), b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + turned + maker + bytes(60))
    )
    assert sheet(media(path, "photo")).size == (200, 300)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_bad_input_45_what_would_unfold_beside_the_picture_is_refused(name: bytes, read: Read, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    page(FIRST).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:33] + chunk(name, b"x\0\0" + zlib.compress(bytes(300 << 20), 9)) + whole[33:])
    with pytest.raises(Unfit, match="damaged or cut off"):
        read(path)


# Sound ---------------------------------------------------------------------------------------------------------------


def element(number: bytes, data: bytes) -> bytes:
    return number + (0x10000000 | len(data)).to_bytes(4, "big") + data


def recordings(seconds: float) -> dict[str, bytes]:
    """The beginning of a recording in every form whose header tells a length, with nothing behind it."""
    box = b"\0\0\0\x6cmvhd" + struct.pack(">IIIII", 0, 0, 0, 1000, round(seconds * 1000))
    about = b"\x2a\xd7\xb1\x83" + (1_000_000).to_bytes(3, "big")
    length = b"\x44\x89\x88" + struct.pack(">d", seconds * 1000)
    bits = 48_000 << 44 | round(seconds * 48_000)
    return {
        "audio/ogg": b"OggS\0\x02" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(9) + b"OggS\0\x04" + struct.pack("<q", round(seconds * 48_000)) + bytes(14),
        "audio/mp4": struct.pack(">I8s", 20, b"ftypM4A ") + bytes(8) + box,
        "audio/flac": b"fLaC\0\0\0\x22" + bytes(10) + bits.to_bytes(8, "big") + bytes(16),
        "video/webm": element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x84webm") + element(b"\x15\x49\xa9\x66", about + length),
    }  # fmt: skip


@pytest.mark.parametrize("mime", sorted(recordings(1)))
def test_bad_input_48_a_header_that_claims_ten_hours_is_all_that_is_read(
    mime: str, media: MakeMedia, tmp_path: Path
) -> None:
    path = tmp_path / "voice.ogg"
    path.write_bytes(recordings(36_000)[mime])
    found = media(path)
    assert found.mime == mime
    assert duration_s(path, mime) == 36_000
    with pytest.raises(Unfit, match=r"too long: 36,000 s, at most 1,800 s are read"):
        admit(found, "transcript", 30 * MINUTE)
    path.write_bytes(recordings(60)[mime])
    admit(media(path), "transcript", 30 * MINUTE)


@pytest.mark.parametrize("length", [float("nan"), float("inf"), -1.0])
def test_bad_input_48_a_length_that_is_no_number_is_none(length: float, tmp_path: Path) -> None:
    path = tmp_path / "note.webm"
    whole = recordings(60)["video/webm"]
    path.write_bytes(whole.replace(struct.pack(">d", 60_000.0), struct.pack(">d", length)))
    assert duration_s(path, "video/webm") is None


def test_a_recording_that_was_written_as_a_stream_is_as_long_as_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "note.wav"
    path.write_bytes(tone_model.speech([(400, 2)]).replace(struct.pack("<I", 64_000), b"\xff\xff\xff\xff"))
    assert duration_s(path, "audio/wav") == pytest.approx(2, abs=0.01)
