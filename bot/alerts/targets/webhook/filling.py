"""The child process that fills a template: names on stdin, the filled text on stdout; imports nothing else of ours.

A template is a small program. Here it has no files, no network, little memory, a few seconds and short loops.
"""

import json
import resource
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

_MEMORY = 384 << 20
_LONGEST_LOOP = 1_000


def main() -> None:
    """Read {"template", "names", "mime", "seconds", "most"} and write {"text"} or {"problem"}."""
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    json.dump(fill(asked["template"], asked["names"], asked["mime"], asked["most"]), sys.stdout)


def fill(template: str, names: dict[str, Any], mime: str, most: int) -> dict[str, str]:
    """Fill it piece by piece, so that what is too long ends early."""
    try:
        from jinja2 import TemplateError
    except ImportError:
        return {"missing": "jinja2"}
    pieces, length = [], 0
    try:
        for piece in make_environment(mime).from_string(template).generate(names):
            length += len(piece.encode("utf-8", "replace"))
            if length > most:
                return {"problem": f"it gives more than {most:,} bytes"}
            pieces.append(piece)
    except MemoryError:
        return {"problem": "it needs too much memory"}
    except (TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as problem:
        return {"problem": str(problem) or type(problem).__name__}
    return {"text": "".join(pieces)}


def make_environment(mime: str) -> Any:
    """A sandbox in which all words are escaped for the form that is sent; only `safe` and `urlencode` prevent it.

    In JSON `tojson` does, too. What other filters escape is escaped for the form as well: HTML is no JSON.
    """
    from jinja2 import StrictUndefined, Undefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup, escape

    class TemplateSandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "%"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if not all(isinstance(one, int | float) and abs(one) < 1 << 32 for one in (left, right)):
                raise TypeError(f"{operator} is only for numbers here")
            if operator == "**" and abs(right) > 64:
                raise TypeError("a power of at most 64 is allowed")
            return super().call_binop(context, operator, left, right)

    escapes: dict[str, Callable[[Any], str]] = {
        "json": lambda value: json.dumps(value)[1:-1] if isinstance(value, str) else json.dumps(value),
        "form": lambda value: quote_plus("" if value is None else str(value)),
        "markup": lambda value: escape("" if value is None else value),
        "plain": lambda value: "" if value is None else str(value),
    }
    kind = kind_of(mime)

    def finish(value: Any) -> Any:
        if isinstance(value, Markup | Undefined):
            return value
        return Markup(escapes[kind](value))  # noqa: S704 - escaped for the form that is sent

    found = TemplateSandbox(undefined=StrictUndefined, finalize=finish, autoescape=True, keep_trailing_newline=True)
    found.globals = {"range": _short_range}
    found.filters["urlencode"] = lambda value: Markup(quote(str(value), safe=""))  # noqa: S704 - nothing in it acts
    if kind != "markup":
        found.filters |= dict.fromkeys(("e", "escape", "forceescape"), lambda value: str(escape(value)))
    if kind in {"form", "plain"}:
        found.filters["tojson"] = json.dumps
    return found


def kind_of(mime: str) -> str:
    """What a type of content takes for more than letters: "json", "form", "markup" or "plain"."""
    mime = mime.partition(";")[0].strip().lower()
    if mime.endswith(("/json", "+json")):
        return "json"
    if mime == "application/x-www-form-urlencoded":
        return "form"
    return "markup" if mime.endswith(("xml", "html")) else "plain"


def _short_range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > _LONGEST_LOOP:
        raise ValueError(f"a range has at most {_LONGEST_LOOP:,} numbers here")
    return found


if __name__ == "__main__":
    main()
