"""`live = true`: announcements of Mastodon and Bluesky ring, and whatever goes wrong with them, nothing depends on them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Announcing, SourceTools
from bot.daemon.listening import Listening
from tests.sources.bluesky_server import DID, OTHER, BlueskyServer
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded
from tests.sources.mastodon_server import MastodonServer
from tests.sources.streams import JetstreamHost, until

T = TypeVar("T")
S = 1_000_000


class ShiftedTime:
    """The loop's time, which a test can move forward."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self._by = 0.0
        loop.time = lambda: real() + self._by  # type: ignore[method-assign]

    def move(self, seconds: float) -> None:
        self._by += seconds


class Hearing:
    """Sources that are listened to, and how often each has been rung."""

    def __init__(self, tools: SourceTools, entries: Iterable[dict[str, Any]]) -> None:
        context = {"directory": Path()}
        made = [sources.settings_of(one["kind"]).model_validate(one, context=context) for one in entries]
        built = {one.name: sources.build(one, tools) for one in made}
        self.rung = dict.fromkeys(built, 0)
        self.said: list[str] = []
        self.listening = Listening.of(built, self._note, self.said.append, tools.clock)
        self._task = asyncio.create_task(self.listening.run())

    def _note(self, names: Iterable[str]) -> None:
        for name in names:
            self.rung[name] += 1

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def on_bluesky(work: Callable[[Hearing, list[JetstreamHost], ShiftedTime], Awaitable[T]], hosts: int = 1) -> T:
    """What `work` gives while two accounts are listened to, by so many hosts."""

    async def go() -> T:
        time = ShiftedTime()
        async with Peer() as appview, Peer() as one, Peer() as two:
            peers = [one, two][:hosts]
            streams = [JetstreamHost(peer) for peer in peers]
            for stream in streams:
                stream.peer.reply = stream.reply
            appview.reply = BlueskyServer().reply
            ports = [appview.port, *(peer.port for peer in peers)]
            async with surrounded(Path(), *ports, clock=Clock(now=lambda: NOW)) as tools:
                here = appview.url("")
                keys = {"kind": "bluesky", "base_url": here, "plc_url": here, "pds_url": here, "live": True}
                keys["jetstream_urls"] = [stream.url for stream in streams]
                hearing = Hearing(
                    tools,
                    [keys | {"name": "ferry", "actor": "ferry.town.example"}, keys | {"name": "pier", "actor": OTHER}],
                )
                try:
                    return await work(hearing, streams, time)
                finally:
                    await hearing.aclose()

    return asyncio.run(go())


def on_mastodon(work: Callable[[Hearing, MastodonServer, ShiftedTime], Awaitable[T]], tmp_path: Path) -> T:
    """What `work` gives while one account is listened to."""
    secret = tmp_path / "token"
    secret.touch(mode=0o600)
    secret.write_text("a-very-secret-token")

    async def go() -> T:
        time, server = ShiftedTime(), MastodonServer()
        server.streams.tokens.add("Bearer a-very-secret-token")
        async with Peer() as peer, surrounded(Path(), peer.port, clock=Clock(now=lambda: NOW)) as tools:
            peer.reply = server.reply_of(peer)
            keys = {"kind": "mastodon", "account": peer.url("/@ferry_office"), "live": True, "token_file": str(secret)}
            hearing = Hearing(tools, [keys | {"name": "ferry"}])
            try:
                return await work(hearing, server, time)
            finally:
                await hearing.aclose()

    return asyncio.run(go())


# Bluesky --------------------------------------------------------------------------------------------------------------


async def both_heard(hearing: Hearing, host: JetstreamHost, time: ShiftedTime) -> None:
    """Until one connection hears of both accounts."""
    await until(lambda: all(hearing.rung.values()))
    if len(host.opened[-1]["wantedDids"]) < 2:
        before = dict(hearing.rung)
        time.move(6)
        await until(lambda: all(hearing.rung[name] > before[name] for name in before))  # after the host sees it open
    await until(lambda: host.is_open)


