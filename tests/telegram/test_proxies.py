"""Proxies to Telegram: the whole line through each kind, and not one packet past one that does not work."""

import hashlib
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.telegram.proxies import Kind, Mood, Proxy, standing
from tests.telegram_world import File, World, run_in_thread
from tests.telegram_world.handshake import PUBLIC_KEY_FILE

OPEN = "+95 9 000 000 002"
CONFIG = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{server}"
public_key_file = "{key}"
proxy = "{proxy}"
[defaults]
every = "1s"
[[sources]]
name = "post"
kind = "telegram"
channel = "@border_post"
media = ["document"]
{more}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "hash").write_text("0123456789abcdef")
    (tmp_path / "hash").chmod(0o600)
    with Desk(tmp_path) as made:
        yield made


@pytest.fixture
def world() -> World:
    made = World()
    made.accounts.open(OPEN, code="54321")
    made.open_channel("border_post", "Border Post", members=[OPEN])
    return made


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """The server itself, where nobody may come past the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listens:
        listens.setblocking(False)
        yield listens
        with pytest.raises(BlockingIOError):
            listens.accept()


def address(listens: socket.socket) -> str:
    return f"127.0.0.1:{listens.getsockname()[1]}"


def configure(desk: Desk, server: str, proxy: str, more: str = 'fallback = "none"') -> None:
    desk.write(CONFIG.format(server=server, key=PUBLIC_KEY_FILE, proxy=proxy, more=more))


@contextmanager
def proxied(world: World, kind: str, secret: str) -> Iterator[tuple[str, str, Proxy | None]]:
    """A server that only the proxy knows: its address, the proxy's, and the proxy."""
    with ExitStack() as stack:
        if secret:
            served = stack.enter_context(run_in_thread(world, secret=bytes.fromhex(secret[-32:])))
            yield "telegram.invalid:443", f"mtproxy://{secret}@127.0.0.1:{served.port}", None
            return
        served = stack.enter_context(run_in_thread(world))
        name, _, who = kind.partition(" as ")
        proxy = Proxy("http" if name == "http" else "socks5", *who.split(":") if who else ())
        proxy.names["telegram.invalid"] = (served.host, served.port)
        stack.enter_context(standing(proxy))
        yield "telegram.invalid:443", proxy.url, proxy


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("socks5", ""),
        ("socks5 as reader:p@ss", ""),
        ("http", ""),
        ("http as reader:p@ss", ""),
        pytest.param("mtproxy", "dd" + "0123456789abcdef" * 2, marks=pytest.mark.long),
        ("mtproxy", "ee23456789abcdef" * 2),  # sixteen bytes that happen to begin like another kind of secret
    ],
)
def test_everything_goes_through_a_proxy(desk: Desk, world: World, kind: str, secret: str) -> None:
    data = random.Random(1).randbytes(700_000)
    world.publish("border_post", "Here.", file=File("document", data))
    world.publish("border_post", "Afar.", file=File("document", data + b"!", dc=4))
    with proxied(world, kind, secret) as (server, url, proxy):
        configure(desk, server, url.replace("p@ss", "p%40ss"))
        desk.run("login", "--phone", OPEN, stdin="54321\n")
        assert "3 new" in desk.run("run", "--once").stderr
        with desk.archive as archive, archive.reading() as reader:
            kept = {row[0] for row in reader.execute("SELECT sha256 FROM media")}
        desk.run("login", "--logout")
    sums = {hashlib.sha256(one).hexdigest() for one in (data, data + b"!")}
    if proxy is None:  # an MTProxy of Telegram leads to every data centre; this one only to its own
        assert hashlib.sha256(data).hexdigest() in kept
    else:
        assert kept == sums
        assert {place.split(":")[0] for place in proxy.asked} == {"telegram.invalid", "127.0.0.1"}
    assert world.journal.count("auth.logOut") == 1


