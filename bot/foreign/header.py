"""PURE: words in a header of a letter or a request, so that nothing in them can end it or mean anything."""

import re
from base64 import b64encode
from collections.abc import Iterator

_WORD = 45  # bytes of UTF-8 in one encoded word, which has at most 75 letters (RFC 2047)


def encode_header(words: str, *, fold: str = " ") -> str:
    """Plain ASCII that reads back as the words (RFC 2047); `fold` stands between two encoded words.

    All but a few plain words are encoded: also those that look as if they were encoded already.
    """
    if len(words) <= 60 and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 .-]*", words):
        return words
    return fold.join(f"=?utf-8?b?{b64encode(piece).decode('ascii')}?=" for piece in _pieces(words))


def _pieces(words: str) -> Iterator[bytes]:
    piece = b""
    for letter in words:
        data = letter.encode("utf-8", "replace")
        if len(piece) + len(data) > _WORD:
            yield piece
            piece = b""
        piece += data
    yield piece
