"""The JSON Schemas of the API, made from the tables of fields in docs/json-output.md and docs/api.md."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "bot" / "web" / "api" / "schemas.json"
_PAGES = ("json-output.md", "api.md")
_TIME = {"type": "string", "format": "date-time"}
_PLAIN: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "time": _TIME,
    "true, false": {"type": "boolean"},
    "true": {"const": True},
    "list of strings": {"type": "array", "items": {"type": "string"}},
    "list of numbers": {"type": "array", "items": {"type": "number"}},
    "object": {"type": "object"},
    "lists of strings by name": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
    "any": {},
    "list of text": {"type": "array", "items": {"type": "string"}},
    "boolean": {"type": "boolean"},
}


def name_of(anchor: str) -> str:
    """The name of a schema, by the anchor of its heading: "a-found-post" is FoundPost."""
    words = re.sub(r"^(?:an?|the)-", "", anchor).split("-")
    return "".join(word.capitalize() for word in words)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _schema(kind: str) -> dict[str, Any]:
    """What a cell of the column "type" says."""
    kind = kind.removesuffix(", optional").strip()
    if kind.endswith(", null"):
        inner = _schema(kind.removesuffix(", null"))
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}
    if found := re.fullmatch(r"(list of )?\[[^]]+\]\(#([\w-]+)\)", kind):
        referred = {"$ref": f"#/components/schemas/{name_of(found[2])}"}
        return {"type": "array", "items": referred} if found[1] else referred
    if kind.startswith("`"):
        return {"type": "string", "enum": re.findall(r"`([^`]+)`", kind)}
    return _PLAIN[kind]


def _object() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "required": []}


def _put(schema: dict[str, Any], names: list[str], kind: str, meaning: str) -> None:
    name, *rest = names
    if "optional" not in kind and name not in schema["required"]:
        schema["required"].append(name)
    if rest:
        _put(schema["properties"].setdefault(name, _object()), rest, kind, meaning)
        return
    said = _schema(kind)
    plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", meaning).strip()
    schema["properties"][name] = said if "$ref" in said or not plain else {**said, "description": plain}


def schemas() -> dict[str, Any]:
    """Every table of fields as a schema; documents may have more fields than it names."""
    found: dict[str, Any] = {}
    for page in _PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for heading, body in re.findall(r"(?ms)^#{2,3} ([^\n]+)\n(.*?)(?=^#{2,3} |\Z)", text):
            rows = re.findall(r"(?m)^\| ((?:`[\w.]+` ?)+)\| ([^|]+?) \|([^|\n]*)\|$", body)
            if not rows or "| field | type | meaning |" not in body:
                continue
            taken = re.search(r"All the fields of \[[^]]+\]\((?:json-output\.md)?#([\w-]+)\)", body)
            schema = json.loads(json.dumps(found[name_of(taken[1])])) if taken else _object()
            for names, kind, meaning in rows:
                for name in re.findall(r"`([\w.]+)`", names):
                    _put(schema, name.split("."), kind.replace("json-output.md#", "#"), meaning)
            found[name_of(_anchor(heading))] = schema
    return dict(sorted(found.items()))


def page() -> str:
    return json.dumps(schemas(), ensure_ascii=False, indent=1) + "\n"
