"""What a person sees on a terminal: widths, tables, the pager, the zone of the config."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.terminal.output import Session
from bot.cli.terminal.table import write_table
from bot.cli.terminal.width import cut, pad, text_width, wrap
from bot.config.environment import Environment

Program = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., tuple[int, str]]
# Columns by which the cursor of tmux 3.3a moved, with the C.UTF-8 locale of glibc 2.36 (asked by DSR 6).
MEASURED = {
    "တိုင်းစစ်ဌာနချုပ်": 11,
    "က္က": 2,
    "ကြောင်း": 6,
    "ၵၢၼ်": 3,
    "ႏႂ်ႇ": 2,
    "မြန်မာ": 5,
    "ေ": 1,
    "ภาษาไทย": 7,
    "น้ำ": 2,
    "ກໍາ": 2,
    "កម្ពុជា": 5,
    "हिन्दी": 5,
    "தமிழ்": 4,
    "中文测试": 8,
    "日本語テスト": 12,
    "ｱｲｳ": 3,
    "한국어": 6,
    "\u1112\u1161\u11ab": 2,
    "العربية": 7,
    "e\u0301": 1,
    "🙂": 2,
    "👨‍👩‍👧": 2,
    "🏴‍☠️": 2,
    "🇲🇲": 2,
    "☀️": 1,
    "✅": 2,
    "\u00ad": 1,
    "“…”": 3,
    "𠀀": 2,
}


@pytest.mark.parametrize(("text", "columns"), list(MEASURED.items()), ids=ascii)
def test_text_is_as_wide_as_a_terminal_draws_it(text: str, columns: int) -> None:
    assert text_width(text) == columns
    assert text_width(f"a{text}b") == columns + 2
    assert text_width(f"\x1b[1m{text}\x1b[0m") == columns
    assert text_width(pad(text, 20)) == 20


@given(st.text(alphabet=st.sampled_from("ab တိုင်းစစ်ဌာန中文👨‍👩‍👧e\u0301"), max_size=80), st.integers(6, 30))
def test_wrapped_text_fits_and_loses_no_letter(text: str, columns: int) -> None:
    rows = wrap(text, columns, indent=2)
    assert all(text_width(row) <= columns for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    assert text_width(cut(text, columns)) <= columns


def test_a_syllable_and_an_address_stay_whole() -> None:
    assert wrap("တိုင်းစစ်", 4) == ["တိုင်း", "စစ်"]
    address = "https://example.org/" + "x" * 40
    assert wrap(f"see {address}", 20, indent=4) == ["see", f"    {address}"]


COMMANDS = [("status",), ("sources", "list"), ("alerts", "list"), ("media", "list"), ("search", "bridge OR command")]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "of-the-terminal.toml"
    path.write_text(
        '[defaults]\ntimezone = "Asia/Yangon"\n'
        '[[sources]]\nname = "spokesman"\nkind = "telegram_web"\nchannel = "example_channel"\n'
        '[[rules]]\nname = "command"\nquery = \'"regional command" OR တိုင်းစစ်ဌာနချုပ် OR "the council of the hills"\'\n'
        'targets = ["screen"]\n[[targets]]\nname = "screen"\nkind = "console"\n'
    )
    return path


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("command", [*COMMANDS, ("rules", "list"), ("alerts", "why", "1")], ids=" ".join)
def test_no_line_is_longer_than_the_screen(
    on_a_terminal: Terminal, config: Path, command: tuple[str, ...], columns: int
) -> None:
    code, sent = on_a_terminal("--config", str(config), "--no-pager", *command, COLUMNS=str(columns))
    assert code == 0
    rows = re.sub("\x1b\\[[0-9;]*m", "", sent).splitlines()
    assert rows
    assert [row for row in rows if text_width(row) > columns and "://" not in row] == []


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_value_without_a_heading_stands_alone_where_its_row_is_continued_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    session = Session(None, None, Environment(), colour=False, out=screen, err=io.StringIO())
    row = ("hill_rangers_info", "the same words", "deleted", "http://127.0.0.1/hill_rangers_info/22")
    write_table(session, ("source", "why", "", "post"), [row])
    assert "\n    deleted  post:\n" in screen.getvalue()


def test_a_column_without_any_value_is_left_out_on_a_terminal_only(
    on_a_terminal: Terminal, program: Program, config: Path
) -> None:
    _, sent = on_a_terminal("--config", str(config), "sources", "list", COLUMNS="200")
    assert "mode" not in sent.splitlines()[0]
    assert program("sources", "list", config=config).stdout.startswith("name\tkind\tmode\tstate\tlast post\tlag\t")


@pytest.mark.parametrize("command", [("sources", "list"), ("rules", "list"), ("alerts", "list"), ("media", "list")])
def test_a_list_in_a_pipe_begins_with_its_headings_unless_they_are_refused(
    program: Program, config: Path, command: tuple[str, ...]
) -> None:
    whole = program(*command, config=config).stdout.splitlines()
    bare = program(*command, "--no-header", config=config).stdout.splitlines()
    assert whole[1:] == bare
    assert len(whole[0].split("\t")) == len(bare[0].split("\t"))
    assert whole[0] == whole[0].lower()


@pytest.fixture
def pager(tmp_path: Path) -> tuple[str, Path]:
    """A pager that writes down what it gets, and LESS; its command line, and the file."""
    got = tmp_path / "paged.txt"
    script = tmp_path / "pager.py"
    script.write_text(
        "import os, sys\n"
        f"with open({str(got)!r}, 'w', encoding='utf-8') as got:\n"
        "    got.write(os.environ['LESS'] + '\\n' + sys.stdin.read())\n"
    )
    return f"{sys.executable} -S {script}", got


def test_what_is_longer_than_the_screen_goes_through_the_pager(
    on_a_terminal: Terminal, pager: tuple[str, Path]
) -> None:
    command, got = pager
    _, whole = on_a_terminal("search", "bridge OR command", "--no-pager", LINES="5", PAGER=command)
    assert not got.exists()
    _, sent = on_a_terminal("search", "bridge OR command", LINES="5", PAGER=command)
    options, _, paged = got.read_text(encoding="utf-8").partition("\n")
    assert options == "FRX"
    assert paged == whole.replace("\r\n", "\n")
    assert sent == ""


def test_what_is_said_comes_after_the_pager(on_a_terminal: Terminal, pager: tuple[str, Path]) -> None:
    command, got = pager
    _, sent = on_a_terminal("search", "bridge OR command", "--limit", "2", LINES="4", PAGER=command)
    assert "--limit" not in got.read_text(encoding="utf-8")
    assert sent.startswith("2 of ")


def test_short_output_and_output_in_a_pipe_need_no_pager(
    on_a_terminal: Terminal, process: Program, pager: tuple[str, Path]
) -> None:
    command, got = pager
    on_a_terminal("search", "lashio", LINES="50", PAGER=command)
    process("search", "bridge OR command", LINES="2", PAGER=command)
    on_a_terminal("--no-pager", "search", "bridge OR command", LINES="2", PAGER=command)
    assert not got.exists()


def test_a_pager_that_is_left_early_or_does_not_exist_is_no_failure(on_a_terminal: Terminal) -> None:
    code, sent = on_a_terminal("search", "bridge OR command", LINES="2", PAGER="true")
    assert (code, sent) == (0, "")
    code, sent = on_a_terminal("search", "bridge OR command", LINES="2", PAGER="/nonexistent/pager")
    assert code == 0
    assert "bridge" in sent


def test_the_screen_is_in_the_zone_of_the_config_unless_another_is_asked_for(program: Program, config: Path) -> None:
    for command in (
        ("search", "lashio"),
        ("show", "desk/guid/7"),
        ("tail",),
        ("status",),
        ("sources", "list"),
        ("alerts", "list"),
        ("alerts", "why", "1"),
        ("media", "list"),
    ):
        shown = program(*command, config=config).stdout
        assert "+0630" in shown, command
        assert "UTC" not in shown, command
        assert re.search(r"\d\dZ\b", shown) is None, command
        assert "UTC" in program(*command, "--tz", "UTC", config=config).stdout, command
    assert "UTC" in program("search", "lashio").stdout


def test_what_a_machine_reads_stays_in_utc(program: Program, config: Path) -> None:
    for command in (("search", "lashio"), ("sources", "list"), ("alerts", "list"), ("status",)):
        assert "+06" not in program(*command, "--json", config=config).stdout
    days = ("stats", "--since", "2025-11-01T12:00Z", "--until", "2025-11-01T18:00Z", "--json")
    assert len(json.loads(program(*days, config=config).stdout)["days"]) == 1
    assert len(json.loads(program(*days, "--tz", "Asia/Yangon", config=config).stdout)["days"]) == 2


def test_days_that_a_person_writes_begin_in_the_zone_of_the_config(program: Program, config: Path) -> None:
    # The bridge at Lashio was lost at 15:26 UTC, which is 21:56 in Yangon; midnight there is 17:30 UTC.
    assert "held" in program("search", "lashio", "--until", "2025-11-01", config=config).stdout
    assert program("search", "lashio", "--until", "2025-11-01T21:56", config=config).stdout == ""
    assert "held" in program("search", "lashio", "--until", "2025-11-01T21:57", config=config).stdout


@pytest.mark.parametrize("content", ['[defaults]\ntimezone = "Mars/Olympus"\n', "timezone = \n", "[defaults]\n"])
def test_a_zone_that_cannot_be_read_does_not_keep_anybody_from_searching(
    program: Program, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(content)
    ran = program("search", "lashio", config=path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "2025-11-01 15:26 UTC" in ran.stdout
