"""docs/bad-inputs.md and the tests that carry its numbers lead to each other."""

import re

from tests.page_of_bad_inputs import GROUPS, ROOT, files_of_numbers, numbers, rows


def test_the_numbers_run_from_1_to_80() -> None:
    assert list(rows()) == list(range(1, 81))
    assert [group.first for group in GROUPS] == sorted(group.first for group in GROUPS)


def test_every_number_in_the_name_of_a_test_has_its_row() -> None:
    assert sorted(set(files_of_numbers()) - set(rows())) == []


def test_every_row_has_a_test_or_says_why_not() -> None:
    assert [number for number, row in rows().items() if number not in files_of_numbers() and not row.without] == []


def test_no_row_that_has_a_test_says_that_it_has_none() -> None:
    assert [number for number, row in rows().items() if number in files_of_numbers() and row.without] == []


def test_no_number_in_the_name_of_a_test_is_overlooked() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"def (test_\w*bad_inputs?_\d\w*)", text)
    assert len(named) == sum(bool(re.match(r"test_\w*?bad_inputs?_\d\d_", name)) for name in named)


def test_lists_and_ranges_of_numbers_are_read() -> None:
    assert list(numbers("13_14_and_18_")) == [13, 14, 18]
    assert list(numbers("01_to_03_and_08_")) == [1, 2, 3, 8]
