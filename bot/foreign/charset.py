"""PURE: finds the charset of bytes from outside, and decodes them as the web does, whatever label they carry."""

import codecs
import re

from bot.foreign.charset_labels import find_charset
from storage.frozen import dataclass

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_NO_CHARSETS = frozenset(("idna", "punycode", "raw-unicode-escape", "unicode-escape"))
_SEVEN_BIT = frozenset(("iso-2022-jp", "iso-2022-kr", "hz"))
_WIDE = ("utf-16", "utf-32")

# What the web means by a charset, and Python's codec of another name that is nearest to it.
_CODECS = {
    "windows-874": "cp874",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "iso-8859-8-i": "iso8859-8",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "iso-2022-jp": "iso2022_jp_ext",
    "x-user-defined": "latin-1",
}
_JAPANESE = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")
_CHINESE = str.maketrans(
    "\ue5e5\ue7c7\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
    "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
    "\u3000ḿ︐︒︑︓︔︕︖︗︘︙龴龵龶龷龸龹龺龻",
)
_MENDED = {  # where the codecs differ from https://encoding.spec.whatwg.org/#indexes
    "koi8-u": str.maketrans("╝╬", "ўЎ"),
    "euc-jp": _JAPANESE,
    "iso-2022-jp": _JAPANESE,
    "big5": str.maketrans("•､‾∼♁☉／＼¥¢£", "‧﹑¯～⊕⊙∕﹨￥￠￡"),
    "gbk": _CHINESE,
    "gb18030": _CHINESE,
    "x-user-defined": {byte: 0xF700 + byte for byte in range(0x80, 0x100)},
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a document, its charset by the web's name, and a sentence where a person should know how it came."""

    text: str
    charset: str
    note: str | None = None


def decode(data: bytes, content_type: str) -> Decoded:
    """The text of the document. UTF-8 is believed before any label, for nothing else is valid UTF-8 by accident.

    Raises ValueError for UTF-7, for an unknown charset of bytes that are no UTF-8, and for broken UTF-16.
    """
    for mark, unicode in ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32")):
        if data.startswith(mark):
            text = data.decode("utf-8-sig" if unicode == "utf-8" else unicode, "replace")
            return Decoded(text, unicode)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Decoded(_strictly(data, "utf-16"), "utf-16")
    if data[:2].strip(b"< \t\r\n") == b"\0" and len(data) > 1:
        wide = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return Decoded(_strictly(data, wide), wide)
    labels = _labels(data, content_type)
    charsets = [_charset(label) for label in labels]
    if "utf-7" in charsets:
        raise ValueError("in UTF-7, which is refused: it hides markup from every check")
    seven_bit = next((charset for charset in charsets if charset in _SEVEN_BIT), None)
    if seven_bit and data.isascii():
        return _by_label(data, [seven_bit])
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _legacy(data, labels, charsets)


def _labels(data: bytes, content_type: str) -> list[str]:
    """What the reply's header and the document say, the more trustworthy first.

    Many servers call everything ISO-8859-1, whatever the document says of itself.
    """
    header, declared = _IN_HEADER.search(content_type), _DECLARED.match(data[:1000])
    labels = [found for found in (header and header[1], declared and declared[1].decode()) if found]
    return sorted(labels, key=lambda label: _charset(label) == "windows-1252")


def _legacy(data: bytes, labels: list[str], charsets: list[str | None]) -> Decoded:
    """Bytes that are no UTF-8: by their label, with a note where it is wrong; unlabelled ones as windows-1252."""
    usable = [name for name in charsets if name and name != "utf-8" and not name.startswith(_WIDE)]
    if usable:
        return _by_label(data, usable)
    mended = data.decode("utf-8", "replace")
    if "utf-8" in charsets or mended.count("\ufffd") * 10 < sum(byte > 0x7F for byte in data):
        return Decoded(mended, "utf-8", _with_replacement("utf-8"))
    if None in charsets:
        raise ValueError(f"in an unknown charset ({', '.join(labels)[:60]})")
    wrong = "charset label wrong" if labels else "no charset label, and the bytes are no UTF-8"
    note = f"{wrong}: decoded as windows-1252, which is a guess"
    return Decoded(_decoded(data, "windows-1252", "web"), "windows-1252", note)


def _by_label(data: bytes, charsets: list[str]) -> Decoded:
    """By the first charset that fits every byte; where none does, by the first one with replacement, and noted."""
    for charset in charsets:
        try:
            return Decoded(_decoded(data, charset, "web"), charset)
        except UnicodeDecodeError:
            continue
    return Decoded(_decoded(data, charsets[0], "web-replace"), charsets[0], _with_replacement(charsets[0]))


def _with_replacement(charset: str) -> str:
    return f"charset label wrong: decoded as {charset} with replacement"


def _charset(label: str) -> str | None:
    """The web's name of a charset, else Python's; None for an unknown label and for codecs that are no charsets."""
    if charset := find_charset(label):
        return charset
    try:
        b" ".decode(label)
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return None if name in _NO_CHARSETS else name.replace("iso2022", "iso-2022")


def _strictly(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        raise ValueError(f"not the {name} that it says it is") from None


def _decoded(data: bytes, charset: str, errors: str) -> str:
    text = data.decode(_CODECS.get(charset, charset), errors)
    return text.translate(_MENDED[charset]) if charset in _MENDED else text


# What Python's codecs do not know and the web does -----------------------------------------------------------------


def _mend(error: UnicodeError) -> tuple[str, int]:
    """The letter that the web reads where a codec fails; raises the error where there is none."""
    assert isinstance(error, UnicodeDecodeError)
    at, codec = error.start, error.encoding
    byte, pair = error.object[at], error.object[at : at + 2]
    if codec == "charmap" and byte < 0xA0:
        return chr(byte), at + 1
    if codec == "gb18030" and byte == 0x80:
        return "€", at + 1
    if codec == "big5hkscs" and pair == b"\xa3\xe1":
        return "€", at + 2
    if codec.startswith(("euc_jp", "iso2022_jp")) and len(pair) == 2:
        with_high_bits = bytes(each | 0x80 for each in pair)
        if min(with_high_bits) > 0xA0 and (letter := _row_of_windows(*with_high_bits)):
            return letter, at + 2
    raise error


def _row_of_windows(lead: int, trail: int) -> str:
    """A letter that Windows added to JIS X 0208 (circled digits, Roman numerals, rare characters): "" for none."""
    row, cell = lead - 0xA1, trail - 0xA1
    first = row // 2 + (0x81 if row < 62 else 0xC1)
    second = cell + 0x9F if row % 2 else cell + 0x40 + (cell > 62)
    return bytes((first, second)).decode("cp932", "ignore")


def _mend_or_replace(error: UnicodeError) -> tuple[str, int]:
    try:
        return _mend(error)
    except UnicodeDecodeError as failed:
        wide = failed.encoding.startswith(("gb", "big5", "cp9", "euc"))
        trail = failed.object[failed.start + 1 : failed.start + 2]
        return "\ufffd", failed.start + (2 if wide and trail > b"\x7f" else 1)


codecs.register_error("web", _mend)
codecs.register_error("web-replace", _mend_or_replace)
