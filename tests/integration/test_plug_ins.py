"""Packages that add kinds, installed by pip: the one of docs/plug-ins.md, and what happens where one is broken."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk, Sink, listening
from tests.docs.reading import ROOT, blocks

NOTICES = [
    {"id": "7", "time": "2026-11-30T06:00:00Z", "text": "The bridge at the mill is closed"},
    {"id": "8", "time": "2026-11-30T07:00:00Z", "text": "The bridge at the mill is open"},
]
CONFIG = """
[http]
allow_private_addresses = true
[[sources]]
name = "town-hall"
kind = "notice_board"
url = "{notices}"
[[sources]]
name = "ferry"
kind = "replay"
path = "posts.jsonl"
[[rules]]
name = "bridge"
query = "bridge OR ferry"
[[targets]]
name = "desk"
kind = "webhook"
url = "{hook}"
secret_file = "secret"
health = true
[defaults]
targets = ["desk"]
"""
SAYS = 'the plug-in notice-board 1.0 (kind "notice_board", notice_board) cannot be used: '


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, made of its blocks and installed."""
    package, place = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("installed")
    module, project = [block.text for block in blocks(ROOT / "docs" / "plug-ins.md")][:2]
    (package / "notice_board.py").write_text(module, encoding="utf-8")
    (package / "pyproject.toml").write_text(project, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    made = subprocess.run(
        [*pip, "--no-build-isolation", "--no-compile", "--target", place, package],
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return place


@pytest.fixture(scope="module")
def board() -> Iterator[str]:
    class Board(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(NOTICES).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gave it
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Board) as serving:
        threading.Thread(target=serving.serve_forever).start()
        yield f"http://127.0.0.1:{serving.server_port}/notices.json"
        serving.shutdown()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as heard:
        yield heard


@pytest.fixture
def desk(tmp_path: Path, installed: Path, board: str, sink: Sink) -> Iterator[Desk]:
    (tmp_path / "posts.jsonl").write_text(
        '{"native_id": "1", "posted_at": "2026-11-30T05:00:00Z", "text": "The ferry is late"}\n'
    )
    (tmp_path / "secret").write_text("whsec_" + "QUJD" * 8)
    (tmp_path / "secret").chmod(0o600)
    with Desk(tmp_path, {"PYTHONPATH": str(installed)}) as one:
        one.write(CONFIG.format(notices=board, hook=sink.url))
        yield one


def test_a_package_adds_a_kind_of_source(desk: Desk) -> None:
    assert desk.run("config", "check").stdout.startswith("ok: 2 sources")
    found = {one["check"]: one for one in json.loads(desk.run("doctor", "--json", code=None).stdout)}
    assert found["plug-in"]["text"] == 'notice-board 1.0: kind "notice_board" of sources'
    assert found["plug-in"]["verdict"] == "ok"
    desk.run("run", "--once")
    rows = json.loads(desk.run("search", "mill", "--json").stdout)
    assert [row["native_id"] for row in rows] == ["8", "7"]


def test_a_broken_package_stops_its_source_alone(desk: Desk, installed: Path, sink: Sink) -> None:
    module = installed / "notice_board.py"
    whole = module.read_text()
    module.write_text("import no_such_client\n" + whole)
    try:
        said = desk.run("config", "check", code=4).stderr
        assert f"{SAYS}ModuleNotFoundError: No module named 'no_such_client'; " in said
        assert f"warning: config.toml:6:8 sources[0].kind: {SAYS}" in desk.run("run", "--once").stderr
        assert [row[0] for row in desk.ask("SELECT text FROM revisions")] == ["The ferry is late"]
        assert desk.ask("SELECT state FROM sources WHERE name = 'town-hall'") == [("plug-in unusable",)]
        [health] = sink.health()
        assert health.startswith(f"the plug-in of source town-hall: {SAYS}")
    finally:
        module.write_text(whole)
    desk.run("run", "--once")
    assert "the plug-in of source town-hall is no longer broken" in sink.health()
    assert len(desk.ask("SELECT text FROM revisions")) == 3
