"""The description of the API as the standard wants it (OpenAPI 3.1), and the same addresses as the server has."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.routing import Route

from bot.web.api.openapi import describe
from bot.web.api.routes import API

DOCUMENT = describe()
OPERATIONS = [(path, method, one) for path, ways in DOCUMENT["paths"].items() for method, one in ways.items()]


def walk(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from walk(part)


def test_it_is_valid_by_the_schema_of_the_standard() -> None:
    described: Any = pytest.importorskip(
        "schemathesis.specs.openapi.definitions", reason="schemathesis is missing; make setup-web brings it"
    )
    jsonschema: Any = pytest.importorskip("jsonschema_rs")
    wrong = [
        f"{'/'.join(map(str, one.instance_path))}: {one.message[:200]}"
        for one in jsonschema.validator_for(described.OPENAPI_31).iter_errors(DOCUMENT)
    ]
    assert wrong == []
    schemas = [
        *DOCUMENT["components"]["schemas"].values(),
        *(one["schema"] for one in walk(DOCUMENT) if "schema" in one),
    ]
    for schema in schemas:
        jsonschema.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_whatever_it_refers_to_is_there_and_nothing_else_is() -> None:
    named = {str(one["$ref"]) for one in walk(DOCUMENT) if "$ref" in one}
    assert named == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_an_operation_has_a_name_of_its_own_and_the_parameters_of_its_path() -> None:
    names = Counter(one["operationId"] for _, _, one in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []
    for path, _, one in OPERATIONS:
        placed = [part["name"] for part in one["parameters"] if part["in"] == "path"]
        assert sorted(placed) == sorted(re.findall(r"{(\w+)}", path))
        every = Counter((part["in"], part["name"]) for part in one["parameters"])
        assert set(every.values()) <= {1}


def test_the_addresses_that_it_describes_are_those_of_the_server() -> None:
    described = {(path, method.upper()) for path, method, _ in OPERATIONS}
    served = {
        (re.sub(r":\w+}", "}", route.path), method)
        for route in API
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert described == served
