"""PURE: reads JSON that strangers wrote: what JSON does not allow is refused in its place, the rest is kept."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf

DEPTH = 64
"""How deep a foreign document may nest: far beyond any post, far below what exhausts a parser."""

_DIGITS = 40


@dataclass(frozen=True, slots=True)
class InvalidValue:
    """Replaces a value that is not JSON: NaN, a number beyond all bounds, an object with a key twice."""

    reason: str
    original: object = None
    """The original: digits, or the object's (key, value) pairs."""


def read(text: str) -> object:
    """The document, with `InvalidValue` in the place of each bad value. Raises ValueError with a sentence."""
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH} levels") from None


def read_items(text: str) -> list[tuple[object, str]]:
    """The items of a document that is a list, each with its own characters. Raises ValueError with a sentence."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
    )
    items: list[tuple[object, str]] = []
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError("not a list")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
        except RecursionError:
            raise ValueError(f"nested deeper than {DEPTH} levels") from None
        items.append((value, text[at:end]))
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"not JSON: no end of the list at character {at}")
    return items


def _skip(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    while text[at : at + 1] in (" ", "\t", "\n", "\r") and at < len(text):
        at += 1
    return at


def find_refusal(value: object) -> str | None:
    """Why this value, or something inside it, cannot be used; None if it can."""
    level = [value]
    for _ in range(DEPTH):
        inside: list[object] = []
        for each in level:
            if isinstance(each, InvalidValue):
                return each.reason
            inside.extend(_children(each))
        if not inside:
            return None
        level = inside
    return f"nested deeper than {DEPTH} levels"


def write(value: object) -> str:
    """JSON text of a value for the record, refused parts as they were; "" where it is nested beyond writing."""
    try:
        return storable(json.dumps(value, ensure_ascii=False, sort_keys=True, default=_original))
    except RecursionError:
        return ""


def storable(text: str) -> str:
    """The words as an archive in UTF-8 can hold them: a lone surrogate is written out, NUL becomes U+FFFD."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "backslashreplace").decode("utf-8")


def _original(value: object) -> object:
    return value.original if isinstance(value, InvalidValue) else str(value)


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _object(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return InvalidValue(f"the key {twice[:60]!r} appears twice in one object", pairs)


def _constant(name: str) -> object:
    return InvalidValue(f"{name} is not a JSON number", name)


def _float(digits: str) -> object:
    value = float(digits)
    return InvalidValue(f"{digits[:_DIGITS]} is too large a number", digits) if isinf(value) else value


def _integer(digits: str) -> object:
    return (
        int(digits)
        if len(digits) <= _DIGITS
        else InvalidValue(f"a number of {len(digits)} digits is too large", digits)
    )
