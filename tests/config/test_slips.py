"""Usual slips in a TOML file: the sentence says what to write, at its line and column."""

from pathlib import Path

import pytest

from bot.config.document import parse
from bot.errors import ConfigError
from tests.config.conftest import Mistakes

SLIPS = {
    "name = “desk”\n": (1, 8, 'write "desk", with straight quotation marks'),
    "name = ‘desk’\n": (1, 8, 'write "desk"'),
    "name = „desk”\n": (1, 8, 'write "desk"'),
    "name = «desk»\n": (1, 8, 'write "desk"'),
    'name = "desk”\n': (1, 13, 'write "desk"'),
    'matches = [\n  “one”,\n  "two"]\n': (2, 3, "typographic quotation mark"),
    "a = 2m # “later”\n": (1, 5, 'write "2m", in quotation marks'),
    '[http]\nproxy = "x"\n[defaults]\n[http]\n': (4, 1, "the section [http] is here twice, first in line 1"),
    '[[rules]]\nname = "x"\n[rules]\n': (3, 1, "write [[rules]], with two brackets"),
    '[rules]\nname = "x"\n[[rules]]\n': (3, 1, "write [[rules]], with two brackets"),
    '[http]\nproxy = "x"\nproxy = "y"\n': (3, 1, "the key proxy is here twice, first in line 2"),
    '[defaults]\nevery "2m"\n': (2, 7, 'write = between the key and its value: every = "2m"'),
    '[defaults]\nevery: "2m"\n': (2, 6, 'write = instead of ":": every = "2m"'),
    "[defaults]\nevery\n": (2, 6, "write = between the key and its value: every = …"),
    "[defaults]\nevery =\n": (2, 8, "the value is missing"),
    "[defaults]\ntimezone = Asia/Yangon\n": (2, 12, 'write "Asia/Yangon", in quotation marks'),
    "query = တိုင်းစစ်ဌာနချုပ် OR army\n": (1, 9, 'write "တိုင်းစစ်ဌာနချုပ် OR army", in quotation marks'),
    "[http]\nallow = Yes\n": (2, 9, "write true"),
    "a = 007\n": (1, 5, "write 7"),
    '[defaults\nevery = "2m"\n': (1, 10, "write [defaults]"),
    '[[rules]\nname = "x"\n': (1, 8, "write [[rules]]"),
    'targets = ["a", "b"\nevery = "2m"\n': (1, 11, "has no ], or a comma is missing"),
    '[storage]\ndir = "C:\\Users\\me"\n': (2, 7, "write 'C:\\Users\\me', in single quotation marks"),
    '[storage]\ndir = "C:\\data"\n': (2, 7, "write 'C:\\data', in single quotation marks"),
    "[storage]\ndir = C:\\data\n": (2, 7, "write 'C:\\data', in quotation marks"),
    '[storage]\ndir = "data\n': (2, 12, "a quotation mark is missing at its end"),
    '[storage]\ndir\u00a0= "data"\n': (2, 4, "an invisible character (U+00A0) is here: remove it"),
    '[storage]\n\ufeffdir = "data"\n': (2, 1, "an invisible character (U+FEFF)"),
    'every = "2m" timezone = "UTC"\n': (1, 14, "write each key on a line of its own"),
    'name = "x",\n': (1, 11, "remove the ,"),
    '- name = "x"\n': (1, 1, 'no "- "'),
    'query = "regional "command" now"\n': (1, 20, "write 'regional \"command\" now'"),
    "a = 9:30\n": (1, 5, 'write the time in quotation marks: "09:30"'),
    'quiet = [{from = 22:00, to = "06:30"}]\n': (1, 18, 'write the time in quotation marks: "22:00"'),
    "// comment\n": (1, 1, "a comment begins with #"),
}


@pytest.mark.parametrize("text", SLIPS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_slip_is_answered_with_what_to_write_and_where(text: str, newline: str) -> None:
    line, column, sentence = SLIPS[text]
    with pytest.raises(ConfigError) as refused:
        parse(text.replace("\n", newline).encode(), name="config.toml", path=None, directory=Path())
    [problem] = refused.value.problems
    assert str(problem).startswith(f"config.toml:{line}:{column} not TOML: ")
    assert sentence in problem.message


def test_a_windows_path_that_is_valid_toml_but_means_something_else_is_refused(mistakes: Mistakes) -> None:
    [problem] = mistakes('[storage]\ndir = "C:\\new"\n')
    assert "contains a control character: write the path in single quotation marks" in problem


@pytest.mark.parametrize("text", ['\ufeff[http]\n\tproxy = "x"\n', 'query = "she said “now”"\n', 'a\t=\t"x\ty"\n'])
def test_a_byte_order_mark_tabs_and_typographic_quotes_inside_a_text_are_no_slips(text: str) -> None:
    assert parse(text.encode(), name="config.toml", path=None, directory=Path()).data
