"""PURE: words that no messenger and no mail program makes tappable: no mention, command, tag, address or number."""

import re
from collections.abc import Iterator

JOINER = "\u2060"
"""Word joiner: shown by nothing, and part of no name, command, tag, address or number that programs look for."""

_BEFORE = re.compile(
    r"(?<=[@＠#＃])(?=\w)"  # @name, #tag, name@host
    r"|(?<=\$)(?=[^\W\d_]|1INCH)"  # $TAG
    r"|(?<=(?<![\w/<>])/)(?=\w)"  # /command, but not Asia/Yangon, and no tag
    r"|(?<=[\w-]\.)(?=[^\W\d_])"  # host.example, but not 3.5
    r"|(?<=:)(?=[/\\]{2})"  # https://host
    r"|(?<=\btg:)(?=\w)|(?<=\btel:)(?=[\w+])|(?<=\bmailto:)(?=\w)|(?<=\bsms:)(?=[\w+])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.,])\+?\d(?:[\s().\u2010-\u2015-]{0,3}\d){6,}(?!\w)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:\s\d\d)?")


def find_breaks(text: str) -> list[int]:
    """Where a joiner has to go, in order. Text that has its joiners needs no more."""
    return sorted({found.start() for found in _BEFORE.finditer(text)} | set(_in_numbers(text)))


def make_inert(text: str) -> str:
    """The text with its joiners: it reads as before, and is no more than words."""
    pieces, last = [], 0
    for place in find_breaks(text):
        pieces.append(text[last:place])
        last = place
    return JOINER.join([*pieces, text[last:]])


def _in_numbers(text: str) -> Iterator[int]:
    """Between the digits of what may be the number of a telephone or a card, two by two; dates are left alone."""
    for found in _NUMBER.finditer(text):
        if _DATE.fullmatch(found[0]):
            continue
        digits = 0
        for place, sign in enumerate(found[0], found.start()):
            if place > found.start() and digits % 2 == 0 and sign.isdigit():
                yield place
            digits += sign.isdigit()
