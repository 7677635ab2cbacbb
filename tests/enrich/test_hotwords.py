"""Hints for speech engines: the Latin words of the rules, and no more work than they take."""

from collections.abc import Iterator

from bot.enrich.hotwords import MOST, hotwords


def test_words_come_once_in_the_order_of_the_rules_and_negated_ones_never() -> None:
    queries = ["lashio -ferry", "(", "hsenwi OR Lashio", "@town"]
    assert hotwords(queries, {"town": ("muse",)}) == ("Lashio", "Hsenwi", "Muse")


def test_no_rule_is_read_once_there_are_enough_words() -> None:
    def queries() -> Iterator[str]:
        letters = "abcdefghijklmnopqrst"
        yield " ".join(f"zz{one}{two}" for one in letters for two in letters[: 1 + MOST // len(letters)])
        raise AssertionError("one more was read")

    assert len(hotwords(queries(), {})) == MOST
