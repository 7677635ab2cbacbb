"""Templates of webhooks: what is wrong with one, and one filled for a message (https://jinja.palletsprojects.com)."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.alerts.sample import sample_data
from bot.alerts.targets.webhook import filling
from bot.child import exchange, started
from bot.contracts.message import Message
from bot.contracts.target import MessageRefused
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.suggest import did_you_mean

INSTALL = "pip install 'communique[templates]'"
_OWN = ("type", "id", "timestamp", "text")  # of the message, beside what a webhook has as `data`
_SECONDS = 5
_DEADLINE_S = 60.0
_MOST = 1 << 20
_LARGEST = 256 << 10


def read_template(path: Path) -> str:
    """The text of a template. Raises ValueError with what is wrong with the file."""
    try:
        data = path.read_bytes()
        if len(data) > _LARGEST:
            raise ValueError(f"{path} is larger than {_LARGEST >> 10} kB")
        return data.decode("utf-8-sig")
    except OSError as problem:
        raise ValueError(f"{path} cannot be read: {(problem.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def find_problem(template: str, mime: str) -> str:
    """One sentence that says what is wrong with a template, "" if nothing can be seen without filling it."""
    try:
        from jinja2 import TemplateSyntaxError, meta, nodes
    except ImportError:
        return f"templates need the jinja2 package; run: {INSTALL}"
    environment, known = filling.make_environment(mime), _known()
    try:
        tree = environment.parse(template)
        environment.from_string(template)  # filters and tests that do not exist show only now
    except TemplateSyntaxError as problem:
        return f"line {problem.lineno}: {one_line(problem.message or 'cannot be read')}"
    others = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
    if others is not None:
        return f"line {others.lineno}: a template cannot use another file"
    for name in sorted(meta.find_undeclared_variables(tree) - known.keys() - {"range"}):
        return f'nothing is called "{name}" here' + (did_you_mean(name, known) or f"; there are {', '.join(known)}")
    return next(_unknown_fields(tree, known), "") or _try(template, mime)


def _try(template: str, mime: str) -> str:
    """What goes wrong when the template is filled with a made-up alert, "" if nothing does."""
    document: dict[str, object] = {"type": "match", "id": "msg_sample", "timestamp": "1970-01-01T00:00:00Z"}
    sample = Message("msg_sample", "match", "sample", "sample", document | {"data": sample_data()})
    try:
        asyncio.run(fill_template(template, mime, sample))
    except MessageRefused as problem:
        return f"with a sample alert, {problem.reason}"
    except Later:  # a machine that is too busy says nothing about the template
        return ""
    return ""


async def fill_template(template: str, mime: str, message: Message, *, seconds: int = _SECONDS) -> bytes:
    """The template filled with what a message holds, in at most so many `seconds` of processor time.

    Raises MessageRefused if it cannot be, Never without jinja2.
    """
    asked = {"template": template, "names": _names(message), "mime": mime, "seconds": seconds, "most": _MOST}
    command = (sys.executable, "-I", str(Path(filling.__file__)))
    too_long = MessageRefused(f"the template gives more than {_MOST:,} bytes")
    try:
        async with started(command, environment={}) as process, asyncio.timeout(_DEADLINE_S):
            answer = await exchange(process, json.dumps(asked).encode(), 8 * _MOST, too_long)
            code = await process.wait()
    except TimeoutError:
        raise Later(f"this machine was too busy to fill the template within {_DEADLINE_S:.0f} s") from None
    try:
        found: dict[str, str] = json.loads(answer)
    except ValueError:
        why = f"takes longer than {seconds} s" if code == -signal.SIGXCPU else f"cannot be filled (code {code})"
        raise MessageRefused(f"the template {why}") from None
    if "missing" in found:
        raise Never("the jinja2 package is not installed", remedy=f"run: {INSTALL}")
    if "problem" in found:
        raise MessageRefused(f"the template cannot be filled: {clip(one_line(found['problem'][:1000]), 200)}")
    text = found["text"].encode("utf-8", "replace")
    if filling.kind_of(mime) == "json":
        _check_json(text)
    return text


def _check_json(text: bytes) -> None:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise MessageRefused("the template does not give JSON: it is nested too deep") from None
    except ValueError as problem:
        raise MessageRefused(f"the template does not give JSON: {clip(one_line(str(problem)), 150)}") from None


def _known() -> dict[str, object]:
    """Every name that a template may use, with a value that shows its fields."""
    return {**dict.fromkeys(_OWN, ""), **sample_data()}


def _names(message: Message) -> dict[str, object]:
    """The names with their values; those that a message of this type does not have are empty in the same shape."""
    data = message.document.get("data")
    empty = {name: _emptied(value) for name, value in _known().items()}
    own = {name: message.document.get(name) for name in _OWN}
    return empty | (data if isinstance(data, dict) else {}) | own | {"text": message.plain}


def _emptied(value: object) -> object:
    if isinstance(value, dict):
        return {name: _emptied(inner) for name, inner in value.items()}
    return [] if isinstance(value, list) else None


def _unknown_fields(tree: Any, known: Mapping[str, object]) -> Iterator[str]:
    """Sentences about fields such as `post.titel`, as far as it is known what has them."""
    from jinja2 import nodes

    shapes = dict(known)
    for node in tree.find_all((nodes.For, nodes.Assign, nodes.With)):
        _note_names(node, shapes)
    for name in tree.find_all(nodes.Name):
        if name.ctx != "load" and name.name in known:
            shapes.pop(name.name, None)  # it means something else somewhere
    for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Call)):
        asked = _asked(node)
        if asked is None:
            continue
        owner, field = _shape(asked[0], shapes), asked[1]
        if isinstance(owner, dict) and field not in owner and not hasattr(owner, field):
            yield f'line {node.lineno}: nothing is called "{field}" there{did_you_mean(field, owner)}'


def _note_names(node: Any, shapes: dict[str, object]) -> None:
    """What the names of a loop, a `set` or a `with` mean, as far as that is known."""
    from jinja2 import nodes

    if isinstance(node, nodes.For):
        found = _shape(node.iter, shapes)
        pairs = [(node.target, found[0] if isinstance(found, list) and found else None)]
    elif isinstance(node, nodes.With):
        pairs = [(target, _shape(value, shapes)) for target, value in zip(node.targets, node.values, strict=True)]
    else:
        pairs = [(node.target, _shape(node.node, shapes))]
    for target, shape in pairs:
        if isinstance(target, nodes.Name):
            if shape is None or shapes.get(target.name, shape) != shape:
                shapes[target.name] = None  # it means something else somewhere
            else:
                shapes[target.name] = shape


def _asked(node: Any) -> tuple[Any, str] | None:
    """What is asked for which field: `post.text`, `post["text"]`, `post|attr("text")`, `post.get("text")`."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr | nodes.Getitem):
        field = _field(node)
        return None if field is None else (node.node, field)
    first = node.args[0] if node.args else None
    word = first.value if isinstance(first, nodes.Const) and isinstance(first.value, str) else None
    if word is None:
        return None
    if isinstance(node, nodes.Filter):
        return (node.node, word) if node.name == "attr" else None
    called = node.node
    return (called.node, word) if isinstance(called, nodes.Getattr) and called.attr == "get" else None


def _shape(node: Any, shapes: Mapping[str, object]) -> object:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return shapes.get(node.name)
    owner, field = (
        (_shape(node.node, shapes), _field(node)) if isinstance(node, nodes.Getattr | nodes.Getitem) else (0, "")
    )
    if isinstance(owner, dict) and field is not None:
        return owner.get(field)
    return owner[0] if isinstance(owner, list) and owner and field is None else None


def _field(node: Any) -> str | None:
    """The name of a field, None for the place in a list."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        return str(node.attr)
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None
