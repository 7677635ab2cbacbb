"""Fixtures of the whole line: a desk to run the program at, a webhook that counts, patience."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desk import Desk, Sink, listening


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as counting:
        yield counting


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def until() -> Callable[[Callable[[], object], str], None]:
    """Wait for a condition of the outside world, at most a minute; the second argument says what was awaited."""

    def wait(condition: Callable[[], object], awaited: str) -> None:
        pause = threading.Event()
        for _ in range(1200):
            if condition():
                return
            pause.wait(0.05)
        pytest.fail(f"waited a minute for {awaited}")

    return wait
