"""Usual slips in a TOML file -> what to write instead, and where; the parser alone says only what it expected."""

import re
from collections.abc import Callable

from storage.frozen import dataclass

_QUOTES = "“”„‟‘’‚‛«»‹›″＂′｀`"
_INVISIBLE = re.compile("[\ufeff\u00a0\u2000-\u200f\u202a-\u202f\u2060-\u2064\u3000]")
_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_STRAIGHT = 'straight quotation marks (")'


@dataclass(frozen=True, slots=True)
class Slip:
    """What the parser refused: its message, the whole text, and the place as offset, with its line taken apart."""

    message: str
    text: str
    offset: int

    @property
    def start(self) -> int:
        """Offset of the first character of the line."""
        return self.text.rfind("\n", 0, self.offset) + 1

    @property
    def line(self) -> str:
        """The whole line, without its end."""
        return self.text[self.start :].partition("\n")[0]

    @property
    def rest(self) -> str:
        """What follows the place on its line, without a comment."""
        return self.line[self.offset - self.start :].partition("#")[0].strip()

    @property
    def key(self) -> str:
        """What is before the equals sign."""
        return self.line.partition("=")[0].strip()

    @property
    def value(self) -> str:
        """What is behind the equals sign, without a comment."""
        return self.line.partition("=")[2].partition("#")[0].strip()


Found = tuple[str, int] | None  # the sentence and its offset


def explain_slip(message: str, text: str, offset: int) -> tuple[str, int]:
    """The sentence to show for a refusal of the parser, and the offset of its place."""
    slip = Slip(message, text, offset)
    for look in _LOOKS:
        found = look(slip)
        if found is not None:
            return found
    return f"{message[:1].lower()}{message[1:]}", offset


def _typographic(slip: Slip) -> Found:
    """“desk”: what a word processor makes of "desk"."""
    at = next((at for at, sign in enumerate(slip.line) if sign in _QUOTES), None)
    if at is None or _is_inside(slip.line, at) or "#" in slip.line[:at]:
        return None
    if "=" not in slip.line and slip.start + at != slip.offset:
        return None
    inside = re.sub(f"[{_QUOTES}\"']", "", slip.value).strip("[], ")
    shown = f': write "{inside}"' if inside and "," not in inside else ""
    return f"{slip.line[at]} is a typographic quotation mark{shown}, with {_STRAIGHT}", slip.start + at


def _is_inside(line: str, at: int) -> bool:
    """Whether this place is inside a string that is closed on its line."""
    strings = re.finditer(r'"(?:\\.|[^"\\])*"' + r"|'[^']*'", line)
    return any(found.start() < at < found.end() for found in strings)


def _invisible(slip: Slip) -> Found:
    at = slip.offset if slip.offset < len(slip.text) else len(slip.text) - 1
    sign = slip.text[at] if slip.text else ""
    if sign == "\0":
        return "the file contains zero bytes: save it as UTF-8", at
    if _INVISIBLE.match(sign):
        return f"an invisible character (U+{ord(sign):04X}) is here: remove it", at
    return None


def _twice(slip: Slip) -> Found:
    """A section, or a key of one, that the file has already."""
    if not slip.message.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate")):
        return None
    before = slip.text[: slip.start].split("\n")
    header = re.match(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]", slip.line)
    if header is None:
        return _key_twice(slip, before)
    name, start = header[2], slip.start + header.start(1)
    for number, line in enumerate(before, 1):
        earlier = re.match(rf"\s*(\[{{1,2}})\s*{re.escape(name)}\s*\]", line)
        if earlier is None:
            continue
        if earlier[1] != header[1]:
            return f"write [[{name}]], with two brackets, above each entry, here and in line {number}", start
        return f"the section [{name}] is here twice, first in line {number}: put its keys together in one", start
    return None


def _key_twice(slip: Slip, before: list[str]) -> Found:
    key = slip.key
    for number in range(len(before), 0, -1):
        if before[number - 1].partition("=")[0].strip() == key:
            start = slip.start + slip.line.index(key)
            return f"the key {key} is here twice, first in line {number}: remove one of the two", start
    return None


def _no_equals(slip: Slip) -> Found:
    if not slip.message.startswith("Expected '='"):
        return None
    indent = len(slip.line) - len(slip.line.lstrip())
    if slip.line.lstrip().startswith("- "):
        return 'TOML has no "- " before a key: remove it', slip.start + indent
    parts = re.match(r"\s*([^\s:＝=]+)\s*([:＝=]?)\s*(.*)", slip.line.partition("#")[0])
    if parts is None:
        return None
    key, sign, value = parts.groups()
    if sign in (":", "＝") and sign:
        return f'write = instead of "{sign}": {key} = {value.strip() or "…"}', slip.start + slip.line.index(sign)
    if "=" in slip.line:
        return f"a key has no spaces: {slip.key} is none", slip.offset
    return f"write = between the key and its value: {key} = {value.strip() or '…'}", slip.offset


