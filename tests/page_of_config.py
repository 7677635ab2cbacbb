"""docs/config.md, made from the models of the config and from the comments of config.example.toml."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.config.schema import schema
from bot.contracts.amounts import written
from bot.contracts.engine import EngineSettings
from bot.contracts.settings import Settings
from bot.contracts.source import SourceSettings
from bot.contracts.target import TargetSettings
from bot.listing.kinds import every_kind

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
SHARED: Mapping[str, type[Settings]] = {"sources": SourceSettings, "targets": TargetSettings, "engines": EngineSettings}
HEAD = """\
# Configuration

One TOML file. `make docs` writes this page from the program and from the comments in
[config.example.toml](../config.example.toml), which shows every key in use. `communique config check` finds every mistake,
and an unknown key is one. `communique config path` prints where the file and the data are.

A key of `[storage]`, `[http]`, `[telegram]` or `[defaults]` that is not a list can also be set by an environment variable:
`COMMUNIQUE_HTTP__PROXY` is `proxy` of `[http]`. The variable beats the file, and an option on the command line beats both.

Durations are written `"250ms"`, `"90s"`, `"10m"`, `"24h"`, `"7d"`; sizes `"500KB"`, `"20MB"`, `"1.5GB"`. A relative path
starts from the directory of the config file. A secret is never in the config: it is in a file of its own with mode 0600.
Where there is neither a default nor the word "required", the key may be left out.
"""


class Comments:
    """What config.example.toml says of each key: by section, kind and key."""

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, str, str], str] = {}
        for section in re.split(r"(?m)^(?=\[)", text)[1:]:
            header, _, body = section.partition("\n")
            name = header.partition("#")[0].strip().strip("[]").split('."')[0]
            kind = re.search(r'(?m)^kind = "(\w+)"', body)
            for key, comment in _keys(body):
                self._found.setdefault((name, kind[1] if kind else "", key), comment)

    def of(self, section: str, kind: str, key: str) -> str:
        """The comment of this kind's own entry, "" where there is none; without a kind, that of the first entry."""
        if kind:
            return self._found.get((section, kind, key), "")
        said = (comment for (where, _, what), comment in self._found.items() if (where, what) == (section, key))
        return next(filter(None, said), "")


def _keys(body: str) -> Iterator[tuple[str, str]]:
    """Each key with its comment: at the end of its line, or in the lines just before."""
    before: list[str] = []
    for line in body.splitlines():
        found = re.match(r"(\w+) = .*?(?:\s+# ?(.*))?$", line)
        if found:
            said = " ".join([*before, found[2] or ""]).strip()
            yield found[1], said
        before = [*before, line.lstrip("# ")] if line.startswith("#") else []


def page() -> str:
    """docs/config.md as it must be; `make docs` writes it."""
    comments = Comments(EXAMPLE.read_text(encoding="utf-8"))
    parts = [HEAD]
    for name, form in schema(every_kind())["properties"].items():
        parts += _list(name, form["items"], comments) if "items" in form else _section(name, form, comments)
    return "\n".join(parts)


def _section(name: str, form: dict[str, Any], comments: Comments) -> list[str]:
    tables = {key: inner for key, inner in form["properties"].items() if "additionalProperties" in inner}
    lists = {key: inner["items"] for key, inner in form["properties"].items() if "properties" in inner.get("items", {})}
    apart = {*tables, *lists}
    rows = [_row(name, "", key, value, form, comments) for key, value in form["properties"].items() if key not in apart]
    parts = [f"## [{name}]\n", _sentence(form), _table(rows)]
    for key, inner in tables.items():
        within, where = inner["additionalProperties"], f"{name}.{key}"
        rows = [_row(where, "", one, value, within, comments) for one, value in within["properties"].items()]
        parts += [f"### [{where}.NAME]\n", _sentence(within), _table(rows)]
    for key, within in lists.items():
        where = f"{name}.{key}"
        rows = [_row(where, "", one, value, within, comments) for one, value in within["properties"].items()]
        parts += [f"### [[{where}]]\n", _sentence(within), _table(rows)]
    return parts


def _list(name: str, items: dict[str, Any], comments: Comments) -> list[str]:
    forms = items.get("oneOf")
    if forms is None:
        rows = [_row(name, "", key, value, items, comments) for key, value in items["properties"].items()]
        if name == "terms":  # its other keys are names of languages, which no model lists
            rows.append("| the code of a language | list of: text |  | the phrases in that language (ISO 639 code) |")
        return [f"## [[{name}]]\n", _sentence(items), _table(rows)]
    shared = SHARED[name].model_fields
    rows = [_row(name, "", key, _usual(forms, key), forms[0], comments) for key in shared if key != "kind"]
    kinds = " or ".join(f'`"{form["properties"]["kind"]["const"]}"`' for form in forms)
    rows.insert(1, f"| `kind` | {kinds} | required | one of the kinds below |")
    parts = [f"## [[{name}]]\n", "Every entry can have these keys:\n", _table(rows)]
    for form in forms:
        kind = form["properties"]["kind"]["const"]
        own = [
            _row(name, kind, key, value, form, comments)
            for key, value in form["properties"].items()
            if key not in shared or (key != "kind" and value.get("default") != _usual(forms, key).get("default"))
        ]
        said = comments.of(name, kind, "kind")
        parts.append(f'### kind = "{kind}"\n\n{said[:1].upper()}{said[1:]}.\n')
        parts += [_table(own)] if own else []
    return parts


def _usual(forms: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """A key as most kinds have it: some give it a default of their own."""
    found = [form["properties"][key] for form in forms]
    return max(found, key=found.count)


def _sentence(form: dict[str, Any]) -> str:
    """The first line of the model's docstring, without the name of the section."""
    text = re.sub(r"^\[.*?\]+: ", "", form.get("description", "")).split("\n")[0]
    return f"{text[:1].upper()}{text[1:]}\n"


def _table(rows: list[str]) -> str:
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(section: str, kind: str, key: str, value: dict[str, Any], form: dict[str, Any], comments: Comments) -> str:
    default = "required" if key in form.get("required", ()) else _written(value)
    meaning = comments.of(section, kind, key).replace("|", "\\|")
    return f"| `{key}` | {_form(value)} | {default} | {meaning} |"


def _written(value: dict[str, Any]) -> str:
    """A default as the user writes it."""
    if "default" not in value:
        return ""
    default = value["default"]
    if isinstance(default, list):
        durations = _form(value.get("items", {})) == "duration"
        return f"`[{', '.join(_toml(written(one) if durations and isinstance(one, int) else one) for one in default)}]`"
    return f"`{_toml(default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _form(value: dict[str, Any]) -> str:
    """The kind of value in one word or two."""
    if "enum" in value:
        return ", ".join(f'`"{one}"`' for one in value["enum"])
    if "const" in value:
        return f'`"{value["const"]}"`'
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_form(one) for one in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of: {_form(value['items'])}"
    if value.get("type") == "object":
        return f"table of {', '.join(f'`{key}`' for key in value.get('properties', ()))}"
    pattern = value.get("pattern", "")
    if "ms|s|m" in pattern or "KB|MB" in pattern:
        return "duration" if "ms|s|m" in pattern else "size"
    if "secret" in value.get("description", ""):
        return "path of a secret file"
    if "properties" in value:
        return "table: " + ", ".join(f"`{key}` ({_form(one)})" for key, one in value["properties"].items())
    if value.get("format") == "path":
        return "path"
    return {"boolean": "true or false", "integer": "number", "string": "text"}.get(str(value.get("type")), "text")
