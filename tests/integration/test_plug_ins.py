"""Packages that add kinds, installed by pip: the one of docs/plug-ins.md, and what happens where one is broken."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk, Sink
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
BOOK = """
from typing import Literal

from bot.contracts.message import Shows
from bot.contracts.target import TargetSettings
from bot.errors import Later


class Settings(TargetSettings):
    kind: Literal["logbook"]
    path: str


class Logbook:
    idempotent, at_once, account, chat = False, 1, None, None
    shows = Shows("text")

    def __init__(self, settings, tools):
        self.settings = settings

    async def ready(self):
        pass

    async def send(self, message):
        try:
            with open(self.settings.path, "a", encoding="utf-8") as book:
                book.write(message.plain + "\\n--\\n")
        except OSError as problem:
            raise Later(f"the logbook cannot be written: {problem.strerror}")
        return "written"


build = Logbook
"""
SAYS = 'the plug-in notice-board 1.0 (kind "notice_board", notice_board) cannot be used: '


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, made of its blocks and installed."""
    package, place = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("installed")
    module, project = [block.text for block in blocks(ROOT / "docs" / "plug-ins.md")][:2]
    (package / "notice_board.py").write_text(module, encoding="utf-8")
    (package / "pyproject.toml").write_text(project, encoding="utf-8")
    target = tmp_path_factory.mktemp("target")
    (target / "logbook.py").write_text(BOOK, encoding="utf-8")
    named = {"notice-board": "logbook", "notice_board": "logbook", "communique.sources": "communique.targets"}
    for old, new in named.items():
        project = project.replace(old, new)
    (target / "pyproject.toml").write_text(project, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    made = subprocess.run(
        [*pip, "--no-build-isolation", "--no-compile", "--target", place, package, target],
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
    found = [one for one in json.loads(desk.run("doctor", "--json", code=None).stdout) if one["check"] == "plug-in"]
    assert ('notice-board 1.0: kind "notice_board" of sources', "ok") in [
        (one["text"], one["verdict"]) for one in found
    ]
    desk.run("run", "--once")
    rows = json.loads(desk.run("search", "mill", "--json").stdout)
    assert [row["native_id"] for row in rows] == ["8", "7"]


def test_a_package_adds_a_kind_of_target_that_sends_messages(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    config = (tmp_path / "config.toml").read_text(encoding="utf-8")
    entry = f'[[targets]]\nname = "book"\nkind = "logbook"\npath = "{book}"\n'
    desk.write(config.replace("[defaults]", f"{entry}[defaults]").replace('targets = ["desk"]', 'targets = ["book"]'))
    found = [one for one in json.loads(desk.run("doctor", "--json", code=None).stdout) if one["check"] == "plug-in"]
    assert ('logbook 1.0: kind "logbook" of targets', "ok") in [(one["text"], one["verdict"]) for one in found]
    assert '"logbook"' in desk.run("config", "schema").stdout
    desk.run("alerts", "test", "book")
    assert "test" in book.read_text(encoding="utf-8")
    book.unlink()
    book.mkdir()
    desk.run("run", "--once")
    with (tmp_path / "posts.jsonl").open("a") as posts:
        posts.write('{"native_id": "2", "posted_at": "2026-11-30T05:30:00Z", "text": "The ferry is back"}\n')
    desk.run("run", "--once", code=None)
    assert desk.ask("SELECT reason FROM deliveries WHERE target = 'book'") == [
        ("the logbook cannot be written: Is a directory",)
    ]
    book.rmdir()
    with desk.archive as archive, archive.writing() as writer:
        writer.execute("UPDATE deliveries SET not_before = 0")
    desk.run("run", "--once")
    assert "The ferry is back" in book.read_text(encoding="utf-8")
    assert desk.ask("SELECT state, receipt FROM deliveries WHERE target = 'book'") == [("sent", "written")]


def test_a_broken_package_stops_its_source_alone(desk: Desk, installed: Path, sink: Sink) -> None:
    module = installed / "notice_board.py"
    whole = module.read_text()
    module.write_text("import no_such_client\n" + whole)
    try:
        said = desk.run("config", "check", code=4).stderr
        assert f"{SAYS}ModuleNotFoundError: No module named 'no_such_client'; " in said
        assert f"warning: config.toml:6:8 sources[0].kind: {SAYS}" in desk.run("run", "--once").stderr
        assert [row[0] for row in desk.ask("SELECT text FROM revisions_readable")] == ["The ferry is late"]
        assert desk.ask("SELECT state FROM sources WHERE name = 'town-hall'") == [("plug-in unusable",)]
        [health] = sink.health()
        assert health.startswith(f"the plug-in of source town-hall: {SAYS}")
    finally:
        module.write_text(whole)
    desk.run("run", "--once")
    assert "the plug-in of source town-hall is no longer broken" in sink.health()
    assert len(desk.ask("SELECT text FROM revisions_readable")) == 3