def test_a_post_rings_the_source_of_its_account_and_once_more_when_it_can_be_seen() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> dict[str, list[int]]:
        await both_heard(hearing, hosts[0], time)
        before = dict(hearing.rung)
        for _ in range(5):
            hosts[0].announce(DID, NOW)
        await until(lambda: hearing.rung["ferry"] > before["ferry"])
        at_once = dict(hearing.rung)
        time.move(6)
        await until(lambda: hearing.rung["ferry"] > at_once["ferry"])
        return {name: [at_once[name] - before[name], hearing.rung[name] - before[name]] for name in before}

    assert on_bluesky(work) == {"ferry": [1, 2], "pier": [0, 0]}


def test_two_accounts_share_one_connection() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> tuple[list[str], int]:
        await both_heard(hearing, hosts[0], time)
        return sorted(hosts[0].opened[-1]["wantedDids"]), hosts[0].open_ways

    assert on_bluesky(work) == (sorted([DID, OTHER]), 1)


def test_after_a_cut_it_begins_thirty_seconds_earlier_and_every_account_is_looked_at() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> tuple[list[str], bool]:
        await both_heard(hearing, hosts[0], time)
        hosts[0].announce(DID, NOW + 7)
        await until(lambda: hearing.rung["ferry"] > 1)
        before, opened = dict(hearing.rung), len(hosts[0].opened)
        hosts[0].cut()
        hosts[0].announce(OTHER, NOW + 90)
        await asyncio.sleep(0.05)
        time.move(6)  # its pause
        await until(lambda: len(hosts[0].opened) > opened)
        await until(lambda: hosts[0].is_open)
        return hosts[0].opened[-1]["cursor"], all(hearing.rung[name] > before[name] for name in before)

    assert on_bluesky(work) == ([str(NOW + 7 - 30 * S)], True)


def test_a_number_that_is_no_time_becomes_no_cursor() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> list[str]:
        await both_heard(hearing, hosts[0], time)
        for at in (41_216_003_511, NOW + 900 * S, -5):  # a sequence of a relay, a time far ahead, nothing
            hosts[0].announce(DID, at)
        hosts[0].announce(OTHER, NOW + 5)
        before = len(hosts[0].opened)
        await until(lambda: hearing.rung["pier"] > 1)
        hosts[0].cut()
        await asyncio.sleep(0.05)
        time.move(6)
        await until(lambda: len(hosts[0].opened) > before)
        return hosts[0].opened[-1]["cursor"]

    assert on_bluesky(work) == [str(NOW + 5 - 30 * S)]


def test_a_host_that_is_silent_for_two_minutes_is_replaced_by_the_next_without_a_gap() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> tuple[int, list[str], bool]:
        silent, other = hosts
        await both_heard(hearing, silent, time)
        before = dict(hearing.rung)
        other.announce(DID, NOW + 40)  # only this one has seen it
        time.move(100)
        await asyncio.sleep(0.05)
        early = len(other.opened)
        time.move(25)
        await until(lambda: other.opened)
        await until(lambda: hearing.rung["ferry"] > before["ferry"])
        return early, other.opened[0]["cursor"], silent.is_open

    assert on_bluesky(work, hosts=2) == (0, [str(NOW - 30 * S)], False)


def test_pings_do_not_make_a_silent_host_look_alive() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> int:
        silent, other = hosts
        await both_heard(hearing, silent, time)
        for seconds in (40, 40, 30):
            time.move(seconds)
            silent.ping()
            await asyncio.sleep(0.05)
        time.move(15)  # the last one: a handshake has a deadline too
        await until(lambda: other.opened)
        return len(other.opened)

    assert on_bluesky(work, hosts=2) == 1


@pytest.mark.parametrize(("status", "headers"), [(403, {}), (429, {"Retry-After": "3600"}), (502, {}), (400, {})])
def test_a_host_that_refuses_is_replaced_by_the_next(status: int, headers: dict[str, str]) -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> bool:
        hosts[0].status, hosts[0].headers = status, headers
        await until(lambda: hosts[0].opened)
        await asyncio.sleep(0.05)
        time.move(6)
        await until(lambda: all(hearing.rung.values()))
        return bool(hosts[1].opened)

    assert on_bluesky(work, hosts=2)


