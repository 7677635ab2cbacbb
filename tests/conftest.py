"""What every test may ask for: a migrated archive, posts as a source would bring them, and the invariants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import migrate
from storage.database import Archive

NOW = 1_763_800_000_000_000  # 2025-11-22T08:26:40Z


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "data" / "communique.db") as opened:
        migrate.ensure(opened, now=NOW)
        yield opened