def _bare_time(slip: Slip) -> Found:
    """A time without quotation marks, which is no value in TOML: from = 22:00."""
    for found in re.finditer(r"=\s*(\d{1,2}:\d{2})(?![:\d])", slip.line.partition("#")[0]):
        if not _is_inside(slip.line, found.start(1)):
            return f'write the time in quotation marks: "{found[1]:0>5}"', slip.start + found.start(1)
    return None


def _unquoted(slip: Slip) -> Found:
    """Words, durations and paths without quotation marks."""
    if not slip.message.startswith(("Invalid value", "Expected newline")) or "=" not in slip.line:
        return None
    value = slip.value
    start = slip.start + slip.line.index("=") + 1
    start += len(slip.text[start:]) - len(slip.text[start:].lstrip(" \t"))
    if not value:
        return f"the value is missing: {slip.key} = …", start
    if value.startswith("="):
        return "write one equals sign", start
    if value[0] in "\"'[{":
        return _after_value(slip)
    word = value.rstrip(",;").strip("\"'")
    if re.fullmatch(r"[+-]?0+[0-9]+", word):
        return f"a number does not begin with 0: write {int(word)}", start
    if word.casefold() in ("true", "false", *_TRUTH):
        return f"write {_TRUTH.get(word.casefold(), word.casefold())}", start
    return f"write {_quoted(word)}, in quotation marks", start


def _quoted(value: str) -> str:
    return f"'{value}'" if "\\" in value or '"' in value else f'"{value}"'


def _after_value(slip: Slip) -> Found:
    """Something follows a whole value on its line, or is wrong inside a list."""
    if not slip.message.startswith("Expected newline"):
        return f"{slip.rest.partition(',')[0].rstrip(']} ')} is no value: put text in quotation marks", slip.offset
    if slip.rest[:1] in (";", ","):
        return f"remove the {slip.rest[0]} at the end of the line", slip.offset
    if re.match(r"[\w.-]+\s*=", slip.rest):
        return "write each key on a line of its own", slip.offset
    if slip.value[0] == '"':
        inside = slip.value[1:].removesuffix('"')
        other = f"'{inside}'" if "'" not in inside else "'''…'''"
        return f'a quotation mark inside the text ends it: write {other}, or \\" for each one inside', slip.offset
    return "an apostrophe inside the text ends it: write the text in straight double quotation marks", slip.offset


def _backslash(slip: Slip) -> Found:
    if not slip.message.startswith(("Unescaped '\\'", "Invalid hex value", "Escaped character")):
        return None
    found = re.search(r'"((?:[A-Za-z]:\\|[^"\n]*\\)[^"\n]*)"', slip.line)
    shown = f": write '{found[1]}', in single quotation marks" if found and "'" not in found[1] else ""
    at = slip.start + found.start() if found else slip.offset
    return f"\\ has a meaning of its own in double quotation marks{shown}, or \\\\ for each \\", at


def _bracket(slip: Slip) -> Found:
    if slip.message.startswith("Expected ']"):
        double = "]]" in slip.message
        name = re.match(r"\s*\[{1,2}\s*([\w.\"-]*)", slip.line)
        shown = name[1] if name else "…"
        return f"a bracket is missing: write {f'[[{shown}]]' if double else f'[{shown}]'}", slip.offset
    if slip.message.startswith(("Unclosed array", "Unclosed inline table")):
        opening = "[" if "array" in slip.message else "{"
        start = _opening(slip.text[: slip.offset], opening)
        closing = {"[": "]", "{": "}"}[opening]
        return f"what begins with {opening} here has no {closing}, or a comma is missing between two values", start
    return None


def _opening(text: str, bracket: str) -> int:
    """Offset of the last opening bracket that begins a value; that of the end where there is none."""
    found = list(re.finditer(rf"=\s*(\{bracket})", text))
    return found[-1].start(1) if found else len(text)


def _unclosed(slip: Slip) -> Found:
    if slip.message.startswith(("Illegal character '\\n'", "Unterminated string", "Expected '")):
        return "the text is not closed: a quotation mark is missing at its end", slip.offset
    if slip.message.startswith("Illegal character"):
        sign = slip.text[min(slip.offset, len(slip.text) - 1)]
        return f"a control character (U+{ord(sign):04X}) is here: remove it", slip.offset
    return None


def _foreign(slip: Slip) -> Found:
    """The comments and brackets of other languages."""
    if slip.message.startswith("Invalid statement"):
        if slip.rest.startswith(("//", ";", "--", "/*")):
            return "a comment begins with #", slip.offset
        if slip.rest.startswith("{"):
            return "the file looks like JSON: a config is written in TOML, as `communique init` shows", slip.offset
    return None


_LOOKS: tuple[Callable[[Slip], Found], ...] = (
    _invisible, _twice, _typographic, _no_equals, _backslash, _bare_time, _unquoted, _bracket, _unclosed, _foreign,
)  # fmt: skip
