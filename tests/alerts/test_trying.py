from pathlib import Path
from typing import Any

import pytest

from tests.alerts.test_command import configured


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("test", "a test message for desk"),
        ("match", "the northern"),
        ("edited", "EDITED"),
        ("digest", "held during quiet hours: 1 alert about 1 post"),
        ("health", "Communiqué health: a test of a health message"),
    ],
)
def test_each_kind_of_message_can_be_seen_where_it_arrives(
    kind: str, words: str, program: Any, tmp_path: Path, bot_api: Any
) -> None:
    configured(tmp_path, f'kind = "telegram"\ntoken_file = "token"\nchat = 7\napi_base = "{bot_api.base}"')
    code, out, _ = program("alerts", "test", "desk", "--kind", kind)
    assert (code, out) == (0, "desk: the test message was accepted\n")
    [said] = bot_api.said
    assert words.replace("the northern", "hold the town") in said.text
    assert len(bot_api.asked) == 1


def test_a_webhook_gets_the_fields_of_that_kind(program: Any, tmp_path: Path, sink: Any) -> None:
    configured(tmp_path, f'kind = "webhook"\nurl = "{sink.url}"')
    for kind in ("match", "edited", "digest", "health", "test"):
        assert program("alerts", "test", "desk", "--kind", kind, "--json")[0] == 0
    bodies = [body for _, body in sink.received]
    assert [body["type"] for body in bodies] == ["match", "edited", "digest", "health", "test"]
    assert bodies[0]["data"]["post"]["text"].startswith("Sample statement of a fictional office")
    assert bodies[1]["data"]["was"] != bodies[1]["data"]["now"]
    assert bodies[2]["data"]["posts"][0]["alerts"][0]["rule"] == "sample-rule"
    assert len({body["id"] for body in bodies}) == 5


def test_a_config_is_checked_with_its_targets_and_no_message_is_sent(
    program: Any, tmp_path: Path, bot_api: Any, sink: Any
) -> None:
    telegram = f'kind = "telegram"\ntoken_file = "token"\nchat = 7\napi_base = "{bot_api.base}"'
    more = f'[[targets]]\nname = "form"\nkind = "webhook"\nurl = "{sink.url}"\n[[targets]]\nname = "here"\nkind = "console"'
    configured(tmp_path, f"{telegram}\n{more}")
    code, out, _ = program("config", "check", "--online")
    assert code == 0
    assert out.splitlines()[1:] == [
        "target desk: ok: @desk_bot may write to editor",
        "target form: ok: the receiver can be reached",
        "target here: ok: there is nothing to ask",
    ]
    configured(tmp_path, f'kind = "webhook"\nurl = "http://127.0.0.1:9/"\n{more}')
    code, out, err = program("config", "check", "--online")
    assert code == 1
    assert "is this machine offline?" in err
    assert "target desk: failed: 127.0.0.1 cannot be reached" in out
    bot_api.chat_facts, bot_api.member = {"type": "channel"}, {"status": "left"}
    configured(tmp_path, f'{telegram}\n[[targets]]\nname = "form"\nkind = "webhook"\nurl = "http://127.0.0.1:9/"')
    code, out, _ = program("config", "check", "--online")
    assert code == 5
    assert "target desk: refused: the bot is not in the chat: let it in" in out
    assert program("config", "check")[0] == 0
    assert (bot_api.said, sink.received) == ([], [])
