"""Changes a config file for a person: entries are added, removed and renamed; comments and order stay as they were."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from bot.config.document import parse
from bot.config.environment import Environment
from bot.config.reading import settle
from bot.contracts.registry import Kinds
from bot.errors import UserError
from bot.unwritable import naming_what_helps


def write_entry(section: str, keys: Mapping[str, object]) -> str:
    """The lines of one `[[section]]` entry."""
    document = tomlkit.document()
    entries = tomlkit.aot()
    entries.append(tomlkit.item(dict(keys)))
    document.append(section, entries)
    return tomlkit.dumps(document).strip() + "\n"


def add_entries(text: str, section: str, entries: Sequence[Mapping[str, object]]) -> str:
    """The text with these entries behind the last one of the section, or at the end."""
    document = _read(text)
    found = document.get(section)
    if found is None:
        added = "\n".join(write_entry(section, keys) for keys in entries)
        return f"{text.rstrip()}\n\n{added}" if text.strip() else added
    ends = {write_entry(section, keys).splitlines()[-1] for keys in entries}
    for keys in entries:
        found.append(tomlkit.item(dict(keys)))
    return _set_apart(tomlkit.dumps(document), section, ends)


def remove_entry(text: str, section: str, name: str) -> str:
    """The text without the entry of this name. Raises KeyError where there is none."""
    document = _read(text)
    entries = document.get(section, [])
    del entries[_place(entries, name)]
    if not entries:
        del document[section]
    return tomlkit.dumps(document)


def rename_entry(text: str, section: str, old: str, new: str, lists: Iterable[tuple[str, str]]) -> str:
    """The text in which the entry has a new name and says what it `was`; `lists` are (section, key) that name it.

    Raises KeyError where there is no such entry.
    """
    document = _read(text)
    entries = document.get(section, [])
    entry = entries[_place(entries, old)]
    entry["name"] = new
    if "was" in entry or not isinstance(entry, Table):
        entry["was"] = old
    else:  # right below the name: at its end the entry may hold the comment of the next one
        line_end = "\r\n" if "\r\n" in text else "\n"
        entry["name"].trivia.trail = f"{line_end}was = {tomlkit.item(old).as_string()}{line_end}"
    for other, key in lists:
        for user in document.get(other, []):
            named = user.get(key)
            if isinstance(named, list):
                for place, one in enumerate(named):
                    if one == old:
                        named[place] = new
    return tomlkit.dumps(document)


def set_keys(text: str, section: str, name: str, keys: Mapping[str, object]) -> str:
    """The text in which the entry of this name has these values. Raises KeyError where there is no such entry."""
    document = _read(text)
    entries = document.get(section, [])
    entries[_place(entries, name)].update(keys)
    return tomlkit.dumps(document)


def save_checked(path: Path, text: str, environment: Environment, kinds: Kinds) -> None:
    """Write the file if what it says is a config without mistakes. Raises ConfigError with all of them, UserError."""
    document = parse(text.encode("utf-8"), name=str(path), path=path, directory=path.absolute().parent)
    settle(document, environment, kinds)
    real = path.resolve()  # a link stays a link
    beside = real.with_name(f".{real.name}.new")
    try:
        mode = real.stat().st_mode & 0o777
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(real)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        with naming_what_helps(path):
            raise


def _read(text: str) -> Any:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as problem:
        raise UserError(f"the config cannot be changed: {problem}") from None


def _place(entries: Any, name: str) -> int:
    for place, entry in enumerate(entries):
        if entry.get("name") == name:
            return place
    raise KeyError(name)


def _set_apart(text: str, section: str, ends: set[str]) -> str:
    """An empty line before each `[[section]]` and behind lines that end an entry of ours, where there is none."""
    lines: list[str] = []
    for line in text.splitlines():
        before = lines[-1] if lines else ""
        opens = line.strip() == f"[[{section}]]" and not before.lstrip().startswith("#")
        if before.strip() and (opens or (before in ends and line.startswith("["))):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"
