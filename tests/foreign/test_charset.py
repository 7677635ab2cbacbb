"""Bytes become words by what the web means by a label; a label that is wrong for its bytes is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.charset import decode

GOLDEN = (Path(__file__).parent / "golden" / "charsets.tsv").read_text(encoding="utf-8").splitlines()[1:]
CASES = [
    (label, bytes.fromhex(in_hex), text)
    for _, in_hex, text, labels in (line.split("\t") for line in GOLDEN)
    for label in labels.split()
]


def document(label: str, words: bytes) -> bytes:
    return f'<?xml version="1.0" encoding="{label}"?><rss>'.encode() + words + b"</rss>"


@pytest.mark.parametrize(("label", "data", "text"), CASES, ids=[case[0] for case in CASES])
def test_every_label_of_the_web_is_what_the_web_means_by_it(label: str, data: bytes, text: str) -> None:
    for found in (decode(document(label, data), "text/xml"), decode(data, f'text/xml; charset="{label.upper()}"')):
        assert text in found.text
        assert found.note is None


@pytest.mark.parametrize(
    ("label", "data", "charset", "words"),
    [
        ("gb2312", b"\xb9\xab\xb8\xe6\xff convoy", "gbk", "公告\ufffd convoy"),
        ("euc-kr", b"\xb9\xdf\xff convoy", "euc-kr", "발\ufffd convoy"),
        ("shift_jis", b"\x94\xad\x85\xfc convoy", "shift_jis", "発\ufffd convoy"),
        ("big5", b"\xa4\xbd\x80 convoy", "big5", "公\ufffd convoy"),
        ("euc-jp", b"\xc8\xaf\xfe\xfe convoy", "euc-jp", "発"),
        ("utf-8", "Été à Lïmé".encode("windows-1252"), "utf-8", "t\ufffd"),
        ("iso-8859-7", b"\xc1\xff convoy", "iso-8859-7", "Α\ufffd convoy"),
    ],
)
def test_a_label_that_is_wrong_for_its_bytes_is_decoded_with_replacement_and_noted(
    label: str, data: bytes, charset: str, words: str
) -> None:
    found = decode(document(label, data), "")
    assert words in found.text
    assert found.note == f"charset label wrong: decoded as {charset} with replacement"


def test_what_the_document_says_of_itself_is_believed_before_a_servers_usual_label() -> None:
    found = decode(document("windows-1251", "Говорит".encode("windows-1251")), "text/xml; charset=ISO-8859-1")
    assert ("Говорит" in found.text, found.note) == (True, None)


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1250", "windows-1253", "windows-1255", "windows-874"])
def test_a_byte_that_a_charset_of_windows_leaves_out_is_a_control_and_no_fault(label: str) -> None:
    found = decode(document(label, b"one\x90two"), "")
    assert ("one\x90two" in found.text, found.note) == (True, None)


def test_a_label_that_fits_is_taken_where_another_does_not() -> None:
    found = decode(document("utf-8", "Говорит".encode("koi8-r")), "text/xml; charset=koi8-r")
    assert ("Говорит" in found.text, found.note) == (True, None)


def test_bytes_without_a_label_that_are_no_utf_8_are_a_noted_guess() -> None:
    found = decode("<rss>Déjà vu, café</rss>".encode("windows-1252"), "text/xml")
    assert "Déjà vu, café" in found.text
    assert "a guess" in (found.note or "")


def test_a_label_that_cannot_be_meant_is_a_noted_guess() -> None:
    found = decode(document("utf-16", "Déjà vu".encode("windows-1252")), "")
    assert "Déjà vu" in found.text
    assert found.note == "charset label wrong: decoded as windows-1252, which is a guess"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("start", ["<rss>", "\n<rss>", " <rss>"])
def test_utf_16_without_a_mark_is_recognized(codec: str, start: str) -> None:
    assert decode(f"{start}တိုက်ပွဲ".encode(codec), "").text == f"{start}တိုက်ပွဲ"


def test_a_few_broken_bytes_in_utf_8_are_replaced_and_noted() -> None:
    found = decode("<rss>တိုက်ပွဲ</rss>".encode() * 20 + b"\xff", "")
    assert "တိုက်ပွဲ" in found.text
    assert "utf-8 with replacement" in (found.note or "")


@given(st.binary(max_size=60), st.sampled_from([label for label, _, _ in CASES]))
def test_no_bytes_break_a_charset_of_the_web(data: bytes, label: str) -> None:
    found = decode(document(label, data), "")
    assert found.text
    assert found.note is None or label not in {"windows-1252", "windows-1251", "koi8-r"} or "utf-8" in found.note
