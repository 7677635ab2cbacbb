"""`dataclass(frozen=True, slots=True)` as in the standard library, but ten times cheaper to make.

A command imports up to a hundred of these classes. The standard library compiles six methods for each, which took
longer than all else that most commands do. Here three are compiled when they are first called, the others are shared.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass"]

_Class = TypeVar("_Class")

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type[_Class]], type[_Class]]:
        """Both must be True. Fields may have a default or a factory; all of them are compared and shown."""
        if not (frozen and slots):
            raise TypeError("only frozen classes with slots: take the dataclass of the standard library")
        return _make


class _Made:
    """In place of a value that the factory of its field makes."""


def _make(plain: type[_Class]) -> type[_Class]:
    if any(dataclasses.is_dataclass(above) for above in plain.__bases__):  # rare, and it has rules of its own
        return dataclasses.dataclass(frozen=True, slots=True)(plain)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(plain)
    made.__dataclass_params__.frozen = made.__dataclass_params__.eq = True
    for name, write in (("__init__", _write_init), ("__eq__", _write_eq), ("__hash__", _write_hash)):
        if plain.__dict__.get(name) is None:
            setattr(made, name, _written_later(made, name, write))
    for name, method in (
        ("__repr__", _repr),
        ("__reduce__", _reduce),
        ("__setattr__", _refuse),
        ("__delattr__", _refuse),
    ):
        if name not in plain.__dict__:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _written_later(made: Any, name: str, write: Callable[[Any], str]) -> Callable[..., Any]:
    def first(self: Any, *args: Any, **named: Any) -> Any:
        known: dict[str, Any] = {"_Made": _Made}
        for field in dataclasses.fields(made):
            known[f"_set_{field.name}"] = getattr(made, field.name).__set__
            known[f"_default_{field.name}"] = field.default
            known[f"_make_{field.name}"] = field.default_factory
        exec(write(made), known)  # noqa: S102 - the names of fields, and nothing else
        method: Callable[..., Any] = known[name]
        method.__qualname__ = f"{made.__qualname__}.{name}"
        setattr(made, name, method)
        return method(self, *args, **named)

    return first


def _write_init(made: Any) -> str:
    takes, lines = ["self"], []
    for field in dataclasses.fields(made):
        name = value = field.name
        if field.default is not dataclasses.MISSING:
            takes.append(f"{name}=_default_{name}")
        elif field.default_factory is not dataclasses.MISSING:
            takes.append(f"{name}=_Made")
            value = f"_make_{name}() if {name} is _Made else {name}"
        else:
            takes.append(name)
        lines.append(f" _set_{name}(self, {value})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    return "\n".join([f"def __init__({', '.join(takes)}):", *(lines or [" pass"])])


def _write_eq(made: Any) -> str:
    test = (
        f"{_values(made, 'self')} == {_values(made, 'other')} if other.__class__ is self.__class__ else NotImplemented"
    )
    return f"def __eq__(self, other):\n return {test}"


def _write_hash(made: Any) -> str:
    return f"def __hash__(self):\n return hash({_values(made, 'self')})"


def _values(made: Any, owner: str) -> str:
    return f"({''.join(f'{owner}.{field.name},' for field in dataclasses.fields(made))})"


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _reduce(self: Any) -> tuple[Any, tuple[Any, ...]]:
    return self.__class__, tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change the field {name!r} of {self.__class__.__qualname__}")
