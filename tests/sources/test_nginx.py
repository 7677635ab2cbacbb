"""A real web server, nginx as Debian ships it: conditional requests, moves, what is gone, and what breaks off."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.clock import Clock
from bot.contracts.source import SourceTools
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from tests.sources.rounds import Rounds

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONFIG = """
daemon off; master_process off; pid {home}/pid; error_log {home}/errors;
events {{ worker_connections 64; }}
http {{
  access_log {home}/asked; types {{ application/rss+xml xml; text/html html; }}
  client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  server {{
    listen 127.0.0.1:{port}; root {home}/www; etag on; gzip on; gzip_types application/rss+xml; gzip_min_length 1;
    location /moved {{ return 301 /feed.xml; }}
    location /found {{ return 302 /list.html; }}
    location /loop {{ return 302 /loop; }}
    location /gone {{ return 410; }}
    location /broken {{ return 444; }}
    location /busy {{ add_header Retry-After 120 always; return 429; }}
    location /slow {{ limit_rate 40; alias {home}/www; }}
  }}
}}
"""
KEYS: dict[str, dict[str, Any]] = {
    "feed": {"kind": "feed"},
    "website": {"kind": "website", "item": "li", "link": "a", "body": "p", "robots": False},
}
PAGES = {"feed": "feed.xml", "website": "list.html"}
BOTH = pytest.mark.parametrize("kind", KEYS)


class Nginx:
    """One server; `home/www` is what it shows."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port

    def show(self, numbers: range) -> None:
        items = "".join(f"<item><guid>{n}</guid><title>Notice {n}</title></item>" for n in numbers)
        rows = "".join(f'<li><a href="/{n}.html">Notice {n} of the ferry office</a></li>' for n in numbers)
        (self.home / "www" / "feed.xml").write_text(f"<rss><channel><title>Ferry</title>{items}</channel></rss>")
        (self.home / "www" / "list.html").write_text(f"<html><ul>{rows}</ul></html>")
        for n in numbers:
            (self.home / "www" / f"{n}.html").write_text(f"<html><h1>Notice {n}</h1><p>It sails at {n}.</p></html>")

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Path and status of each request."""
        lines = (self.home / "asked").read_text().splitlines()
        return [(line.split('"')[1].split()[1], line.split('"')[2].split()[0]) for line in lines]

    def rounds(self, kind: str, path: str, work: Callable[[Rounds], Any]) -> Any:
        async def go() -> Any:
            clock = Clock()
            private = frozenset({("127.0.0.1", self.port)})
            tools = SourceTools(Http(HttpRules(user_agent="t", private=private), clock), clock, self.home)
            entry = {"name": "it", "url": f"http://127.0.0.1:{self.port}/{path}", **KEYS[kind]}
            try:
                return await work(Rounds(sources.build(sources.settings_of(kind).model_validate(entry), tools)))
            finally:
                await tools.aclose()

        return asyncio.run(go())


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    if NGINX is None:
        pytest.skip("nginx is missing; apt install nginx-light")
    home = tmp_path_factory.mktemp("nginx")
    (home / "www").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "conf").write_text(CONFIG.format(home=home, port=port))
    process = subprocess.Popen([NGINX, "-p", str(home), "-c", str(home / "conf"), "-e", str(home / "errors")])
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, (home / "errors").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Nginx(home, port)
    finally:
        process.terminate()
        process.wait()


@BOTH
def test_what_has_not_changed_is_not_sent_again_and_what_has_is(kind: str, nginx: Nginx) -> None:
    nginx.show(range(1, 5))

    async def work(rounds: Rounds) -> list[list[str]]:
        found = [[post.title or "" for post in await rounds.round()] for _ in range(2)]
        nginx.show(range(1, 6))
        return [*found, [post.title or "" for post in await rounds.round()]]

    first, second, third = nginx.rounds(kind, PAGES[kind], work)
    assert sorted(first) == [f"Notice {n}" for n in range(1, 5)]
    assert second == []
    assert "Notice 5" in third
    assert [status for path, status in nginx.asked if path == f"/{PAGES[kind]}"][-3:] == ["200", "304", "200"]


@BOTH
def test_a_redirect_is_followed_and_one_for_good_is_remembered(kind: str, nginx: Nginx) -> None:
    nginx.show(range(1, 5))
    before = len(nginx.asked)

    async def work(rounds: Rounds) -> int:
        found = await rounds.round()
        await rounds.round()
        return len(found)

    assert nginx.rounds(kind, "moved" if kind == "feed" else "found", work) == 4
    paths = [path for path, _ in nginx.asked[before:]]
    assert paths.count("/moved") == (1 if kind == "feed" else 0)


@BOTH
@pytest.mark.parametrize(
    ("path", "kept", "words"),
    [
        ("gone", Never, "410"),
        ("nowhere", Later, "404"),
        ("broken", Later, ""),
        ("loop", Later, "redirect"),
        ("busy", Later, "120 s"),
    ],
)
def test_what_a_real_server_refuses_or_breaks_off_is_said(
    kind: str, path: str, kept: type[Exception], words: str, nginx: Nginx
) -> None:
    with pytest.raises(kept) as raised:
        nginx.rounds(kind, path, lambda rounds: rounds.round())
    assert words in str(raised.value)


@pytest.mark.long
@BOTH
def test_an_answer_that_trickles_ends_at_the_deadline(kind: str, nginx: Nginx) -> None:
    nginx.show(range(1, 400))
    with pytest.raises(Later, match=r"within|took"):
        nginx.rounds(kind, f"slow/{PAGES[kind]}", lambda rounds: rounds.round())
