"""One section of a config file, read also where the file is no TOML elsewhere: the archive stays readable then.

Cheap: of a file with nothing but plain lines, thousands of rules for example, only the section is parsed.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from bot.config.opening import read_file
from bot.errors import ConfigError, Problem

Note = Callable[[Problem], None]

_HEADER = re.compile(r"^[ \t]*\[{1,2}[ \t]*[\w.\"' \t-]+\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE)

# What a plain file is made of: headers, comments, and keys with texts, numbers, booleans, small tables, lists of these.
_TEXT = r"""(?:"(?:[^"\\\x00-\x1f\x7f]|\\[btnfr"\\])*+"(?!")|'[^'\x00-\x1f\x7f]*+'(?!'))"""
_ONE = rf"(?:{_TEXT}|true|false|-?+(?:0|[1-9]\d{{0,17}}+)(?:\.\d{{1,9}}+)?+)"
_KEY = r"[\w-]++"
_FEW = rf"\[(?: *+{_ONE} *+(?:,|(?=\])))*+ *+\]"
_ITEM = rf"(?:{_ONE}|\{{(?: *+{_KEY} *+= *+(?:{_ONE}|{_FEW}) *+(?:,(?! *\}})|(?=\}})))++\}})"
_ENTRY = rf"{_KEY} *+= *+(?:{_ITEM}|\[(?:[ \n]*+{_ITEM}[ \n]*+(?:,|(?=\])))*+[ \n]*+\])"
_TITLE = rf"\[{_KEY}(?:\.(?:{_KEY}|{_TEXT}))*+\]|\[\[{_KEY}(?:\.{_KEY})*+\]\]"
_PLAIN = rf"(?a:(?:{_ENTRY}|{_TITLE})?+ *+(?:#[^\x00-\x08\n-\x1f\x7f]*+)?+\n)*+"
_TABLE = r"(?m)^\[[^\[].*?\](?=[ \n])"


def ignore(_: Problem) -> None:
    """For whoever need not hear of a broken file."""


def read_section(path: Path, name: str, note: Note = ignore) -> object:
    """The top-level section (or list of entries) of that name; None where there is none.

    `note` hears what is wrong with a file that is no TOML. Raises ConfigError where the file cannot be read, or where
    it is not certain what it says of this section.
    """
    data = read_file(path)
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    if is_plain(text):
        try:
            return _read_alone(text, name)
        except ValueError:
            pass  # the whole file says the place
    from bot.config.document import parse

    try:
        return parse(data, name=str(path), path=path, directory=path.absolute().parent).data.get(name)
    except ConfigError as broken:
        try:
            data.decode()
            found = _read_alone(text, name)
        except (ValueError, RecursionError):
            raise broken from None
        note(broken.problems[0])
        return found


def is_plain(text: str) -> bool:
    """Whether the text is certainly TOML, but for keys that may be there twice; False where that takes a parser."""
    tables = re.findall(_TABLE, text)
    return (
        len(set(tables)) == len(tables)
        and "\ufffd" not in text
        and re.fullmatch(_PLAIN, text.rstrip("\n") + "\n") is not None
    )


def _read_alone(text: str, name: str) -> object:
    """Read the parts of the text that are about this section, and no other. Raises ValueError where one is in doubt."""
    ends = [found.start() for found in _HEADER.finditer(text)]
    parts = [text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    about = re.compile(rf"^[ \t]*\[*[ \t]*[\"']?{name}\b", re.MULTILINE)
    return tomllib.loads("".join(part for part in parts if name in part and about.search(part))).get(name)
