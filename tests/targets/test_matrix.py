"""A real Matrix server (Synapse) gets alerts through Apprise. `make test-long` runs this where Synapse is installed."""

import asyncio
import hashlib
import hmac
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Never

PYTHON = os.environ.get("COMMUNIQUE_TEST_SYNAPSE", sys.executable)  # a Python that has the package matrix-synapse
HOSTILE = "@room @reader:localhost <b>bold</b> [x](http://evil.example) `code` # head"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        sys.executable == PYTHON and importlib.util.find_spec("synapse") is None,
        reason="Synapse is not installed: pip install matrix-synapse elsewhere, and name that Python in COMMUNIQUE_TEST_SYNAPSE",
    ),
]


@dataclass
class Synapse:
    base: str
    shared: str

    def ask(self, path: str, body: Any = None, token: str = "", method: str | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.base}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {}),
            method=method or ("GET" if body is None else "POST"),
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def register(self, name: str, password: str) -> str:
        """As Synapse's admin API wants it; the access token."""
        nonce = self.ask("/_synapse/admin/v1/register")["nonce"]
        words = f"{nonce}\0{name}\0{password}\0notadmin".encode()
        mac = hmac.new(self.shared.encode(), words, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        return str(self.ask("/_synapse/admin/v1/register", body)["access_token"])


@pytest.fixture
def synapse(tmp_path: Path) -> Iterator[Synapse]:
    directory, shared = tmp_path / "synapse", secrets.token_hex(16)
    directory.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (directory / "homeserver.yaml").write_text(
        json.dumps(
            {
                "server_name": "localhost",
                "pid_file": str(directory / "pid"),
                "listeners": [
                    {
                        "port": port,
                        "type": "http",
                        "bind_addresses": ["127.0.0.1"],
                        "resources": [{"names": ["client"]}],
                    }
                ],
                "database": {"name": "sqlite3", "args": {"database": str(directory / "db")}},
                "media_store_path": str(directory / "media"),
                "signing_key_path": str(directory / "key"),
                "registration_shared_secret": shared,
                "macaroon_secret_key": secrets.token_hex(16),
                "form_secret": secrets.token_hex(16),
                "report_stats": False,
                "trusted_key_servers": [],
                "suppress_key_server_warning": True,
                "rc_message": {"per_second": 100, "burst_count": 100},
                "rc_login": {
                    "address": {"per_second": 100, "burst_count": 100},
                    "account": {"per_second": 100, "burst_count": 100},
                },
            }
        )
    )
    command = [PYTHON, "-m", "synapse.app.homeserver", "--config-path", str(directory / "homeserver.yaml")]
    subprocess.run([*command, "--generate-keys"], check=True, capture_output=True, cwd=directory)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    server = Synapse(f"http://127.0.0.1:{port}", shared)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                server.ask("/_matrix/client/versions")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.2)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(directory, ignore_errors=True)


def test_an_alert_is_words_in_a_room_of_a_matrix_server(synapse: Synapse, around: Any) -> None:
    reader, _ = synapse.register("reader", "pass-of-reader"), synapse.register("alerts", "pass-of-alerts")
    made = synapse.ask(
        "/_matrix/client/v3/createRoom",
        {"room_alias_name": "desk", "preset": "public_chat", "room_version": "11"},
        token=reader,
    )
    host = synapse.base.removeprefix("http://")
    keys = {"kind": "apprise", "url": f"matrix://alerts:pass-of-alerts@{host}/#desk:localhost"}
    link = "https://t.me/spokesman/7"
    asyncio.run(around.send(keys, plain=f"fire · spokesman\n{HOSTILE}\n{link} · alert 7", link=link))
    room = urllib.parse.quote(made["room_id"])
    found = synapse.ask(f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=20", token=reader)
    [said] = [one["content"] for one in found["chunk"] if one["type"] == "m.room.message"]
    body = said["body"].replace("\u2060", "").replace("\u02cb", "`")
    assert body == f"fire · spokesman\n{HOSTILE}\n{link} · alert 7"
    assert not any(part in said["body"] for part in ("@room", "@reader:localhost", "](http"))
    assert "<b>" not in said.get("formatted_body", "")
    assert not said.get("m.mentions")


def test_a_wrong_password_is_a_failure_that_names_the_service(synapse: Synapse, around: Any) -> None:
    host = synapse.base.removeprefix("http://")
    with pytest.raises(Never, match="Matrix refuses access"):
        asyncio.run(around.send({"kind": "apprise", "url": f"matrix://alerts:wrong@{host}/#desk:localhost"}))
