"""Compares an answer with the description of the API: its status, its type, every field of its document."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float), "integer": (int,),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
UNDERSTOOD = {
    "type", "properties", "required", "items", "anyOf", "$ref", "enum", "const", "additionalProperties", "format",
    "description", "title",
}  # fmt: skip


class Description:
    """An OpenAPI document. A schema with a word that is not understood is an error, never a pass."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def check(self, answer: Any, *, whole: bool = True) -> None:
        """Raises AssertionError unless the answer is one that the description has; `whole`: no field is left out."""
        operation = self._operation(answer)
        said = operation["responses"].get(str(answer.status_code))
        assert said is not None, f"{answer.status_code} of {answer.url} is not described"
        if answer.status_code == 304 or not answer.content:
            return
        kind = answer.headers["content-type"].partition(";")[0]
        schema = said["content"][kind]["schema"]
        if kind in ("application/json", "application/problem+json"):
            problems = list(self._compare(answer.json(), schema, "", whole=whole))
            assert problems == []

    def _operation(self, answer: Any) -> Mapping[str, Any]:
        asked = answer.request.url.path.strip("/").split("/")
        fitting = [path for path in self.document["paths"] if _fits(path.strip("/").split("/"), asked)]
        assert fitting, f"{answer.request.url.path} is not described"
        best = min(fitting, key=lambda path: path.count("{"))
        found: Mapping[str, Any] = self.document["paths"][best][answer.request.method.lower().replace("head", "get")]
        return found

    def _compare(self, value: Any, schema: Mapping[str, Any], place: str, *, whole: bool) -> Iterator[str]:
        assert set(schema) <= UNDERSTOOD, f"{place}: {set(schema) - UNDERSTOOD}"
        if "$ref" in schema:
            named = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            yield from self._compare(value, named, place, whole=True)
            return
        if "anyOf" in schema:
            tries = [list(self._compare(value, one, place, whole=whole)) for one in schema["anyOf"]]
            if all(tries):
                yield from min(tries, key=len)
        if "enum" in schema and value not in schema["enum"]:
            yield f"{place}: {value!r} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{place}: {value!r}"
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(_is(value, kind) for kind in kinds):
            yield f"{place}: {value!r} is no {kinds}"
        if schema.get("format") == "date-time" and isinstance(value, str):
            datetime.fromisoformat(value)
        if isinstance(value, dict):
            yield from self._compare_object(value, schema, place, whole=whole)
        if isinstance(value, list) and "items" in schema:
            for number, one in enumerate(value):
                yield from self._compare(one, schema["items"], f"{place}[{number}]", whole=whole)

    def _compare_object(
        self, value: dict[str, Any], schema: Mapping[str, Any], place: str, *, whole: bool
    ) -> Iterator[str]:
        known = schema.get("properties", {})
        for name in schema.get("required", ()) or (known if whole and "title" in schema else ()):
            if name not in value:
                yield f"{place}.{name} is missing"
        for name, part in value.items():
            if name in known:
                yield from self._compare(part, known[name], f"{place}.{name}", whole=whole)
            elif "additionalProperties" in schema:
                yield from self._compare(part, schema["additionalProperties"], f"{place}.{name}", whole=whole)
            elif known:
                yield f"{place}.{name} is not described"


def _fits(path: list[str], asked: list[str]) -> bool:
    if path[-1] == "{number}" and len(asked) > len(path):
        asked = [*asked[: len(path) - 1], "/".join(asked[len(path) - 1 :])]
    if len(path) != len(asked):
        return False
    return all(_piece_fits(one, other) for one, other in zip(path, asked, strict=True))


def _piece_fits(piece: str, asked: str) -> bool:
    if piece.endswith(".{form}"):
        return asked.startswith(piece.removesuffix("{form}"))
    return piece == asked or piece.startswith("{")


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("number", "integer"):
        return False
    return isinstance(value, TYPES[kind])
