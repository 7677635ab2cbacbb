"""A config file as bytes, text, data and positions, before its content is checked."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bot.config.locate import KeyPath, KeyPosition, inside, line_and_column, offset_of, scan
from bot.config.opening import LARGEST, read_file
from bot.errors import ConfigError, Problem

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class ConfigFile:
    """One TOML document. `name` is how problems call it; `path` is None where it is not a file."""

    name: str
    path: Path | None
    directory: Path
    text: str = ""
    data: dict[str, object] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[KeyPath, KeyPosition]:
        return scan(self.text)

    def problem(self, keys: KeyPath, message: str, *, at_key: bool = False, index: int | None = None) -> Problem:
        """Name the place of `keys`, or of the nearest table around them where they are not in the file.

        `index` counts code points into the string at that place.
        """
        known = keys
        while known and known not in self.places:
            known = known[:-1]
        if not known:
            return Problem(where=written_path(keys), message=message, path=self.name)
        place = self.places[known]
        offset = place.key if at_key or known != keys else place.value
        if index is not None and known == keys and self.text[offset] in "\"'":
            offset = inside(self.text, offset, index)
        line, column = line_and_column(self.text, offset)
        return Problem(where=written_path(keys), message=message, path=self.name, line=line, column=column)


def written_path(keys: KeyPath) -> str:
    """`rules[0].query`, `http.hosts."t.me".interval`."""
    words = ""
    for key in keys:
        if isinstance(key, int):
            words += f"[{key}]"
        else:
            shown = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
            words += f".{shown}" if words else shown
    return words


def open_document(path: Path) -> ConfigFile:
    """Read a file. Raises ConfigError where it cannot be read or is no TOML, with line and column."""
    return parse(read_file(path), name=str(path), path=path, directory=path.absolute().parent)


def parse(data: bytes, *, name: str, path: Path | None, directory: Path) -> ConfigFile:
    """Make a document of bytes: UTF-8, with or without a byte order mark. Raises ConfigError with line and column."""

    def refused(message: str, line: int = 0, column: int = 0) -> ConfigError:
        return ConfigError((Problem("", message, path=name, line=line, column=column),))

    if len(data) > LARGEST:
        raise refused("larger than 16 MiB: this is not a config file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        message = f"not UTF-8 (byte 0x{data[error.start]:02x}): save the file as UTF-8"
        raise refused(message, *line_and_column(before, len(before))) from None
    text = text.replace("\r\n", "\n")
    try:
        return ConfigFile(name, path, directory, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        at = offset_of(text, int(place[1]), int(place[2])) if place and place[1] else len(text)
        from bot.config.slips import explain_slip

        message, offset = explain_slip(_PLACE.sub("", str(error)), text, at)
        raise refused(f"not TOML: {message}", *line_and_column(text, offset)) from None
    except RecursionError:
        raise refused("not a config file: nested too deeply") from None
    except ValueError as error:  # an impossible date, an integer of ten thousand digits
        raise refused(f"not TOML: {error}") from None
