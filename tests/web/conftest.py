"""The seeded archive for every test of the reading room: one for all that only read, or a copy of one's own."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from tests.certificates import authority as authority  # noqa: PLC0414 - a fixture is found by its name here
from tests.web.archive import Seeded, seed
from tests.web.hostile_archive import seed_hostile


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The archive that nobody writes to."""
    return seed(tmp_path_factory.mktemp("seeded"))


@pytest.fixture
def copy_of_seeded(seeded: Seeded, tmp_path: Path) -> Callable[[], Seeded]:
    """Make a copy to write to."""
    return lambda: seeded.in_copy(Path(copytree(seeded.directory, tmp_path / "seeded")))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The archive in which strangers chose every word."""
    return seed_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Its twin, whose words can do no harm."""
    return seed_hostile(tmp_path_factory.mktemp("twin"), twin=True)
