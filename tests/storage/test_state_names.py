"""States of sources are words that fit "source X: STATE (reason)"."""

import re
from typing import get_args

import pytest

from bot.foreign.walls import Wall
from storage import state_names

NAMED = [value for value in vars(state_names).values() if isinstance(value, str) and not value.startswith("PURE")]
STATES = sorted(
    {name for name in [*NAMED, *get_args(Wall)] if not name.startswith(("storage", "/")) and "\n" not in name}
)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_a_short_phrase_and_no_sentence(state: str) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z_ -]{1,29}", state)
    verbs = r"(is|are|was|has|have|needs?|asks?|does|cannot|could|may|must|shows|answers|fails?|refuses?)"
    assert not re.search(rf"\b{verbs}\b", state)


def test_a_state_of_an_earlier_release_has_a_name_of_today() -> None:
    assert state_names.current_name("needs JavaScript") in get_args(Wall)
