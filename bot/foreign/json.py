"""PURE: reads JSON that strangers wrote: what JSON does not allow is refused in its place, the rest is kept."""

import json
from collections.abc import Iterator
from math import isinf

from storage.frozen import dataclass

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


def read_items(text: str, key: str | None = None) -> tuple[list[tuple[object, str]], dict[str, object]]:
    """The items of a list, each with its own characters: of the document, or of what an object has under `key`.

    The second value is what else such an object has. Raises ValueError with a sentence.
    """
    try:
        place = _Items(text)
        found = place.of_object(key) if key is not None else (place.of_list(), {})
        place.end()
        return found  # noqa: TRY300 - what follows the document spoils it
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH} levels") from None


class _Items:
    """A place in a text, which moves on over what is read."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._text = text
        self._at = _skip(text, at)
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )

    def of_list(self) -> list[tuple[object, str]]:
        items: list[tuple[object, str]] = []
        self._take("[")
        while self._sign != "]":
            start = self._at
            value, end = self._value()
            items.append((value, self._text[start:end]))
            if self._sign != "]":
                self._take(",")
        self._take("]")
        return items

    def of_object(self, key: str) -> tuple[list[tuple[object, str]], dict[str, object]]:
        others: dict[str, object] = {}
        items: list[tuple[object, str]] | None = None
        self._take("{")
        while self._sign != "}":
            name, _ = self._value()
            self._take(":")
            if name == key:
                items = self.of_list()
            else:
                others[str(name)], _ = self._value()
            if self._sign != "}":
                self._take(",")
        self._take("}")
        if items is None:
            raise ValueError(f"nothing called {key!r} in it")
        return items, others

    def end(self) -> None:
        """Raise ValueError where something follows: then a bracket was closed too early, and items are not read."""
        if self._sign:
            raise ValueError(f"not JSON: more follows at character {self._at}")

    @property
    def _sign(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> None:
        if self._sign != sign:
            raise ValueError(f"not JSON of this form: no {sign!r} at character {self._at}")
        self._at = _skip(self._text, self._at + 1)

    def value(self) -> object:
        return self._value()[0]

    def _value(self) -> tuple[object, int]:
        value, end = self._decoder.raw_decode(self._text, self._at)
        self._at = _skip(self._text, end)
        return value, end


def _skip(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    while text[at : at + 1] in (" ", "\t", "\n", "\r") and at < len(text):
        at += 1
    return at


def read_beginning(text: str, at: int) -> object:
    """The value that begins at this place, whatever follows it; None where there is none."""
    try:
        return _Items(text, at).value()
    except (ValueError, RecursionError):
        return None


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
