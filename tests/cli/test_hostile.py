import csv
import io
import json
import subprocess
import unicodedata
from collections.abc import Callable

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
EVERYTHING = [
    ("search", "hostile"),
    ("search", "hostile", "--json"),
    ("search", "hostile", "--jsonl"),
    ("search", "hostile", "--csv"),
    ("tail", "-n", "20"),
    ("stats", "--since", "2025-10-30", "--until", "2025-11-03"),
    ("stats", "--since", "2025-10-30", "--until", "2025-11-03", "--json"),
    ("status",),
    ("status", "--json"),
    ("sources", "list"),
    ("sources", "list", "--csv"),
]


def acting(text: str) -> set[str]:
    return {
        character
        for character in text
        if (unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in "\n\t")
        or character in BIDI
        or "\U000e0000" <= character <= "\U000e007f"
    }


@pytest.mark.parametrize("arguments", EVERYTHING, ids=" ".join)
def test_bad_input_11_and_12_hostile_names_files_and_errors_are_safe_in_a_pipe(
    process: Program, arguments: tuple[str, ...]
) -> None:
    ran = process(*arguments)
    assert ran.returncode == 0
    assert not acting(ran.stdout)
    assert not acting(ran.stderr)
    assert ran.stdout


def test_bad_input_01_to_06_and_08_a_hostile_post_is_shown_whole_and_written_out(process: Program) -> None:
    [found] = [post for post in json.loads(process("search", "hostile", "--json").stdout) if post["native_id"] == "x1"]
    assert found["text"].startswith("hostile \x1b[2J\u202egnp\x9b31m[/b][link=http://evil]\r\u2028\U000e0041")
    shown = process("show", found["id"], "--history").stdout
    assert not acting(shown)
    assert r"hostile \u{001b}[2J\u{202e}gnp\u{009b}31m[/b][link=http://evil]\u{000d}\u{2028}\u{e0041} words" in shown
    assert r"../../x\u{001b}" in shown


def test_bad_input_09_a_hundred_thousand_marks_make_a_short_line(process: Program) -> None:
    lines = process("search", "hostile").stdout.splitlines()
    assert max(map(len, lines)) < 1_000


def test_bad_input_10_markup_and_controls_do_not_reach_a_terminal(
    on_a_terminal: Callable[..., tuple[int, str]],
) -> None:
    for arguments in (("sources", "list"), ("status",), ("search", "hostile")):
        code, sent = on_a_terminal("--no-color", *arguments)
        assert code == 0
        assert not acting(sent.replace("\r\n", "\n"))
        assert "[/b]" in sent.replace("\r\n", "").replace(" ", "")


def test_a_terminal_gets_our_colour_but_not_theirs(on_a_terminal: Callable[..., tuple[int, str]]) -> None:
    code, sent = on_a_terminal("search", "hostile")
    assert code == 0
    assert "\x1b[1mhostile\x1b[0m" in sent
    assert "\x1b[2J" not in sent


def test_bad_input_52_no_csv_cell_begins_a_formula(process: Program) -> None:
    rows = list(csv.reader(io.StringIO(process("search", "hostile", "--csv").stdout)))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert any('\'=HYPERLINK("http://evil","hostile")' in row for row in rows)


def test_bad_input_53_quotes_commas_bars_and_line_feeds_come_back_equal(process: Program) -> None:
    rows = list(csv.DictReader(io.StringIO(process("search", "hostile", "--csv").stdout)))
    [row] = [row for row in rows if row["native_id"] == "x4"]
    assert row["text"] == 'hostile "quoted", comma|bar\nnewline'


def test_bad_input_61_and_62_surrogates_and_nul_do_not_stop_the_next_post(process: Program) -> None:
    found = json.loads(process("search", "hostile", "--json").stdout)
    assert [post["native_id"] for post in found] == ["x5", "x4", "x3", "x2", "x1"]
