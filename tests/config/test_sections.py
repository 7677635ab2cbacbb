"""What is certain of a config file that is no TOML: each section is read by itself, and what is in doubt is refused."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.environment import Environment
from bot.config.paths import data_dir
from bot.config.sections import is_plain, read_section
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


TITLES = ("[a]", "[b]", "[a.c]", '[a."t.me"]', "[[l]]", "[[l.m]]", "[a]]", "[ a ]", "[a.c", "[[b]]")
VALUES = (
    '"x"', "'x'", '"\\"x"', '"\\x"', '""', '"""', '"a" "b"', "1", "01", "-2", "0.6", "1.", "true", "yes", "[]", '["x"]',
    '["x", "y",]', '[\n"x",\n]', '["x" "y"]', "[[1]]", '{ c = "x", d = 1 }', "{ c = 1, }", "{}", "2026-11-01", "“x”",
    '"\t"', "inf", '"x', '[{ c = "x" }, {d = [1, 2]}]', "[{}]", "{ c = [1, ] }",
)  # fmt: skip
LINES = st.one_of(
    st.sampled_from(TITLES),
    st.builds("{} = {}".format, st.sampled_from(["k", "n", "a", "a.k", '"k"', "k k"]), st.sampled_from(VALUES)),
    st.sampled_from(["", "# x", "# \x01", " # x", "x", '"""']),
)


def parsed(text: str) -> tuple[dict[str, object] | None, str]:
    """What the parser makes of it, or why it refuses."""
    try:
        return tomllib.loads(text), ""
    except tomllib.TOMLDecodeError as broken:
        return None, str(broken)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_reading_a_section_alone_is_reading_the_file_whole(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("sections") / "config.toml"
    path.write_text(text, encoding="utf-8")
    whole, refusal = parsed(text)
    # what is not noticed without a parser is a key that is there twice, in a section that is not asked for
    assert not is_plain(text) or refusal.startswith("Cannot ") or whole is not None, text
    for name in ("a", "b", "l", "k", "n"):
        assert whole is None or read_section(path, name) == whole.get(name), text


def test_a_large_file_of_plain_lines_is_not_parsed_for_one_section(config: Path) -> None:
    rule = '[[rules]]\nname = "r{}"\nquery = "\\"regional command\\" -(a OR b)"\ntargets = ["screen"]  # here\n'
    text = STORAGE + "".join(rule.format(number) for number in range(1000)) + '[http.hosts."t.me"]\ninterval = "2s"\n'
    assert is_plain(text)
    assert not is_plain(text.replace('name = "r5"', 'name = r5"'))
    config.write_text(text, encoding="utf-8")
    assert read_section(config, "storage") == {"dir": "archive"}
    assert read_section(config, "http") == {"hosts": {"t.me": {"interval": "2s"}}}
