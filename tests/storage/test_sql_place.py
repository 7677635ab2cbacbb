"""SQL is written in one place and in one case: PostgreSQL is to become a second archive."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_STATEMENT = re.compile(
    r"\b(SELECT\s.+\sFROM\s|SELECT\s+(1|EXISTS|count)\b|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|"
    r"PRAGMA\s+\w+|CREATE\s+(TABLE|VIEW|INDEX|VIRTUAL|TRIGGER)\s)",
    re.IGNORECASE | re.DOTALL,
)
_KEYWORDS = re.compile(
    r"(?<![:\w'.])(select|distinct|from|where|and|or|not|in|is|null|exists|insert|into|values|update|delete|on|join|"
    r"left|cross|group|order|by|asc|desc|limit|case|when|then|else|union|like|between|cast|returning|pragma)(?![\w'.])"
)


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that is no docstring, with {} for what an f-string fills in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in prose or id(node) in inside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def unquoted(statement: str) -> str:
    return re.sub(r"'[^']*'|\"\w+\"", "''", statement)


def test_no_statement_is_written_outside_storage() -> None:
    assert [(path, line) for path in modules("bot") for line, text in literals(path) if _STATEMENT.search(text)] == []


def test_keywords_of_statements_are_upper_case() -> None:
    statements = [
        (path, line, text) for path in modules("storage") for line, text in literals(path) if _STATEMENT.search(text)
    ]
    assert len(statements) > 100
    assert [(path, line) for path, line, text in statements if _KEYWORDS.search(unquoted(text))] == []
