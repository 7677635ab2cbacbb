import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.alerts import targets
from bot.clock import SECOND
from bot.contracts.message import Attachment
from bot.contracts.target import Editable, MessageRefused
from bot.errors import Later, Never
from tests.ntfy_server import TOKEN, NtfyServer, Pushed
from tests.targets.conftest import MESSAGE

HOSTILE = 'line\\nforged "x" =?utf-8?q?=0Dtitle?= [x](http://evil.example) ထ \U0001f468\u200d\U0001f469'


@pytest.fixture
def ntfy(keys: Any) -> dict[str, Any]:
    found: dict[str, Any] = keys["ntfy"]
    return found


def only(server: NtfyServer) -> Pushed:
    [pushed] = server.shown.values()
    return pushed


def photo(directory: Path, size: int = 9_000) -> Attachment:
    path = directory / "content"
    path.write_bytes(b"\x89PNG" * (size // 4))
    return Attachment("photo", path, "spokesman-7.png", "image/png", path.stat().st_size)


def test_the_first_line_is_the_title_and_a_tap_opens_the_post(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    words = f"fire · spokesman\nposted today\n{HOSTILE}"
    receipt = asyncio.run(around.send(ntfy, plain=words, link="https://t.me/spokesman/7"))
    shown = only(phones)
    assert (shown.title, shown.message) == ("fire · spokesman", f"posted today\n{HOSTILE}")
    assert shown.more == {"click": "https://t.me/spokesman/7"}  # no action, no Markdown, no tag
    assert json.loads(receipt) == {"id": "m1"}


@pytest.mark.parametrize(("priority", "number"), [("min", 1), ("low", 2), ("default", 3), ("high", 4), ("max", 5)])
def test_priorities_are_those_of_ntfy(priority: str, number: int, ntfy: Any, around: Any, phones: NtfyServer) -> None:
    asyncio.run(around.send(ntfy, priority=priority))
    assert only(phones).priority == number


def test_a_file_goes_along_with_the_same_words(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    attached = photo(around.directory)
    words = f"fire · စကား\nposted\n{HOSTILE}"
    asyncio.run(around.send(ntfy, plain=words, attachment=attached, link="https://t.me/s/7", priority="high"))
    shown = only(phones)
    assert (shown.file, shown.file_name) == (attached.path.read_bytes(), "spokesman-7.png")
    assert (shown.title, shown.priority) == ("fire · စကား", 4)
    assert shown.message.replace("\u2060", "") == f"posted\n{HOSTILE}"
    assert shown.more == {"click": "https://t.me/s/7"}


@pytest.mark.parametrize(
    "refused", [(413, 41301, "too large"), (400, 40014, "not allowed"), (429, 42905, "bandwidth"), (413, 0, "nginx")]
)
def test_words_go_without_a_file_that_the_server_does_not_take(
    refused: tuple[int, int, str], ntfy: Any, around: Any, phones: NtfyServer
) -> None:
    phones.refuse = [refused]
    asyncio.run(around.send(ntfy, attachment=photo(around.directory)))
    assert only(phones).file is None


def test_a_file_that_follows_is_a_message_of_its_own_or_none(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    attached = photo(around.directory)
    asyncio.run(around.send(ntfy, plain="fire · spokesman: 1 file of alert 1", album=(attached,)))
    assert only(phones).file == attached.path.read_bytes()
    phones.refuse = [(413, 41301, "too large")]
    with pytest.raises(MessageRefused):
        asyncio.run(around.send(ntfy, album=(attached,)))
    attached.path.unlink()
    with pytest.raises(MessageRefused):
        asyncio.run(around.send(ntfy, album=(attached,)))
    assert len(phones.shown) == 1


def test_a_message_is_never_so_long_that_it_becomes_a_file(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    async def units(target: Any) -> int:
        return int(target.shows.units)

    room = asyncio.run(around.with_target(ntfy, units))
    for words in ("ထ" * room, "\U0001f525" * 2_000, '"' * room, "\u200f" * room, "x" * 5_000):
        asyncio.run(around.send(ntfy, plain=f"fire\n{words}"))
    assert all(shown.file is None for shown in phones.shown.values())
    assert all(len(shown.message.encode()) > 3_900 for shown in phones.shown.values())


def test_with_updates_the_first_message_is_changed_in_place(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    async def grow(target: Any) -> None:
        receipt = await target.send(MESSAGE)
        await target.edit(receipt, replace(MESSAGE, id="msg_2", plain="fire\nalso in 2 channels"))
        with_file = await target.send(replace(MESSAGE, id="msg_3", attachment=photo(around.directory)))
        assert (target.has_caption(receipt), target.has_caption(with_file)) == (False, True)
        with pytest.raises(MessageRefused):
            await target.edit(with_file, MESSAGE)

    asyncio.run(around.with_target(ntfy | {"updates": True}, grow))
    assert [shown.message for shown in phones.shown.values()] == ["also in 2 channels", "rule fire · spokesman"]
    assert phones.rings == 2


def test_without_updates_nothing_is_changed_as_an_older_server_would_ring(ntfy: Any, around: Any) -> None:
    async def editable(target: Any) -> bool:
        return isinstance(target, Editable)

    assert not asyncio.run(around.with_target(ntfy, editable))
    assert asyncio.run(around.with_target(ntfy | {"updates": True}, editable))


@pytest.mark.parametrize("secret", [TOKEN, "desk:s3cret"])
def test_a_protected_topic_is_written_to_with_what_the_token_file_holds(
    secret: str, ntfy: Any, around: Any, phones: NtfyServer
) -> None:
    phones.protected = True
    asyncio.run(around.send(ntfy | {"token_file": around.secret("token", secret)}))
    assert len(phones.shown) == 1


def test_no_access_suspends_the_target_with_what_to_do(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    phones.protected = True
    for keys, words in (
        (ntfy, "403 forbidden"),
        (ntfy | {"token_file": around.secret("token", "tk_wrong")}, "401 unauthorized"),
        (ntfy | {"token_file": around.secret("odd", "two words")}, "no access token"),
    ):
        with pytest.raises(Never, match=words) as problem:
            asyncio.run(around.send(keys))
        assert not isinstance(problem.value, MessageRefused)
        assert problem.value.remedy


def test_429_is_obeyed_to_the_second(ntfy: Any, around: Any, phones: NtfyServer) -> None:
    phones.refuse, phones.retry_after = [(429, 42901, "too many requests, please be nice")], "77"
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(ntfy))
    assert problem.value.obey
    assert problem.value.retry_at == around.now + 77 * SECOND


@pytest.mark.parametrize(
    ("refused", "kind"), [((400, 40011, "not UTF-8"), MessageRefused), ((507, 50701, "full"), Later)]
)
def test_what_a_refusal_means_is_known_by_its_code(
    refused: tuple[int, int, str], kind: type[Exception], ntfy: Any, around: Any, phones: NtfyServer
) -> None:
    phones.refuse = [refused]
    with pytest.raises(kind):
        asyncio.run(around.send(ntfy))


@pytest.mark.parametrize("page", [b"<html>Welcome to the hotel</html>", b"", b"[]", b"{}"])
def test_an_answer_that_is_not_of_ntfy_means_that_nothing_arrived(
    page: bytes, ntfy: Any, around: Any, phones: NtfyServer
) -> None:
    phones.page = page
    with pytest.raises(Later, match="not ntfy") as problem:
        asyncio.run(around.send(ntfy))
    assert not problem.value.unsure


@pytest.mark.parametrize(
    "wrong", [{"topic": "a/b"}, {"topic": "a b"}, {"topic": ""}, {"url": "ntfy.sh"}, {"url": "x:y"}]
)
def test_the_config_refuses_what_no_server_takes(wrong: dict[str, Any], ntfy: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        targets.settings_of("ntfy").model_validate({"name": "desk", **ntfy, **wrong})
