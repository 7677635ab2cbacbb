"""PURE: how foreign text, ids and numbers are made fit for a column."""

import re

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with NUL and lone surrogates, which SQLite cannot keep whole, as U+FFFD; offsets stay the same."""
    if "\x00" not in text:
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return _UNFIT.sub("\ufffd", text)


def storable_or_none(text: str | None) -> str | None:
    """The same for a column that may be empty."""
    return None if text is None else storable(text)


def id_text(identity: object) -> str:
    """A source's id as text, whatever it is. Two ids that differ stay different: what is unfit is written out."""
    text = str(identity)
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\x00", "\\x00")


def int64_or_none(number: object) -> int | None:
    """A number that fits SQLite's 64 bits; None for any other."""
    if isinstance(number, int) and not isinstance(number, bool) and -(1 << 63) <= number < 1 << 63:
        return number
    return None
