"""PURE: finds the charset of bytes from outside, whatever label they carry."""

import codecs
import re

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_NO_CHARSETS = frozenset(("idna", "punycode", "raw-unicode-escape", "unicode-escape"))
_STATEFUL = ("utf-7", "iso2022", "hz")


def decode(data: bytes, content_type: str) -> str:
    """The text of the document. UTF-8 is believed before any label, for nothing else is valid UTF-8 by accident.

    Raises ValueError for UTF-7, for an unknown charset of bytes that are no UTF-8, and for broken UTF-16.
    """
    for mark, unicode in ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32")):
        if data.startswith(mark):
            return data.decode("utf-8-sig" if unicode == "utf-8" else unicode, "replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(data, "utf-16")
    if data[:2] in {b"<\0", b"\0<"}:
        return _strictly(data, "utf-16-le" if data[:1] == b"<" else "utf-16-be")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    declared = _DECLARED.match(data[:1000])
    labels = [found for found in (charset and charset[1], declared and declared[1].decode()) if found]
    names = [_codec(label) for label in labels]
    if "utf-7" in names:
        raise ValueError("in UTF-7, which is refused: it hides markup from every check")
    for name in names:
        if name and name.startswith(_STATEFUL):
            return _strictly(data, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data, labels, names)


def _legacy(data: bytes, labels: list[str], names: list[str | None]) -> str:
    """Bytes that are no UTF-8: by their label; mended where all but a few are UTF-8; else windows-1252."""
    for name in names:
        if name and name != "utf-8" and not name.startswith(("utf-16", "utf-32")):
            try:
                return data.decode(name)
            except UnicodeDecodeError:
                continue
    high = sum(byte > 0x7F for byte in data)
    mended = data.decode("utf-8", "replace")
    if mended.count("\ufffd") * 10 < high:
        return mended
    if None in names:
        raise ValueError(f"in an unknown charset ({', '.join(labels)[:60]})")
    return data.decode("windows-1252", "replace")


def _codec(label: str) -> str | None:
    """Python's name of a charset; None for an unknown label and for codecs that are no charsets."""
    try:
        b" ".decode(label)
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return None if name in _NO_CHARSETS else name


def _strictly(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        raise ValueError(f"not the {name} that it says it is") from None
