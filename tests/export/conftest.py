"""Exports of the seeded archive, made by the program itself, in this process or in one of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.errors import CommuniqueError
from bot.export import FORMATS, load
from bot.export.making import Exported, Order, export
from storage.archive.database import Archive
from storage.language.query import parse
from storage.search.selection import Selection
from tests.web.archive import Seeded, seed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The archive of the reading room."""
    return seed(tmp_path_factory.mktemp("exported"))


@dataclass
class Exports:
    """One archive, and how exports of it are made in this process."""

    data_dir: Path

    def make(self, name: str, path: Path, query: str | None = None, *, force: bool = False, **wanted: Any) -> Exported:
        parsed = None if query is None else parse(query)
        with Archive(self.data_dir / "communique.db") as archive, archive.reading() as reader:
            order = Order(name, query, Selection(parsed, **wanted))
            return export(reader, self.data_dir, order, path, force=force)


@pytest.fixture
def exports(seeded: Seeded) -> Exports:
    return Exports(seeded.data_dir)


@pytest.fixture
def program(seeded: Seeded, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run `communique export …` in a process of its own."""

    def run(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "bot", "--data-dir", str(seeded.data_dir), "export", *words]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False, timeout=120, **more
        )

    return run


@pytest.fixture(params=list(FORMATS))
def name(request: pytest.FixtureRequest) -> str:
    """Every format, one after the other."""
    found = str(request.param)
    try:
        load(found)
    except CommuniqueError:
        pytest.skip(f"{found}: its package is missing; make setup-web brings it")
    return found


def read_manifest(done: Exported) -> dict[str, Any]:
    found = json.loads(done.manifest.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def files_of(done: Exported) -> dict[str, bytes]:
    """Every file of an export by its name, without the manifest."""
    if done.path.is_file():
        return {done.path.name: done.path.read_bytes()}
    every = (path for path in done.path.rglob("*") if path.is_file() and path != done.manifest)
    return {str(path.relative_to(done.path)): path.read_bytes() for path in every}
