from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config.environment import Environment
from bot.config.locate import KeyPath
from bot.config.origin import masked, settings
from bot.config.reading import find, settle
from bot.listing.kinds import every_kind

Write = Callable[[str], Path]


def test_each_value_says_where_it_came_from(write: Write, tmp_path: Path) -> None:
    path = write('[http]\nuser_agent = "desk/1"\n[defaults]\nevery = "5m"\n[[rules]]\nname = "r"\nquery = "a"\n')
    environment = Environment.of({"COMMUNIQUE_DEFAULTS__EVERY": "90s"})
    document = find(path, environment)
    found = {
        leaf.key: (leaf.value, leaf.origin.removeprefix(f"{tmp_path}/"))
        for leaf in settings(settle(document, environment, every_kind()), document, environment, data_dir=Path("/flag"))
    }
    assert found["http.user_agent"] == ("desk/1", "config.toml:2")
    assert found["defaults.every"] == ("90s", "COMMUNIQUE_DEFAULTS__EVERY")
    assert found["defaults.timezone"] == ("Asia/Yangon", "default")
    assert found["storage.dir"][1] == "--data-dir"
    assert found["rules[0].query"] == ("a", "config.toml:7")
    assert found["http.proxy"] == (None, "default")


@pytest.mark.parametrize(
    ("keys", "url", "shown"),
    [
        (("targets", 0, "url"), "https://hooks.example/T00/s3cret?x=1", "https://hooks.example/***"),
        (("targets", 0, "url"), "https://hooks.example/", "https://hooks.example/"),
        (("targets", 0, "url"), "tgram://123:s3cret/chat", "tgram://***"),
        (("targets", 0, "url"), "https://hooks.example?s3cret", "https://hooks.example/***"),
        (("targets", 0, "api_base"), "http://bot:s3cret@127.0.0.1:8081/api", "http://***@127.0.0.1:8081/api"),
        (("http", "proxy"), "socks5://me:s3cret@proxy.example:1080", "socks5://***@proxy.example:1080"),
        (
            ("sources", 0, "url"),
            "https://feed.example/x?id=7&api_key=s3cret",
            "https://feed.example/x?id=7&api_key=***",
        ),
        (("sources", 0, "urls"), ["https://a:s3cret@feed.example/"], ["https://***@feed.example/"]),
        (("rules", 0, "query"), "a@b OR c", "a@b OR c"),
    ],
)
def test_bad_input_69_secrets_in_addresses_are_masked(keys: KeyPath, url: object, shown: object) -> None:
    assert masked(keys, url) == shown
