"""The description of the API as OpenAPI 3.1, made from the table of its addresses and the fields of its documents."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from bot.foreign.text import json_text
from bot.web.api.actions import ACTIONS, KEY, ApiAction
from bot.web.api.answers import FORMS
from bot.web.api.asking import Parameter
from bot.web.api.endpoints import DOCUMENTS, LISTS, ListEndpoint
from bot.web.api.refusals import TYPE
from bot.web.api.stream import PARAMETERS
from bot.web.api.stream import TYPE as TYPE_OF_STREAM

_ROOT = "/api/v1"
_ETAG = {"ETag": {"schema": {"type": "string"}}}


@cache
def write_description() -> str:
    """The whole document as JSON."""
    return json_text(describe())


def describe() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {}
    for listed in LISTS:
        form = Parameter("form", "The form of the answer.", {"type": "string", "enum": list(FORMS)}, required=True)
        paths[_ROOT + listed.path] = {"get": _list(listed, listed.path, ())}
        paths[f"{_ROOT}{listed.path}.{{form}}"] = {"get": _list(listed, f"{listed.path}_as", (form,))}
    for one in DOCUMENTS:
        found = _answers({"application/json": {"schema": _part(one.schema)}}, _ETAG)
        paths[_ROOT + one.path] = {"get": _operation(one.path, one.meaning, _in_path(one.path), one.parameters, found)}
    paths |= _others()
    for action in ACTIONS:
        paths.setdefault(_ROOT + action.path, {})["post"] = _action(action)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Communiqué",
            "version": version("communique"),
            "description": "What the archive has. Documents have the fields of docs/json-output.md.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
    document["components"]["schemas"] = _needed(document)
    return document


def _list(listed: ListEndpoint, name: str, path: Sequence[Parameter]) -> dict[str, Any]:
    page = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": _part(listed.schema)},
            "next": {"type": ["string", "null"], "description": "The address of the next page."},
        },
        "required": ["items", "next"],
    }
    content = {
        "application/json": {"schema": page},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    }
    return _operation(name, listed.meaning, path, listed.parameters, _answers(content, {}, "404", "406"))


def _part(schema: str) -> dict[str, Any]:
    """A document of which `fields` may have chosen some."""
    whole = _read_schemas()[schema]
    return {**whole, "required": [], "title": schema}


def _operation(
    name: str, meaning: str, path: Sequence[Parameter], query: Iterable[Parameter], answers: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": re.sub(r"\W+", "_", name).strip("_"),
        "summary": meaning,
        "parameters": [*(_parameter(one, "path") for one in path), *(_parameter(one, "query") for one in query)],
        "responses": dict(answers),
    }


def _parameter(one: Parameter, place: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": one.name,
        "in": place,
        "description": one.meaning,
        "schema": dict(one.schema),
        "required": one.required or place == "path",
    }
    return said | ({"style": "form", "explode": True} if one.many else {})


def _answers(content: Mapping[str, Any], headers: Mapping[str, Any], *more: str) -> dict[str, Any]:
    refused = {"description": "Refused.", "content": {TYPE: {"schema": _ref("Problem")}}}
    found: dict[str, Any] = {
        "200": {"description": "What was asked for.", "content": dict(content)},
        "304": {"description": "It has not changed."},
        **dict.fromkeys(("400", "401", "403", "404", "503", *more), refused),
    }
    if headers:
        found["200"]["headers"] = dict(headers)
    return found


def _in_path(path: str) -> list[Parameter]:
    meanings = {"id": "Its id.", "source": "The name of its source.", "number": "Its id at the source."}
    return [Parameter(name, meanings[name], {"type": "string"}) for name in re.findall(r"{(\w+)}", path)]


def _others() -> dict[str, Any]:
    """What gives no document."""
    digest = Parameter("sha256", "The hash of its bytes.", {"type": "string", "pattern": "^[0-9a-f]{64}$"})
    whole = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    file = _answers(whole, _ETAG, "416")
    file |= {"206": {"description": "The part that Range asks for.", "content": whole}}
    file["416"] = {**file["416"], "description": "The part lies beyond its end."}
    described = _answers({"application/json": {"schema": {"type": "object"}}}, _ETAG)
    events = _answers({TYPE_OF_STREAM: {"schema": {"type": "string"}}}, {})
    return {
        f"{_ROOT}/stream": {"get": _operation("stream", "News as server-sent events.", (), PARAMETERS, events)},
        f"{_ROOT}/files/{{sha256}}": {
            "get": _operation("file", "A stored file; Range asks for a part of it.", (digest,), (), file)
        },
        f"{_ROOT}/openapi.json": {"get": _operation("openapi", "This description.", (), (), described)},
    }


def _action(action: ApiAction) -> dict[str, Any]:
    """Something that is done: the daemon does it within a second (200, 409), or it waits for one (202)."""
    done = {"application/json": {"schema": {"type": "object", "properties": {"outcome": {"type": ["string", "null"]}}}}}
    key = Parameter(KEY, "The same key again is the same request.", {"type": "string", "maxLength": 200})
    found = _operation(
        f"{action.path}_post", action.meaning, _in_path(action.path), (), _answers(done, {}, "408", "413")
    )
    found["responses"] |= {
        "202": {"description": "It is kept until a daemon runs.", "content": done},
        "409": {"description": "It could not be done; `said` is why.", "content": done},
    }
    found["parameters"].append(_parameter(key, "header"))
    fields = {name: {"type": "boolean" if name == "even_max" else "string"} for name in action.fields}
    schema = {"type": "object", "properties": fields, "additionalProperties": False}
    found["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return found


def _ref(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


@cache
def _read_schemas() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("bot.web.api") / "schemas.json").read_text(encoding="utf-8"))
    return found


def _needed(document: object) -> dict[str, Any]:
    """The schemas that something refers to, by their names."""
    known, wanted = _read_schemas(), list(_references(document))
    found: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = known[name]
            wanted += _references(known[name])
    return dict(sorted(found.items()))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "$ref":
                yield str(part).rpartition("/")[2]
            else:
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)
