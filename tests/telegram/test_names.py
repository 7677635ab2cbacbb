"""However people write a channel, it is the same one."""

import pytest

from bot.telegram.channel_names import read_channel_name


@pytest.mark.parametrize(
    "written",
    ["border_post", "@border_post", "https://t.me/border_post", "t.me/s/border_post", "https://t.me/border_post/17",
     "http://www.telegram.me/border_post/", " @border_post "],
)  # fmt: skip
def test_a_public_name(written: str) -> None:
    assert (read_channel_name(written).kind, read_channel_name(written).value) == ("name", "border_post")


@pytest.mark.parametrize("written", [1_500_000_001, "1500000001", "-1001500000001", "https://t.me/c/1500000001/22"])
def test_a_number(written: str | int) -> None:
    assert read_channel_name(written).key == "id:1500000001"


@pytest.mark.parametrize(
    "written", ["https://t.me/+AbCdEfGhIjKlMnOp", "t.me/joinchat/AbCdEfGhIjKlMnOp", "tg://join?invite=AbCdEfGhIjKlMnOp"]
)
def test_an_invitation(written: str) -> None:
    assert read_channel_name(written).key == "invite:AbCdEfGhIjKlMnOp"


@pytest.mark.parametrize("written", ["", "a b", "@ab", "https://example.org/border_post", "../etc/passwd", "@" * 100])
def test_anything_else_is_refused_with_the_right_forms(written: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_channel_name(written)


def test_case_does_not_make_another_channel() -> None:
    assert read_channel_name("@Border_Post").key == read_channel_name("border_post").key
