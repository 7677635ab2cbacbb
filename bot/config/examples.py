"""How a key of the config is written, as the file of examples that comes with the program has it."""

import json
import re
import tomllib
from collections.abc import Mapping

from bot.shipped import find_shipped

_LONGEST = 100  # characters; more is no help on a line of an error
_BARE = re.compile("[A-Za-z0-9_-]+")


def find_example(section: str, kind: object, key: str) -> str | None:
    """The key with a value, as TOML; `kind` is that of an entry, None where a section has no kinds."""
    try:
        examples = tomllib.loads(find_shipped("config.example.toml").read_text(encoding="utf-8"))
    except OSError:  # an installation without it
        return None
    found = examples.get(section, {})
    entries = [entry for entry in (found if isinstance(found, list) else [found]) if key in entry]
    own = [entry for entry in entries if kind in (None, entry.get("kind"))]
    lines = [f"{_key(key)} = {_value(entry[key])}" for entry in (*own, *entries)] if own else []
    return next((line for line in lines if len(line) <= _LONGEST), None)


def _value(value: object) -> str:
    match value:
        case Mapping():
            return f"{{{', '.join(f'{_key(name)} = {_value(inner)}' for name, inner in value.items())}}}"
        case list():
            return f"[{', '.join(map(_value, value[:1] if isinstance(value[0], dict) else value))}]" if value else "[]"
        case str() if '"' in value and not set("'\n") & set(value):
            return f"'{value}'"
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