@pytest.mark.parametrize("kind", ["socks5", "http"])
@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("closing", "it closed the connection|it cut the connection"),
        ("strange", "does not speak"),
        ("refusing", "not allowed by its rules|403 Forbidden"),
        ("wants a password", "it requires a user name and password"),
        ("wants another password", "it does not accept the user name and password"),
        ("dead", "connection refused"),
    ],
)
def test_a_proxy_that_does_not_work_is_told_and_nothing_goes_past_it(
    desk: Desk, nobody: socket.socket, kind: Kind, mood: str, said: str
) -> None:
    moods: dict[str, Mood] = {"closing": "closing", "strange": "strange", "refusing": "refusing"}
    proxy = Proxy(kind, mood=moods.get(mood, "willing"))
    if "password" in mood:
        proxy.user, proxy.password = "reader", "right"
    with standing(proxy) if mood != "dead" else _unused(proxy):
        given = "reader:wrong@" if mood == "wants another password" else ""
        configure(desk, address(nobody), f"{kind}://{given}127.0.0.1:{proxy.port}")
        refused = desk.run("login", "--phone", OPEN, stdin="54321\n", code=5)
    sentence = refused.stderr.strip().splitlines()[-1]
    assert sentence.startswith(f"not signed in: the proxy 127.0.0.1:{proxy.port} cannot be used, so nothing was sent: ")
    assert any(part in sentence for part in said.split("|")), sentence
    assert "Traceback" not in refused.stderr
    assert "wrong" not in refused.stderr


@contextmanager
def _unused(proxy: Proxy) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as was:
        proxy.port = was.getsockname()[1]
    yield proxy


def test_an_mtproxy_with_another_secret_is_told(desk: Desk, world: World) -> None:
    with run_in_thread(world, secret=bytes(16)) as served:
        configure(desk, "telegram.invalid:443", f"mtproxy://{'ab' * 16}@127.0.0.1:{served.port}")
        refused = desk.run("login", "--phone", OPEN, stdin="54321\n", code=5)
    assert f"the proxy 127.0.0.1:{served.port} cannot be used" in refused.stderr
    assert world.journal.calls() == ()


@pytest.mark.parametrize("secret", ["ee" + "ab" * 16 + "6578616d706c652e6f7267", "short", "q83vq83vq83vq83vq83vqw"])
def test_a_secret_that_is_not_understood_is_a_mistake_of_the_config(desk: Desk, secret: str) -> None:
    configure(desk, "127.0.0.1:1", f"mtproxy://{secret}@127.0.0.1:1")
    refused = desk.run("config", "check", code=4)
    assert '(those that begin with "ee" are not supported)' in refused.stdout + refused.stderr
    assert secret not in refused.stdout + refused.stderr


def test_the_daemon_keeps_trying_a_proxy_and_asks_nobody_else(
    desk: Desk, world: World, nobody: socket.socket, waits: Callable[[Callable[[], object], str], None]
) -> None:
    pages = f'base_url = "http://{address(nobody)}"\n[http]\nallow_private_addresses = true'
    with run_in_thread(world) as served:
        proxy = Proxy("socks5", names={"telegram.invalid": (served.host, served.port)})
        with standing(proxy):
            configure(desk, "telegram.invalid:443", proxy.url, pages)
            desk.run("login", "--phone", OPEN, stdin="54321\n")
        calls = len(world.journal.calls())
        desk.start("run")
        waits(lambda: "telegram: proxy down" in desk.said(), "the state")
        assert "proxy down" in desk.run("sources", "list").stdout
        assert len(world.journal.calls()) == calls
        proxy.mood = "refusing"
        with standing(proxy, proxy.port):
            before = len(proxy.asked)
            waits(lambda: len(proxy.asked) > before + 1, "another try")
            proxy.mood = "willing"
            waits(lambda: "telegram: connected" in desk.said(), "the connection")
            number = world.publish("border_post", "Through the proxy.")
            waits(lambda: _stored(desk, number), "the post")
            desk.stop()


def _stored(desk: Desk, number: int) -> bool:
    with desk.archive as archive, archive.reading() as reader:
        return bool(list(reader.execute("SELECT 1 FROM posts WHERE number = :number", {"number": number})))
