"""However people write a channel, it is the same one."""

import pytest

from bot.cli.names import find_source
from bot.errors import UserError
from bot.sources.feed import Settings as Feed
from bot.sources.telegram import Settings as Account
from bot.sources.telegram_web.settings import Settings as Pages
from bot.telegram.channel_names import is_same_channel, read_channel_name, read_post_link


@pytest.mark.parametrize(
    "written",
    ["border_post", "@border_post", "https://t.me/border_post", "t.me/s/border_post", "https://t.me/border_post/17",
     "http://www.telegram.me/border_post/", " @border_post ", "HTTPS://T.ME/border_post", "https://telegram.dog/border_post",
     "border_post.t.me", "https://border_post.t.me/17", "tg://resolve?domain=border_post&post=17", "t.me/border_post/5/17",
     "tg:resolve?domain=border_post", "https://t.me/border_post?boost", "https://t.me/s/border_post/17?single",
     "//t.me/border_post", "https://t.me//border_post", "<https://t.me/border_post/17>", "https://t.me/border_post.",
     "“https://t.me/border_post”", "border_post/17", "@border_post/5/17", "www.border_post.t.me", "http://t.me:80/border_post",
     "https://t.me/s/border_post?before=17", "https://t.me/border_post/17-19", "t.me/%62order_post", "https://t.me/border_post\u200b",
     "https://t.me/border_post/s/3", "telesco.pe/border_post/17",
     "https://t.me/@border_post", "https://web.telegram.org/k/#@border_post", "https://t.me/border_post#x"],
)  # fmt: skip
def test_a_public_name(written: str) -> None:
    assert (read_channel_name(written).kind, read_channel_name(written).value) == ("name", "border_post")


@pytest.mark.parametrize(
    "written",
    [
        1_500_000_001,
        "1500000001",
        "-1001500000001",
        "https://t.me/c/1500000001/22",
        "t.me/c/1500000001",
        "HTTP://T.me/C/1500000001/7/22?thread=7",
        "tg://privatepost?channel=1500000001&post=22",
        "https://web.telegram.org/a/#-1001500000001",
    ],
)
def test_a_number(written: str | int) -> None:
    assert read_channel_name(written).key == "id:1500000001"


@pytest.mark.parametrize(
    "written",
    [
        "https://t.me/+AbCdEfGhIjKlMnOp",
        "t.me/joinchat/AbCdEfGhIjKlMnOp",
        "tg://join?invite=AbCdEfGhIjKlMnOp",
        "http://telegram.me/+AbCdEfGhIjKlMnOp",
        "https://www.t.me/JoinChat/AbCdEfGhIjKlMnOp/",
        "t.me/%2BAbCdEfGhIjKlMnOp",
    ],
)
def test_an_invitation(written: str) -> None:
    assert read_channel_name(written).key == "invite:AbCdEfGhIjKlMnOp"


