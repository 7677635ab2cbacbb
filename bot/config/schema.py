"""The config as a JSON Schema, the union over every kind that is installed, for editors."""

from typing import Any

from bot.config.model import RuleConfig, TermConfig
from bot.config.pairs import PairConfig
from bot.config.reading import LISTS, SECTIONS, AnyRegistry
from bot.config.terms import OWN_KEYS
from bot.contracts.registry import Kinds
from bot.contracts.settings import Settings


def schema(kinds: Kinds) -> dict[str, Any]:
    """Describe every key of every section. Imports every kind of source, target and engine."""
    parts: dict[str, Any] = {name: _of(model) for name, model in SECTIONS.items()}
    entries = {
        "sources": _union(kinds.sources),
        "rules": _of(RuleConfig),
        "targets": _union(kinds.targets),
        "engines": _union(kinds.engines),
        "pairs": _of(PairConfig),
        "terms": _of(TermConfig) | {"propertyNames": {"pattern": f"^({'|'.join(OWN_KEYS)}|[a-z]{{2,3}})$"}},
    }
    assert set(entries) == set(LISTS)
    parts |= {name: {"type": "array", "items": entry} for name, entry in entries.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of communique",
        "type": "object",
        "additionalProperties": False,
        "properties": parts,
    }


def _union(registry: AnyRegistry) -> dict[str, Any]:
    """One form per kind, also those of plug-ins that can be used; `kind` says which it is."""
    forms = []
    added = registry.plug_ins
    models = {kind: registry.settings_of(kind) for kind in (*registry.kinds(), *(added.kinds() if added else ()))}
    for kind, model in models.items():
        if added is not None and kind in added.troubles:
            continue
        form = _of(model)
        form["properties"]["kind"] = {"const": kind}
        form["required"] = sorted({*form.get("required", ()), "kind"})
        forms.append(form)
    return {"type": "object", "required": ["kind"], "oneOf": forms}


def _of(model: type[Settings]) -> dict[str, Any]:
    """One model with its definitions put in place, defaults written as the user would."""
    found = model.model_json_schema(mode="serialization")
    inlined: dict[str, Any] = _inline(found, found.pop("$defs", {}))
    return inlined


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]] | {key: node[key] for key in node if key != "$ref"}
    # TOML has no null, and titles that repeat the key tell nobody anything
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return _inline({key: node[key] for key in node if key != "anyOf"} | options[0], definitions)
    if options:
        node = node | {"anyOf": options}
    return {
        key: _inline(value, definitions)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
