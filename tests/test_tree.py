"""docs/tree.md is the tree: every folder and file with its one sentence."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
BANNED = re.compile(r"(?i)(^|_)(utils?|helpers?|common|core|manager|handler|service|processor|base)(_|$)")


def caption(path: Path) -> str:
    module = ast.parse((path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8"))
    return (ast.get_docstring(module) or "").split("\n", 1)[0]


def listed(folder: Path, depth: int = 0) -> list[str]:
    lines = [f"{'  ' * depth}{folder.name}/".ljust(34) + caption(folder)]
    for path in sorted(folder.iterdir(), key=lambda one: (one.is_dir(), one.name)):
        if path.is_dir() and (path / "__init__.py").exists():
            lines += listed(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            lines.append(f"{'  ' * (depth + 1)}{path.name}".ljust(34) + caption(path))
    return lines


def page() -> str:
    """docs/tree.md as it must be; `make docs` writes it."""
    tree = "\n".join(line for name in ("bot", "storage") for line in listed(ROOT / name))
    return f"# The tree\n\nEvery folder and file with its one sentence. `make docs` writes this page.\n\n```text\n{tree}\n```\n"


def test_the_page_of_the_tree_is_the_tree() -> None:
    assert page() == (ROOT / "docs" / "tree.md").read_text(encoding="utf-8"), "run: make docs"


def test_every_module_opens_with_one_sentence() -> None:
    silent = [path for name in ("bot", "storage") for path in (ROOT / name).rglob("*.py") if not caption(path)]
    assert silent == []


def test_no_room_is_a_drawer() -> None:
    found = []
    for name in ("bot", "storage", "tests", "bench"):
        for path in (ROOT / name).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            classes = [one.name for one in nodes if isinstance(one, ast.ClassDef)]
            names = [path.stem, *(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", one) for one in classes)]
            found += [f"{path}: {one}" for one in names if BANNED.search(one)]
    assert found == []