@pytest.mark.parametrize(
    "written",
    ["", "a b", "@ab", "https://example.org/border_post", "../etc/passwd", "tg://settings", "https://t.me/", "@" * 100],
)
def test_anything_else_is_refused_with_the_right_forms(written: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_channel_name(written)


@pytest.mark.parametrize(
    ("written", "channel", "number"),
    [("https://t.me/Border_Post/17", "@border_post", 17), ("t.me/s/border_post/17?single", "@border_post", 17),
     ("https://t.me/border_post/5/17", "@border_post", 17), ("https://border_post.t.me/17?comment=9", "@border_post", 17),
     ("telegram.dog/border_post/17/", "@border_post", 17), ("border_post/17", "@border_post", 17),
     ("tg://resolve?domain=border_post&post=17", "@border_post", 17), ("https://t.me/c/1500000001/7/22", "id:1500000001", 22),
     ("tg://privatepost?channel=1500000001&post=22", "id:1500000001", 22), ("https://t.me/border_post/17-19", "@border_post", 17)],
)  # fmt: skip
def test_a_link_to_a_post_names_its_channel_and_number(written: str, channel: str, number: int) -> None:
    found = read_post_link(written)
    assert found is not None
    assert (found[0].key, found[1]) == (channel, number)


@pytest.mark.parametrize(
    "written",
    ["", "border_post", "https://t.me/border_post", "t.me/s/border_post?before=17", "https://t.me/c/1500000001", "1500000001",
     "https://t.me/border_post/s/17", "https://t.me/+AbCdEfGhIjKl/17", "https://example.org/border_post/17", "17",
     "tg://resolve?domain=border_post", "https://t.me/border_post/99999999999", "t.me/proxy/17"],
)  # fmt: skip
def test_a_link_to_something_else_names_no_post(written: str) -> None:
    assert read_post_link(written) is None


def test_case_does_not_make_another_channel() -> None:
    assert is_same_channel("t.me/s/BORDER_post/7", "@border_Post")
    assert not is_same_channel("@border_post", "?")
    assert read_channel_name("@Border_Post").key == read_channel_name("border_post").key


@pytest.mark.parametrize(
    ("written", "what"),
    [("https://t.me/proxy?server=203.0.113.5&port=443&secret=dd00", "a proxy"), ("t.me/socks?server=a", "a proxy"),
     ("https://T.ME/AddStickers/Birds", "stickers"), ("https://t.me/share/url?url=x", "sharing"),
     ("https://t.me/iv?url=https://example.org", "an instant view"), ("tg://proxy?server=a&port=1", "a proxy"),
     ("telegram.dog/addlist/AbC", "a folder"), ("https://t.me/boost/border_post", "a boost")],
)  # fmt: skip
def test_a_link_to_something_else_is_named_in_one_sentence(written: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"is a link to .*{what}.*, not to a channel$"):
        read_channel_name(written)
    with pytest.raises(ValueError, match="not to a channel"):
        Pages.model_validate({"name": "post", "kind": "telegram_web", "channel": written})


@pytest.mark.parametrize("written", ["BORDER_POST.t.me", "t.me/s/border_post", "tg://resolve?domain=border_post"])
def test_the_public_pages_understand_the_same_links(written: str) -> None:
    settings = Pages.model_validate({"name": "post", "kind": "telegram_web", "channel": written})
    assert settings.channel.lower() == "border_post"


def test_the_public_pages_need_a_public_name() -> None:
    for written in ("1500000001", "https://t.me/+AbCdEfGhIjKlMnOp", "https://t.me/c/1500000001/2"):
        with pytest.raises(ValueError, match="an account"):
            Pages.model_validate({"name": "post", "kind": "telegram_web", "channel": written})


@pytest.mark.parametrize("kind", [Pages, Account])
def test_a_source_is_meant_by_every_link_to_its_channel(kind: type[Pages] | type[Account]) -> None:
    source = kind.model_validate({"name": "post", "kind": "any", "channel": "https://t.me/s/Border_Post"})
    for written in ("@border_post", "BORDER_POST", "t.me/border_post/5/17", "https://border_post.t.me"):
        assert source.is_meant_by(written)
    for other in ("post", "@border_posts", "https://example.org/border_post", ""):
        assert not source.is_meant_by(other)


def test_a_feed_is_meant_by_its_address() -> None:
    source = Feed.model_validate({"name": "post", "kind": "feed", "url": "https://example.org/Feed"})
    assert source.is_meant_by("https://example.org/feed/")
    assert not source.is_meant_by("https://example.org/")


def test_a_command_finds_the_source_by_its_name_before_its_channel() -> None:
    entries = (("post", "border_post"), ("border_post", "other_post"))
    sources = [Pages.model_validate({"name": name, "kind": "any", "channel": channel}) for name, channel in entries]
    assert find_source(sources, "border_post").name == "border_post"
    assert find_source(sources, "https://telegram.me/s/Border_Post/7").name == "post"
    with pytest.raises(UserError, match="there is no source"):
        find_source(sources, "@third_post")
