"""The reading room behind Debian's nginx, by the very lines of docs/reading-room.md."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.web.access.door import Door
from tests.certificates import Authority, new_key
from tests.cli.conftest import ROOT
from tests.desk import wait_until
from tests.web.archive import Seeded
from tests.web.letting_in import PASSWORD, Guarded, form_in, guarded
from tests.web.serving import served

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
DEADLINE_S = 60
CONFIG = """
daemon off; master_process off; pid {home}/pid; error_log {home}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  {site}
}}
"""
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def read_site() -> str:
    """The lines of the page."""
    found = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "reading-room.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def proxied(seeded: Seeded, tmp_path: Path, authority: Authority) -> Iterator[tuple[Guarded, str]]:
    """A reading room and the address of nginx before it."""
    assert NGINX
    authority.openssl(
        "req", "-x509", *new_key(tmp_path / "room.key"), "-out", tmp_path / "room.pem", "-subj", "/CN=room.example.org"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    door = Door(443, local=False, secure=True, behind_proxy=True)
    with guarded(seeded, tmp_path, door, frozenset({"room.example.org"})) as house, served(house.room) as upstream:
        site = read_site().replace("http://127.0.0.1:8765", upstream).replace("/etc/ssl", str(tmp_path))
        site = site.replace("listen 443", f"listen 127.0.0.1:{port}")
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(home=tmp_path, site=site))
        with subprocess.Popen([NGINX, "-c", config, "-p", tmp_path], stderr=subprocess.DEVNULL) as nginx:
            try:
                wait_until(lambda: answers(port), "nginx")
                yield house, f"https://127.0.0.1:{port}"
            finally:
                nginx.terminate()


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_somebody_signs_in_reads_and_listens(proxied: tuple[Guarded, str]) -> None:
    house, address = proxied
    house.add("ann", "reader")
    host = {"Host": "room.example.org"}
    with httpx.Client(base_url=address, headers=host, verify=False, timeout=DEADLINE_S) as browser:
        assert browser.get("/", headers={"Host": "rebound.example"}).status_code == 421
        form = form_in(browser.get("/sign-in").text)
        asked = {"form": form, "name": "ann", "password": PASSWORD}
        own = {"Origin": "https://room.example.org", "Sec-Fetch-Site": "same-origin"}
        assert browser.post("/sign-in", data=asked, headers={"Origin": "https://evil.example"}).status_code == 403
        answer = browser.post("/sign-in", data=asked, headers=own)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert browser.get("/search?q=bridge").status_code == 200
        with browser.stream("GET", "/api/v1/stream") as stream:
            assert next(line for line in stream.iter_lines() if line.startswith("id: "))
    with house.people.reading() as reader:
        assert reader.value("SELECT count(*) FROM sessions") == 1
