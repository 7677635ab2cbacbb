"""The sources that a config names, for screens. Cheap: no pydantic, nothing is checked, and no rule is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bot.config import paths
from bot.config.environment import Environment


class SourceEntry(NamedTuple):
    """An entry of [[sources]] as it is written; `given` are all of its keys."""

    name: str
    kind: str
    tags: tuple[str, ...]
    side: str | None
    enabled: bool
    given: Mapping[str, object]


def list_sources(flag: Path | None, environment: Environment) -> tuple[SourceEntry, ...]:
    """The entries that have a name and a kind; `config check` says what is wrong with others.

    Raises ConfigError where it is not certain which sources there are.
    """
    from bot.config.sections import read_section

    config = paths.find_config(flag, environment)
    found = None if config is None else read_section(config, "sources")
    read = [_read(entry) for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    return tuple(entry for entry in read if entry is not None)


def _read(entry: Mapping[str, object]) -> SourceEntry | None:
    name, kind, tags, side = (entry.get(key) for key in ("name", "kind", "tags", "side"))
    if not isinstance(name, str) or not isinstance(kind, str):
        return None
    return SourceEntry(
        name,
        kind,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        side if isinstance(side, str) else None,
        entry.get("enabled", True) is not False,
        entry,
    )
