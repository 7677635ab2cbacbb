"""Positions in the text of a TOML file: key path -> offset, offset -> line and column."""

import re
import tomllib

from storage.frozen import dataclass

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*+")
_KEY = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\])*"|'[^']*\'''', re.DOTALL
)
_BARE = re.compile(r"[^,\]}#\n]+")
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_JOIN = re.compile(r"\\[ \t]*\n\s*")  # a backslash at the end of a line: nothing, up to the next word


@dataclass(frozen=True, slots=True)
class KeyPosition:
    """Offsets of a key and of its value; for a table both are its header, for an item of a list the item."""

    key: int
    value: int


def scan(text: str) -> dict[KeyPath, KeyPosition]:
    """The place of every table, key and list item. `text` is what tomllib has accepted, with plain newlines."""
    return _Scan(text).run()


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both count from 1, in code points, a tab is one."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def offset_of(text: str, line: int, column: int) -> int:
    """The inverse of `line_and_column`."""
    return sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1


def inside(text: str, start: int, index: int) -> int:
    """Offset of the code point `index` of the string whose literal opens at `start`; an escape counts as one."""
    quote = text[start]
    tall = text.startswith(quote * 3, start)
    at = start + (3 if tall else 1)
    if tall and text[at] == "\n":
        at += 1
    while True:
        if quote == '"' and tall and (joined := _JOIN.match(text, at)):
            at = joined.end()
        elif index <= 0:
            return at
        else:
            escape = _ESCAPE.match(text, at) if quote == '"' else None
            at = escape.end() if escape else at + 1
            index -= 1


class _Scan:
    """One walk over the text. It trusts tomllib to have refused everything that is not TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[KeyPath, KeyPosition] = {}
        self.last: dict[KeyPath, int] = {}  # arrays of tables: the index of the newest

    def run(self) -> dict[KeyPath, KeyPosition]:
        table: KeyPath = ()
        while self.skip():
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.places

    def skip(self) -> bool:
        """Go past blanks, commas and comments; False at the end of the text."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.at < len(self.text)

    def header(self) -> KeyPath:
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self.keys()
        self.at = self.text.index("]", self.at) + (2 if many else 1)
        table: KeyPath = ()
        for n, (_, key) in enumerate(keys):
            table += (key,)
            self.places.setdefault(table, KeyPosition(start, start))
            if many and n == len(keys) - 1:
                self.last[table] = self.last.get(table, -1) + 1
            if table in self.last:
                table += (self.last[table],)
        self.places[table] = KeyPosition(start, start)
        return table

    def keys(self) -> list[tuple[int, str]]:
        """Read the parts of a dotted key, each with its offset."""
        found: list[tuple[int, str]] = []
        dot = "."
        while dot and (key := _KEY.match(self.text, self.at)):
            name = key[1]
            found.append((key.start(1), tomllib.loads(f"k={name}")["k"] if name[0] in "\"'" else name))
            self.at, dot = key.end(), key[2]
        return found

    def pair(self, table: KeyPath) -> None:
        start = self.at
        for start, key in self.keys():
            table += (key,)
            self.places.setdefault(table, KeyPosition(start, start))
        self.at += 1  # the equals sign
        self.value(table, start)

    def value(self, path: KeyPath, key: int | None = None) -> None:
        self.skip()
        start = self.at
        self.places[path] = KeyPosition(start if key is None else key, start)
        if self.text[start] == "[":
            self.members(path, "]")
        elif self.text[start] == "{":
            self.members(path, "}")
        elif literal := (_STRING if self.text[start] in "\"'" else _BARE).match(self.text, start):
            self.at = literal.end()

    def members(self, path: KeyPath, closing: str) -> None:
        self.at += 1
        n = 0
        while self.skip() and self.text[self.at] != closing:
            if closing == "]":
                self.value((*path, n))
            else:
                self.pair(path)
            n += 1
        self.at += 1
