"""What every kind of target must do; a new kind is tested by adding its entry to `keys`."""

import asyncio
from typing import Any

import pytest

from bot.alerts import targets
from bot.contracts.message import Message
from bot.contracts.target import AT_ONCE
from bot.errors import Later, Never


@pytest.mark.parametrize("kind", targets.kinds())
def test_a_message_is_accepted_and_the_receipt_is_short(kind: str, keys: Any, around: Any) -> None:
    receipt = asyncio.run(around.send(keys[kind]))
    assert receipt is None or len(receipt) <= 1000


@pytest.mark.parametrize("kind", targets.kinds())
def test_a_target_is_usable_twice_in_one_loop(kind: str, keys: Any, around: Any, message: Message) -> None:
    async def twice(target: Any) -> None:
        for _ in range(2):
            await target.ready()
            await target.send(message)

    asyncio.run(around.with_target(keys[kind], twice))


@pytest.mark.parametrize("kind", targets.kinds())
def test_a_target_says_what_it_can_show(kind: str, keys: Any, around: Any) -> None:
    async def look(target: Any) -> tuple[Any, bool, int]:
        return target.shows, target.idempotent, target.at_once

    shows, idempotent, at_once = asyncio.run(around.with_target(keys[kind], look))
    assert shows.form in {"text", "html", "ansi", "json"}
    assert shows.units is None or shows.units > 1_000
    assert isinstance(idempotent, bool)
    assert at_once == 1 or (idempotent and 1 < at_once <= AT_ONCE)


@pytest.mark.parametrize("kind", sorted(set(targets.kinds()) - {"console"}))
def test_a_target_can_be_asked_without_a_message(kind: str, keys: Any, around: Any, peers: Any) -> None:
    words = asyncio.run(around.with_target(keys[kind], lambda target: target.check()))
    assert words
    assert peers() == 0


@pytest.mark.parametrize("kind", sorted(set(targets.kinds()) - {"console", "apprise"}))
def test_asking_a_peer_that_is_down_is_a_failure_for_later(kind: str, around: Any) -> None:
    with pytest.raises(Later) as problem:
        asyncio.run(around.with_target(with_nobody(around)[kind], lambda target: target.check()))
    assert not problem.value.unsure


@pytest.mark.parametrize("kind", sorted(set(targets.kinds()) - {"console"}))
def test_a_peer_that_is_down_is_a_failure_for_later(kind: str, around: Any) -> None:
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(with_nobody(around)[kind]))
    assert not problem.value.unsure


def with_nobody(around: Any) -> dict[str, dict[str, Any]]:
    nobody = "127.0.0.1:9"  # discard: nothing listens there
    return {
        "apprise": {"kind": "apprise", "url": f"json://{nobody}"},
        "email": {
            "kind": "email", "host": "127.0.0.1", "port": 9, "tls": "none", "from": "a@desk.example",
            "to": ["b@desk.example"],
        },
        "ntfy": {"kind": "ntfy", "url": f"http://{nobody}", "topic": "desk"},
        "telegram": {
            "kind": "telegram", "token_file": around.secret("token", "1:a"), "chat": 7, "api_base": f"http://{nobody}",
        },
        "webhook": {"kind": "webhook", "url": f"http://{nobody}/hook"},
    }  # fmt: skip


@pytest.mark.parametrize("kind", targets.kinds())
def test_an_unknown_key_is_refused_by_the_config(kind: str, keys: Any, around: Any) -> None:
    with pytest.raises(ValueError, match="chanel"):
        targets.settings_of(kind).model_validate({"name": "desk", **keys[kind], "chanel": "x"})


def test_bad_input_69_a_token_never_stands_in_what_a_failure_says(around: Any, bot_api: Any) -> None:
    token = "4839574812:CANARYCANARYCANARYCANARYCANARY12345"
    file = around.secret("token", token)
    cases: list[dict[str, Any]] = [
        {"kind": "telegram", "token_file": file, "chat": 7, "api_base": bot_api.base},
        {"kind": "telegram", "token_file": file, "chat": 7, "api_base": "http://127.0.0.1:9"},
        {"kind": "telegram", "token_file": file, "chat": 7, "api_base": "http://localhost.invalid"},
        {"kind": "webhook", "url_file": around.secret("url", "http://127.0.0.1:9/CANARY/CANARY?token=CANARY")},
        {"kind": "webhook", "url_file": around.secret("url2", "http://127.0.0.1:9/a b/CANARY")},
        {"kind": "ntfy", "url": "http://127.0.0.1:9", "topic": "x", "token_file": around.secret("tk", "tk_CANARY")},
        {"kind": "apprise", "url_file": around.secret("url3", "json://user:CANARY@127.0.0.1:9/CANARY")},
        {"kind": "apprise", "url_file": around.secret("url4", "nosuch://CANARY")},
    ]
    for keys in cases:
        with pytest.raises((Later, Never)) as problem:
            asyncio.run(around.send(keys))
        chain: BaseException | None = problem.value
        while chain is not None:
            assert "CANARY" not in f"{chain!r} {chain} {vars(chain)}"
            chain = None if chain.__suppress_context__ else chain.__cause__ or chain.__context__
