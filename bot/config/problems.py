"""All mistakes in one config, collected as they are found, each as one sentence."""

import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.document import ConfigFile
from bot.config.environment import Environment
from bot.config.examples import find_example
from bot.config.locate import KeyPath
from bot.errors import Problem
from bot.http.masking import mask_address
from bot.suggest import did_you_mean

_EXPECTED = {
    "string": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a table",
    "mapping": "a table",
    "model": "a table",
    "path": "a path",
}
_FEW = 8  # names that a sentence can list
_EXPLAINED = ("missing", "list_type", "tuple_type", "dict_type", "model_type")
_PRIVATE = ("url", "proxy", "token", "secret", "password", "hash", "key", "auth")


@dataclass(slots=True)
class Findings:
    """Problems and warnings of one document, in the order in which they were found."""

    document: ConfigFile
    environment: Environment
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    silent: list[Problem] = field(default_factory=list)

    def wrong(self, keys: KeyPath, message: str, *, at_key: bool = False, index: int | None = None) -> None:
        """Note a mistake at `keys`; one that came from an environment variable gets the variable's name."""
        for override in self.environment.overrides:
            if (override.section, override.key) == keys[:2]:
                self.problems.append(Problem(where=override.variable, message=message))
                return
        self.problems.append(self.document.problem(keys, message, at_key=at_key, index=index))

    def unheard(self, keys: KeyPath, message: str) -> None:
        """Note something that alerts nobody: a mistake for `config check`, a warning for a daemon that must run."""
        self.silent.append(self.document.problem(keys, message))

    def odd(self, keys: KeyPath, message: str) -> None:
        self.warnings.append(str(self.document.problem(keys, message)))

    def refused(self, keys: KeyPath, raw: object, model: type[BaseModel], error: ValidationError) -> None:
        """Note everything that pydantic found in `raw`, the part of the document at `keys`."""
        by_place: dict[KeyPath, list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            by_place.setdefault(_real(raw, detail["loc"]), []).append(detail)
        for place, details in by_place.items():
            at_key = details[0]["type"] in ("extra_forbidden", "missing")
            example = _example(keys, raw, place) if details[0]["type"] in _EXPLAINED else ""
            self.wrong((*keys, *place), _sentence(model, details) + example, at_key=at_key)


def one_of(known: Iterable[str]) -> str:
    """Write names one after the other, in quotes."""
    return ", ".join(f'"{name}"' for name in known)


def name_some(known: Iterable[str]) -> str:
    """Which names there are, as the end of a sentence; where they are many, what shows them."""
    names = sorted(known)
    return f"; it may be {one_of(names)}" if 0 < len(names) <= _FEW else "; `communique config example` shows them all"


def got(value: object, key: object = "") -> str:
    """What is there instead, short; the value of a key that may hold a secret is not repeated."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "a table"
        case list():
            return "a list"
        case str() if str(key).lower().endswith(_PRIVATE):
            return "a string"
        case str():
            value = mask_address(value)
            return json.dumps(value if len(value) <= 60 else f"{value[:59]}…", ensure_ascii=False)
        case _:
            return str(value)[:60]


def _real(raw: object, loc: KeyPath) -> KeyPath:
    """The part of pydantic's path that is in the document: for `int | str` it adds which of them it tried."""
    for depth, key in enumerate(loc):
        if isinstance(raw, Mapping):
            raw = raw.get(key)
        elif isinstance(raw, list) and isinstance(key, int):
            raw = raw[key]
        else:
            return loc[:depth]
    return loc


def _example(keys: KeyPath, raw: object, place: KeyPath) -> str:
    """How the key is written, as the end of a sentence; nothing where the example file does not say."""
    key, deeper = place[0], place[1:]
    if not isinstance(key, str) or any(isinstance(name, str) for name in deeper):
        return ""
    kind = raw.get("kind") if len(keys) > 1 and isinstance(raw, Mapping) else None
    found = find_example(str(keys[0]), kind, key)
    return f"; for example: {found}" if found else ""


def _sentence(model: type[BaseModel], details: list[ErrorDetails]) -> str:
    """One sentence for one place; a value that may have several types has one detail for each."""
    detail = details[0]
    kind, keys, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        known = _keys_at(model, keys[:-1])
        return "unknown key" + (did_you_mean(str(keys[-1]), known) or name_some(known))
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    name = str(next((key for key in reversed(keys) if isinstance(key, str)), ""))
    expected = [_expected(one) for one in details]
    if any(expected):
        return f"expected {' or '.join(filter(None, expected))}, got {got(detail['input'], name)}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, got {got(detail['input'], name)}"


def _expected(detail: ErrorDetails) -> str | None:
    match detail["type"], detail.get("ctx", {}):
        case "literal_error", {"expected": written}:
            return str(written).replace("'", '"')
        case ("int_from_float", _):
            return _EXPECTED["int"]
        case "greater_than_equal", {"ge": least}:
            return f"a number of at least {least}"
        case kind, _:
            return _EXPECTED.get(kind.removesuffix("_type").removesuffix("_parsing"))


def _keys_at(model: type[BaseModel], keys: Iterable[int | str]) -> set[str]:
    """Name the keys that are known in the table at `keys` inside a model; none where it is no model."""
    here: object = model
    for key in keys:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(key)].annotation if str(key) in here.model_fields else None
        else:  # a table whose keys are the user's, or a list
            here = _model_in(here)
    found = _model_in(here)
    return {field.alias or key for key, field in found.model_fields.items()} if found else set()


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The first model inside `Model | None`, `dict[str, Model]`, `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
