"""PURE: names of files and folders, made of words that strangers wrote: safe on every system, and always the same."""

import re
from hashlib import sha256
from unicodedata import category

_LONGEST = 80  # bytes of UTF-8, of 255 that a name may have
_ALLOWED = " @.,()+=-_"
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")  # on Windows, with any extension
_TRIMMED = " .-_~"


def safe_name(*words: str) -> str:
    """One name for these words, without an extension: letters, marks and digits of every script, and a few signs.

    Different words never get the same name: a piece of their hash is added where something had to be changed, or where
    another name may differ in nothing but capital letters.
    """
    whole = " ".join(words)
    kept = _cut("".join(letter if _is_safe(letter) else "_" for letter in whole)).strip(_TRIMMED)
    free = kept and not _RESERVED.fullmatch(kept)
    if free and kept == whole and kept.casefold() == kept and not any(" " in word for word in words):
        return kept
    digest = sha256("\x00".join(words).encode("utf-8", "replace")).hexdigest()[:10]
    return f"{kept} {digest}" if free else f"post {digest}"


def _is_safe(letter: str) -> bool:
    return letter in _ALLOWED or category(letter)[0] in "LMN"


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
