"""PURE: what an IMAP server answers (RFC 3501, section 7), as nested lists of words and bytes."""

import re
from collections.abc import Iterator, Mapping, Sequence

_DEEPEST = 50
_ANNOUNCED = re.compile(rb"\{([0-9]{1,10})\+?\}$")
_WORD = re.compile(rb'[^\s()"{]+')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"')

Item = bytes | list["Item"] | None  # None: NIL


def announced(line: bytes) -> int | None:
    """How many bytes follow a line as they are; None where the line ends an answer."""
    found = _ANNOUNCED.search(line)
    return int(found[1]) if found else None


def read_items(pieces: Sequence[bytes]) -> list[Item]:
    """The items of one answer: every other piece is a line, those between are the bytes that the line before announced.

    Raises ValueError for what is no answer of IMAP.
    """
    top: list[Item] = []
    within = [top]
    for at, piece in enumerate(pieces):
        if at % 2:
            within[-1].append(piece)
            continue
        for word in _words(_ANNOUNCED.sub(b"", piece)):
            if word == b"(":
                if len(within) > _DEEPEST:
                    raise ValueError("the answer is nested too deep")
                inner: list[Item] = []
                within[-1].append(inner)
                within.append(inner)
            elif word == b")":
                within.pop()
                if not within:
                    raise ValueError("a bracket is closed that was never opened")
            elif word == b"NIL":
                within[-1].append(None)
            else:
                within[-1].append(word[1:] if word[:1] == b'"' else word)
    if len(within) > 1:
        raise ValueError("a bracket is never closed")
    return top


def _words(line: bytes) -> Iterator[bytes]:
    """Brackets, words, and quoted strings behind a quotation mark. A section in square brackets belongs to its word."""
    at = 0
    while at < len(line):
        if line[at : at + 1].isspace():
            at += 1
        elif line[at : at + 1] in (b"(", b")"):
            yield line[at : at + 1]
            at += 1
        elif found := _QUOTED.match(line, at):
            yield b'"' + re.sub(rb"\\(.)", rb"\1", found[1])
            at = found.end()
        elif found := _WORD.match(line, at):
            end = found.end()
            if b"[" in found[0] and b"]" not in found[0]:
                end = line.find(b"]", end) + 1
                if not end:
                    raise ValueError("a section is never closed")
                rest = re.compile(rb"<[0-9]+>").match(line, end)
                end = rest.end() if rest else end
            yield line[at:end]
            at = end
        else:
            raise ValueError("a quotation is never closed")


def read_fields(items: Item) -> Mapping[str, Item]:
    """What FETCH says of one letter: by the name of the field, without its section."""
    if not isinstance(items, list) or len(items) % 2:
        raise ValueError("FETCH answered with something that is no list of fields")
    found: dict[str, Item] = {}
    for name, value in zip(items[::2], items[1::2], strict=True):
        found[re.split(rb"[\[<]", as_bytes(name))[0].decode("ascii", "replace").upper()] = value
    return found


def as_number(item: Item) -> int:
    """A number of at most ten digits. Raises ValueError."""
    if not isinstance(item, bytes) or not re.fullmatch(rb"[0-9]{1,19}", item):
        raise ValueError("a number was expected")
    return int(item)


def as_bytes(item: Item) -> bytes:
    """The bytes of a string; none for NIL. Raises ValueError."""
    if isinstance(item, list):
        raise ValueError("a string was expected")  # noqa: TRY004 - the server's mistake, as any other in an answer
    return item or b""


def quote(words: str) -> str:
    """A quoted string of IMAP. Raises ValueError for what has no such form."""
    if not words.isascii() or not words.isprintable():
        raise ValueError("only plain ASCII can be quoted")
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encode_folder(name: str) -> str:
    """A folder's name as IMAP writes it: modified UTF-7 (RFC 3501, section 5.1.3), quoted."""
    from base64 import b64encode

    def shifted(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        code = b64encode(found[0].encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")
        return f"&{code}-"

    return quote(re.sub(r"&|[^\x20-\x7e]+", shifted, name))
