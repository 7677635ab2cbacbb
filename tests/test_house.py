"""The rules of the house that a machine can check: who imports whom, what a name means, how large things are."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_APP, MOST_AT_THE_TOP, MEDIAN_FUNCTION = 420, 300, 8, 8
TOLD = 20
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "environ", "environb", "getenv"}
# Code outside a kind's folder that may name the kind, with the reason.
NAMES_A_KIND = {
    "bot/cli/init.py": "the template shows entries of the commonest kinds",
    "bot/cli/login.py": "the command signs in to Telegram",
    "bot/telegram/": "the one connection is Telegram's",
    "bot/world/": "the demo's world plays the sites of these kinds",
    "bot/cli/demo.py": "the demo's config watches that world",
    "storage/migrations/": "released steps never change",
}


def modules() -> dict[str, Path]:
    found = {}
    for name in ("bot", "storage"):
        for path in sorted((ROOT / name).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
KINDS = {
    package: {name.split(".")[-1] for name in MODULES if name.rpartition(".")[0] == package}
    for package in ("bot.sources", "bot.alerts.targets", "bot.enrich.engines")
}


@cache
def trees() -> Mapping[str, ast.Module]:
    """Each module's syntax tree, parsed once, and only by the process whose test asks for it."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def place(name: str) -> str:
    return str(MODULES[name].relative_to(ROOT))


def imported(node: ast.AST) -> Iterator[str]:
    """Modules of ours that a tree imports, also inside functions; not what is only named in a signature."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (one.name for one in child.names if one.name in MODULES)
        elif isinstance(child, ast.ImportFrom) and child.module in MODULES:
            names = [f"{child.module}.{one.name}" for one in child.names]
            yield from (name if name in MODULES else child.module for name in names)
        yield from imported(child)


def room(module: str) -> str:
    """The folder or file right under `bot`; storage is one room from outside."""
    return "storage" if module.split(".", maxsplit=1)[0] == "storage" else ".".join(module.split(".")[:2])


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """One way from a node back to itself; empty if there is none."""
    state: dict[str, str] = {}

    def walk(node: str, way: list[str]) -> list[str]:
        if state.get(node) == "under way":
            return [*way[way.index(node) :], node]
        if node in state:
            return []
        state[node] = "under way"
        for following in sorted(edges.get(node, ())):
            found = walk(following, [*way, node])
            if found:
                return found
        state[node] = "done"
        return []

    return next((found for node in sorted(edges) if (found := walk(node, []))), [])


def contract(name: str) -> Any:
    """One import contract of pyproject.toml, by the beginning of its name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (found,) = [one for one in settings["contracts"] if one["name"].startswith(name)]
    return found


def test_every_room_has_its_layer() -> None:
    known = [one for line in contract("no import runs upwards")["layers"] for one in line.split(" | ")]
    rooms = {room(name) for name in MODULES} - {"bot"}
    assert sorted(known) == sorted(rooms), "write a new room into the layers of pyproject.toml, above what it imports"


def test_no_import_runs_upwards() -> None:
    layers = contract("no import runs upwards")["layers"]
    depth = {one: number for number, line in enumerate(layers) for one in line.split(" | ")}
    wrong = [
        f"{name} imports {target}"
        for name, tree in trees().items()
        for target in sorted(set(imported(tree)) - {"bot"})
        if room(name) != room(target) and depth[room(target)] <= depth[room(name)]
    ]
    assert wrong == []


def test_there_is_no_circle_among_modules() -> None:
    assert circle({name: set(imported(tree)) - {name} for name, tree in trees().items()}) == []


def test_there_is_no_circle_among_the_folders_of_storage() -> None:
    edges = defaultdict(set)
    for name, tree in trees().items():
        for target in imported(tree):
            here, there = (".".join(one.split(".")[:2]) for one in (name, target))
            if here != there and here.startswith("storage.") and there.startswith("storage."):
                edges[here].add(there)
    assert circle(edges) == []


def test_what_calls_itself_pure_is_held_to_it() -> None:
    captions = {name: ast.get_docstring(tree) or "" for name, tree in trees().items()}
    pure = {name for name, caption in captions.items() if caption.startswith("PURE:")}
    held = {
        name
        for name in MODULES
        for one in contract("PURE")["source_modules"]
        if name == one or name.startswith(f"{one}.")
    }
    assert pure - held == set(), "add these to the list in pyproject.toml, or do not call them PURE"
    assert held - pure == set(), "begin their first line with PURE:, or take them off the list in pyproject.toml"


def test_a_class_name_occurs_once() -> None:
    seen = defaultdict(list)
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name != "Settings":
                seen[node.name].append(name)
    assert {name: where for name, where in seen.items() if len(where) > 1} == {}


def test_only_the_config_reads_the_environment() -> None:
    readers = set()
    for name, tree in trees().items():
        for node in ast.walk(tree):
            taken = (
                {one.name for one in node.names} if isinstance(node, ast.ImportFrom) and node.module == "os" else set()
            )
            if ast.unparse(node) in ENVIRONMENT or taken & ENVIRONMENT:
                readers.add(name)
    assert readers == {"bot.config.environment"}


def owner(name: str) -> tuple[str, str] | None:
    """The package of kinds and the kind that a module belongs to."""
    for package, kinds in KINDS.items():
        kind = name.removeprefix(f"{package}.").split(".")[0]
        if name.startswith(f"{package}.") and kind in kinds:
            return package, kind
    return None


def strings(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def named_kinds(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that compare a `.kind` or `kind` with the name of a kind."""
    known = set().union(*KINDS.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(ast.unparse(side).split(".")[-1] == "kind" for side in sides):
                for kind in sorted(known & set().union(*map(strings, sides))):
                    yield node.lineno, f"compares a kind with {kind!r}"


def test_nobody_outside_a_kind_names_it_or_imports_it() -> None:
    wrong = []
    for name, tree in trees().items():
        if any(place(name).startswith(one) for one in NAMES_A_KIND):
            continue
        if owner(name) is None:
            wrong += [f"{place(name)}:{line} {what}" for line, what in named_kinds(tree)]
        wrong += [
            f"{place(name)} imports {target}"
            for target in sorted(set(imported(tree)))
            if owner(target) not in (None, owner(name))
        ]
    assert wrong == []


def test_nothing_is_told() -> None:
    found = [
        f"{place(name)}:{number}"
        for name, path in MODULES.items()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\btold\b", line)
    ]
    assert len(found) <= TOLD, f"{len(found)} lines with the house word: {found[:20]}"


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_too_long_to_be_read_in_one_sitting() -> None:
    assert [f"{place(name)}: {lines_of(path)}" for name, path in MODULES.items() if lines_of(path) > LONGEST_FILE] == []


def test_the_life_of_the_process_is_on_one_page() -> None:
    assert lines_of(ROOT / "bot" / "daemon" / "app.py") <= LONGEST_APP


def test_storage_is_no_drawer() -> None:
    assert len(list((ROOT / "storage").glob("*.py"))) <= MOST_AT_THE_TOP


def test_functions_are_small() -> None:
    sizes = [
        (node.end_lineno or 0) - node.lineno + 1
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert median(sizes) <= MEDIAN_FUNCTION
