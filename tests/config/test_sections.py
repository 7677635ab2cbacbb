"""What is certain of a config file that is no TOML: each section is read by itself, and what is in doubt is refused."""

from pathlib import Path

import pytest

from bot.config.environment import Environment
from bot.config.paths import data_dir
from bot.config.sections import read_section
from bot.config.terms import phrases
from bot.config.timezone import find_timezone
from bot.errors import ConfigError, Problem

NOTHING = Environment()
STORAGE = '[storage]\ndir = "archive"  # here\n'
BROKEN = '[[rules]]\nname = "c"\nquery = regional"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.mark.parametrize(
    "text",
    [
        f"{STORAGE}{BROKEN}",
        f"{BROKEN}{STORAGE}",
        f'{BROKEN}[[rules]]\nname = "d"\n{STORAGE}[defaults]\nevery = yes\n',
        f"{BROKEN}  [ storage ] # kept apart\n dir = 'archive'\n",
        f'storage.dir = "archive"\n{BROKEN}',
        f'{STORAGE}[[targets]]\nname = “hook”\nkind = "console"\n',
        f'{STORAGE}[defaults]\nevery = "1m"\n[defaults]\nevery = "2m"\n',
        f'{STORAGE}[[rules]]\nsources = [\n  "a",\n  "b"\nname = "c"\n',
    ],
)
def test_a_mistake_elsewhere_leaves_the_data_directory_certain(config: Path, text: str) -> None:
    config.write_text(text, encoding="utf-8")
    said: list[Problem] = []
    assert data_dir(config, None, NOTHING, said.append) == config.parent / "archive"
    assert [problem.path for problem in said] == [str(config)]
    assert said[0].line


def test_a_whole_file_is_read_without_a_word(config: Path) -> None:
    config.write_text(STORAGE, encoding="utf-8")
    said: list[Problem] = []
    assert read_section(config, "storage", said.append) == {"dir": "archive"}
    assert not said


def test_without_the_section_there_is_nothing_in_doubt(config: Path) -> None:
    config.write_text(f'# [storage]\n# dir = "elsewhere"\n{BROKEN}', encoding="utf-8")
    assert read_section(config, "storage") is None


@pytest.mark.parametrize(
    "text",
    [
        '[storage]\ndir = archive"\n',
        f'[storage\ndir = "archive"\n{BROKEN}',
        f'{STORAGE}[storage]\ndir = "other"\n',
        f"{STORAGE}keep = yes\n{BROKEN}",
        f'"storage".dir = archive\n{BROKEN}',
    ],
)
def test_what_is_in_doubt_is_refused_with_the_place(config: Path, text: str) -> None:
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.toml:\d+:\d+ not TOML"):
        data_dir(config, None, NOTHING)


def test_a_file_that_cannot_be_read_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="communique init"):
        read_section(config, "storage")
    config.write_bytes(b'[storage]\ndir = "\xff"\n')
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_section(config, "storage")


def test_terms_and_the_time_zone_are_read_beside_a_mistake(config: Path) -> None:
    terms = '[[terms]]\nname = "{0}"\nen = ["{0}"]\n'
    config.write_text(
        f'{terms.format("ridge")}[defaults]\ntimezone = "Asia/Yangon"\n{BROKEN}{terms.format("valley")}',
        encoding="utf-8",
    )
    assert {name: tuple(term) for name, term in phrases(config, NOTHING).items()} == {
        "ridge": ("ridge",), "valley": ("valley",),
    }  # fmt: skip
    assert find_timezone(config, NOTHING) == "Asia/Yangon"
