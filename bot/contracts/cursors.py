"""PURE: cursors of kinds: a dataclass as JSON, which belongs to what the config says; one of something else is none."""

import json
from dataclasses import MISSING, asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


def read_cursor(form: type[C], cursor: str | None, **mark: str) -> C:
    """A stored cursor whose fields named in `mark` are so; of anything else, or without one, that of a first visit."""
    try:
        found: Any = json.loads(cursor or "{}")
    except ValueError:
        found = {}
    if not isinstance(found, dict) or any(found.get(name) != value for name, value in mark.items()):
        return form(**mark)
    known = {one.name for one in fields(form)}
    return form(**{name: _frozen(value) for name, value in found.items() if name in known})


def write_cursor(cursor: "DataclassInstance") -> str:
    """What `read_cursor` reads; what is as in a new one is left out."""
    usual = {one.name: one.default if one.default is not MISSING else None for one in fields(cursor)}
    usual |= {one.name: one.default_factory() for one in fields(cursor) if one.default_factory is not MISSING}
    said = {name: value for name, value in asdict(cursor).items() if value != usual[name]}
    return json.dumps(said, separators=(",", ":"))


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
