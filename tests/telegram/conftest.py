"""A Telegram world with one account and one channel, served, and a directory that is signed in to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Until, wait_until
from tests.telegram.daemon_process import Station, standing
from tests.telegram.in_process import PHONE, sign_in
from tests.telegram_world import Served, World, run_in_thread


@pytest.fixture
def telegram() -> World:
    made = World()
    made.accounts.open(PHONE, code="12345", password="correct horse")
    made.open_channel("border_post", "Border Post", members=[PHONE])
    return made


@pytest.fixture
def at(telegram: World) -> Iterator[Served]:
    with run_in_thread(telegram) as stands:
        yield stands


@pytest.fixture
def data_dir(telegram: World, at: Served, tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    sign_in(telegram, at, directory)
    return directory


@pytest.fixture
def waits() -> Until:
    return wait_until


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with standing(tmp_path) as stands:
        yield stands
