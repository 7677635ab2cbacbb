"""Fixtures of the whole line: a desk to run the program at, a webhook that counts, patience."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk, Until, wait_until


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as made:
        yield made


@pytest.fixture
def until() -> Until:
    return wait_until
