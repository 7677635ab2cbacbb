"""One section of a config file, read also where the file is no TOML elsewhere: the archive stays readable then."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from bot.config.document import open_document
from bot.errors import ConfigError, Problem

Note = Callable[[Problem], None]

_HEADER = re.compile(r"^[ \t]*\[{1,2}[ \t]*[\w.\"' \t-]+\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE)


def ignore(_: Problem) -> None:
    """For whoever need not hear of a broken file."""


def read_section(path: Path, name: str, note: Note = ignore) -> object:
    """The top-level section (or list of entries) of that name; None where there is none.

    `note` hears what is wrong with a file that is no TOML. Raises ConfigError where the file cannot be read, or where
    it is not certain what it says of this section.
    """
    try:
        return open_document(path).data.get(name)
    except ConfigError as broken:
        try:
            text = path.read_text("utf-8-sig")
            found = _read_alone(text, name)
        except (OSError, ValueError, RecursionError):
            raise broken from None
        note(broken.problems[0])
        return found


def _read_alone(text: str, name: str) -> object:
    """Read the parts of the text that are about this section, each by itself. Raises ValueError for one in doubt."""
    ends = [found.start() for found in _HEADER.finditer(text)]
    parts = [text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    about = re.compile(rf"^[ \t]*\[*[ \t]*[\"']?{name}\b", re.MULTILINE)
    read = [tomllib.loads(part)[name] for part in parts if about.search(part)]
    if all(isinstance(one, list) for one in read):
        return [entry for entries in read for entry in entries] or None
    if len(read) != 1:
        raise ValueError("the section is there more than once")
    return read[0]
