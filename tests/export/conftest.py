"""Exports of the seeded archive and of a hostile one, made by the program in a process of its own, or in this one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.export import FORMATS
from tests.desk import run_program
from tests.export.exported import INSTALLED, Exports
from tests.export.hostile import make_hostile
from tests.web.archive import Seeded, seed


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """An archive in which every word is an attack."""
    return make_hostile(tmp_path_factory.mktemp("hostile") / "data")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The archive of the reading room."""
    return seed(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def exports(seeded: Seeded) -> Exports:
    return Exports(seeded.data_dir)


@pytest.fixture
def program(seeded: Seeded, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run `communique export …` in a process of its own."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return run_program("--data-dir", seeded.data_dir, "export", *words, cwd=tmp_path)

    return run


@pytest.fixture(params=list(FORMATS))
def name(request: pytest.FixtureRequest) -> str:
    """Every format, one after the other."""
    if request.param not in INSTALLED:
        pytest.skip(f"{request.param}: its package is missing; make setup-web brings it")
    return str(request.param)