def test_more_accounts_than_an_address_holds_are_named_in_a_message() -> None:
    async def go() -> tuple[list[str], int]:
        async with Peer() as peer, surrounded(Path(), peer.port, clock=Clock(now=lambda: NOW)) as tools:
            host = JetstreamHost(peer)
            peer.reply = host.reply
            time = ShiftedTime()
            letters = "abcdefghijklmnopqrstuvwxyz"
            dids = [f"did:plc:{'a' * 22}{letters[n // 24]}{letters[n % 24]}" for n in range(130)]
            here = peer.url("")
            keys = {"kind": "bluesky", "base_url": here, "plc_url": here, "pds_url": here, "live": True}
            keys["jetstream_urls"] = [host.url]
            hearing = Hearing(tools, [keys | {"name": f"n{n}", "actor": did} for n, did in enumerate(dids)])
            try:
                await until(lambda: all(hearing.rung.values()))
                time.move(6)
                await until(lambda: "requireHello" in host.opened[-1] and host.is_open)
                host.announce(dids[-1], NOW)
                before = hearing.rung["n129"]
                await until(lambda: hearing.rung["n129"] > before)
                return host.opened[-1].get("wantedDids", []), host.open_ways
            finally:
                await hearing.aclose()

    assert asyncio.run(go()) == ([], 1)


def test_garbage_between_announcements_costs_nothing() -> None:
    async def work(hearing: Hearing, hosts: list[JetstreamHost], time: ShiftedTime) -> tuple[int, list[str]]:
        await both_heard(hearing, hosts[0], time)
        opened, before = len(hosts[0].opened), hearing.rung["ferry"]
        for words in ("", "{", "[]", '{"did": 5, "time_us": "now"}', '{"did": null}', "\x00" * 9, "[" * 5_000):
            hosts[0].send(words.encode())
        hosts[0].send(b"\xff\xfe")
        hosts[0].announce(DID, NOW)
        await until(lambda: hearing.rung["ferry"] > before)
        return len(hosts[0].opened) - opened, hearing.said

    assert on_bluesky(work) == (0, [])


# Mastodon -------------------------------------------------------------------------------------------------------------


def test_a_post_an_edit_and_a_boost_of_the_account_ring_and_others_do_not(tmp_path: Path) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> list[int]:
        found = []
        await until(lambda: len(server.streams.opened) == 2 and hearing.rung["ferry"] >= 2)
        for stream, kind, owner in (
            ("public/local", "update", server.owner()),
            ("user", "status.update", server.owner()),
            ("user", "update", server.owner() | {"id": "7"}),
            ("user", "notification", server.owner()),
        ):
            before = hearing.rung["ferry"]
            server.streams.announce(stream, kind, {"id": "1", "account": owner})
            await asyncio.sleep(0.1)
            time.move(6)
            await asyncio.sleep(0.1)
            found.append(hearing.rung["ferry"] - before)
        return found

    assert on_mastodon(work, tmp_path) == [2, 2, 0, 0]


def test_a_stream_that_is_cut_or_silent_begins_again_and_the_account_is_looked_at(tmp_path: Path) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> None:
        await until(lambda: hearing.rung["ferry"] >= 2)
        for break_off in (server.streams.cut, lambda: time.move(121)):
            rung, opened = hearing.rung["ferry"], len(server.streams.opened)
            break_off()
            await asyncio.sleep(0.1)
            time.move(20)
            await until(lambda: len(server.streams.opened) >= opened + 2)  # noqa: B023 - within this turn
            await until(lambda: hearing.rung["ferry"] >= rung + 2)  # noqa: B023
        await asyncio.sleep(0)

    on_mastodon(work, tmp_path)


@pytest.mark.parametrize("refused", ["user", "public/local"])
def test_one_stream_that_is_refused_leaves_the_other(tmp_path: Path, refused: str) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> list[str]:
        await until(lambda: hearing.rung["ferry"])
        left = "user" if refused == "public/local" else "public/local"
        await until(lambda: server.streams.open_ways(left))
        before = hearing.rung["ferry"]
        server.streams.announce(left, "update", {"id": "1", "account": server.owner()})
        await until(lambda: hearing.rung["ferry"] > before)
        return hearing.said

    assert on_mastodon(refusing(work, {refused: Answer(b"", 403)}), tmp_path) == []


