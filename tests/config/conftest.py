"""A config written, read, and its mistakes as `line:column where: message`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import Config, load
from bot.config.environment import Environment
from bot.errors import ConfigError
from bot.listing.kinds import every_kind

Write = Callable[[str], Path]
Read = Callable[..., Config]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def read(write: Write, tmp_path: Path) -> Read:
    def read(text: str, environment: Environment | None = None) -> Config:
        return load(write(text), environment or Environment(), kinds=every_kind(), data_dir=tmp_path / "data")

    return read


@pytest.fixture
def mistakes(read: Read, tmp_path: Path) -> Mistakes:
    def mistakes(text: str, environment: Environment | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, environment)
        assert caught.value.exit_code == 4
        return [str(problem).removeprefix(f"{tmp_path / 'config.toml'}:") for problem in caught.value.problems]

    return mistakes
