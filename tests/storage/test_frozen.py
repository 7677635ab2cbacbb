"""Frozen classes that are cheap to make behave as those of the standard library do."""

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    """A class."""

    name: str
    size: int = 1
    parts: list[int] = field(default_factory=list)

    @property
    def twice(self) -> int:
        return 2 * self.size


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same class."""

    name: str
    size: int = 1
    parts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Word:
    """What can be the key of a dict."""

    text: str


@dataclass(frozen=True, slots=True)
class LongWord(Word):
    """One that inherits."""

    length: int = 0


@pytest.mark.parametrize("made", [lambda of: of("a"), lambda of: of("a", 2), lambda of: of(name="b", parts=[1])])
def test_what_it_shows_and_converts_to_is_the_same(made: Any) -> None:
    ours, theirs = made(Ours), made(Theirs)
    assert repr(ours).replace("Ours", "Theirs") == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert dataclasses.astuple(dataclasses.replace(ours, size=7)) == (ours.name, 7, ours.parts)
    assert [(one.name, one.type) for one in dataclasses.fields(Ours)] == [
        (one.name, one.type) for one in dataclasses.fields(Theirs)
    ]


def test_equal_are_two_of_one_class_with_equal_values() -> None:
    assert Ours("a") == Ours("a", 1, [])
    assert Ours("a") != Ours("a", 2)
    theirs: Any = Theirs("a")
    assert Ours("a") != theirs
    assert Word("a") != LongWord("a")
    assert {Word("a"): 1}[Word("a")] == 1
    assert len({Word("a"), Word("a"), Word("b"), LongWord("a", 1)}) == 3


def test_each_one_has_its_own_default() -> None:
    Ours("a").parts.append(1)
    assert Ours("a").parts == []


def test_it_cannot_be_changed_and_has_no_other_attributes() -> None:
    one: Any = Ours("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.more = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize("wrong", [(), ("a", 1, [], 2)])
def test_wrong_arguments_are_refused_by_name(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"Ours\.__init__\(\)"):
        Ours(*wrong)


def test_it_can_be_copied_sent_to_another_process_and_matched() -> None:
    for one in (Ours("a", 2, [3]), LongWord("a", 1)):
        assert pickle.loads(pickle.dumps(one)) == one
        assert copy.deepcopy(one) == one
    match Ours("a", 2):
        case Ours(name, size):
            assert (name, size) == ("a", 2)


def test_what_it_does_not_offer_is_refused() -> None:
    with pytest.raises(TypeError, match="standard library"):
        dataclass(frozen=False, slots=True)