def refusing(
    work: Callable[[Hearing, MastodonServer, ShiftedTime], Awaitable[T]], answers: dict[str, Answer]
) -> Callable[[Hearing, MastodonServer, ShiftedTime], Awaitable[T]]:
    async def begin(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> T:
        server.streams.refused.update(answers)
        return await work(hearing, server, time)

    return begin


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_both_is_said_once_with_what_to_do_and_without_the_token(
    tmp_path: Path, status: int
) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> list[str]:
        for turn in range(1, 4):
            await until(lambda: len(server.streams.opened) == 2 * turn)  # noqa: B023
            await asyncio.sleep(0.05)
            time.move(60)
        return hearing.said

    answers = dict.fromkeys(("user", "public/local"), Answer(b"a-very-secret-token", status))
    (said,) = on_mastodon(refusing(work, answers), tmp_path)
    assert said.startswith("ferry: it is polled only, because it cannot be listened to: 127.0.0.1 refuses")
    assert "live = true" in said
    assert "secret" not in said


def test_a_wait_that_the_server_names_is_kept_to(tmp_path: Path) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> list[int]:
        found = []
        await until(lambda: server.streams.opened)
        await asyncio.sleep(0.1)
        for seconds in (0, 800, 110):
            time.move(seconds)
            await asyncio.sleep(0.2)
            found.append(len(server.streams.opened))
        return [one - found[0] for one in found]

    limited = Answer(b"", 429, {"Retry-After": "900"})
    waited = on_mastodon(refusing(work, dict.fromkeys(("user", "public/local"), limited)), tmp_path)
    assert waited[:2] == [0, 0]
    assert waited[2] > 0


def test_a_server_with_a_host_of_its_own_for_streams_is_followed_there(tmp_path: Path) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> list[str]:
        await until(lambda: hearing.rung["ferry"])
        return [path for path in server.asked if "instance" in path]

    assert on_mastodon(work, tmp_path) == ["/api/v2/instance"]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("ws://10.1.2.3", "10.1.2.3 is a private address"),
        ("ws://streams.town.example:2222", "port 2222 of streams.town.example is not visited"),
        ("wss://streams.town.example", ""),  # not the scheme of the server itself: that is no place for a token
    ],
)
def test_a_host_that_the_server_names_for_its_streams_sees_the_token_only_if_it_is_a_public_one(
    tmp_path: Path, place: str, why: str
) -> None:
    async def work(hearing: Hearing, server: MastodonServer, time: ShiftedTime) -> tuple[list[str], list[str]]:
        named = {"configuration": {"urls": {"streaming": place}}}
        server.answers["/api/v2/instance"] = Answer(json.dumps(named).encode(), 200)
        await until(lambda: hearing.said or hearing.rung["ferry"])
        return hearing.said, server.streams.opened

    said, opened = on_mastodon(work, tmp_path)
    assert bool(opened) is not bool(why)
    assert [why in words for words in said] == ([True] if why else [])


def test_live_without_a_token_is_a_mistake_in_the_config() -> None:
    with pytest.raises(ValidationError, match="live = true needs token_file"):
        sources.settings_of("mastodon").model_validate(
            {"name": "it", "kind": "mastodon", "account": "@a@town.example", "live": True}
        )


@pytest.mark.parametrize("url", ["https://stream.example", "ws:///x", "jetstream.example", "wss://a.example?x=1"])
def test_a_jetstream_host_is_an_address_of_a_websocket(url: str) -> None:
    keys = {"name": "it", "kind": "bluesky", "actor": "a.example"}
    with pytest.raises(ValidationError, match="expected an address such as"):
        sources.settings_of("bluesky").model_validate(keys | {"jetstream_urls": [url]})
    sources.settings_of("bluesky").model_validate(keys | {"jetstream_urls": ["ws://127.0.0.1:7/subscribe"]})


def test_only_a_source_with_live_is_listened_to() -> None:
    async def go() -> list[bool]:
        async with surrounded(Path()) as tools:
            keys = {"name": "it", "kind": "bluesky", "actor": "a.example"}
            made = [sources.settings_of("bluesky").model_validate(keys | {"live": live}) for live in (False, True)]
            built = [sources.build(one, tools) for one in made]
            return [source.announces for source in built if isinstance(source, Announcing)]

    assert asyncio.run(go()) == [False, True]
