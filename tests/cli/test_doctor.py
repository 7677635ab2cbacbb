import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.doctor import check_clock
from bot.clock import DAY, SECOND
from bot.config import paths
from bot.daemon.lock import Lock
from storage.archive.database import Archive, connect

Program = Callable[..., subprocess.CompletedProcess[str]]


def verdicts(ran: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    return {found["check"]: (found["verdict"], f"{found['text']}; {found['fix']}") for found in json.loads(ran.stdout)}


@pytest.fixture
def data(fresh: Archive) -> Path:
    """The directory of an archive of this test's own, closed again."""
    fresh.close()
    return fresh.path.parent


@pytest.fixture
def server() -> Iterator[int]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if "gone" in self.path else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gave it
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_port
        serving.shutdown()
        thread.join()


def test_a_fresh_machine_is_well_and_told_what_to_do_first(program: Program, tmp_path: Path) -> None:
    ran = program("doctor", COMMUNIQUE_DATA_DIR="none/yet")
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    assert "warn  config     no config file; communique init" in lines
    assert f"ok    data       {tmp_path}/none/yet will be created by the first run" in lines
    assert not (tmp_path / "none").exists()


def test_a_sound_archive_passes_every_check(inside: Program, data: Path) -> None:
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    found = verdicts(ran)
    assert ran.returncode == 0
    assert {check: verdict for check, (verdict, _) in found.items() if verdict != "ok"} == {"config": "warn"}
    assert {"python", "sqlite", "search", "data", "lock", "disk", "database", "index", "clock", "extras"} < set(found)


def test_a_config_with_mistakes_fails_with_each_of_them(inside: Program, data: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[http]\nproxi = 1\nproxy = 2\n", encoding="utf-8")
    ran = inside("doctor", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    assert "fail  config     config.toml:2:1 http.proxi: unknown key; did you mean" in ran.stdout
    assert "fail  config     config.toml:3:9 http.proxy: expected a string, got 2" in ran.stdout
    (tmp_path / "config.toml").write_text("[http\n", encoding="utf-8")
    ran = inside("doctor")
    assert ran.returncode == 1
    assert "fail  config     config.toml:1:6 not TOML" in ran.stdout


def test_bad_input_68_a_data_directory_that_is_open_to_others_is_told_with_the_line_that_mends_it(
    inside: Program, data: Path
) -> None:
    data.chmod(0o755)
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 0
    assert verdicts(ran)["data"][0] == "warn"
    data.chmod(0o777)
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    assert verdicts(ran)["data"] == ("fail", f"anybody may write to {data}; chmod 700 {data}")


def test_a_damaged_archive_fails(inside: Program, data: Path) -> None:
    path = paths.database_in(data)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 8192 * 4)
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    assert verdicts(ran)["database"][0] == "fail"


def test_an_archive_of_a_newer_program_fails(inside: Program, data: Path) -> None:
    connection = connect(paths.database_in(data), mode="rw")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    assert "upgrade the program" in verdicts(ran)["database"][1]


def test_an_index_that_does_not_fit_the_texts_fails_with_the_line_that_mends_it(inside: Program, data: Path) -> None:
    path = paths.database_in(data)
    connection = connect(path, mode="rw")
    connection.execute("INSERT INTO texts_index(rowid, folded) VALUES (1, 'a word that no text holds')")
    connection.close()
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    verdict, text = verdicts(ran)["index"]
    assert verdict == "fail"
    connection = connect(path, mode="rw")
    connection.execute(text.split('"')[1])
    connection.close()
    assert verdicts(inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data)))["index"][0] == "ok"


def test_the_process_that_holds_the_archive_is_named_and_not_disturbed(inside: Program, data: Path) -> None:
    import os

    with Lock(data):
        found = verdicts(inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data)))
    assert found["lock"] == ("ok", f"process {os.getpid()} is running; ")
    assert found["index"] == ("ok", "not checked while a process is running; ")


def test_the_network_is_asked_only_when_told(inside: Program, server: int, tmp_path: Path) -> None:
    feed = '[[sources]]\nname = "{0}"\nkind = "feed"\nurl = "http://127.0.0.1:{1}/{0}?key=s3cret"\n'
    text = f"[http]\nallow_private_addresses = true\n{feed.format('here', server)}{feed.format('gone', server)}"
    (tmp_path / "config.toml").write_text(text + '[http.hosts."127.0.0.1"]\ninterval = 0\n', encoding="utf-8")
    assert "online" not in inside("doctor").stdout
    ran = inside("doctor", "--online")
    assert ran.returncode == 1
    assert f"ok    online     http://127.0.0.1:{server}/here?key=*** answers 200" in ran.stdout
    assert f"fail  online     http://127.0.0.1:{server}/gone?key=*** answers 404" in ran.stdout


def test_a_clock_that_was_never_set_or_runs_behind_our_files_is_told(tmp_path: Path) -> None:
    now = int(datetime.now(UTC).timestamp()) * SECOND
    assert check_clock(0, None).verdict == "fail"
    assert check_clock(now, tmp_path).verdict == "ok"
    (tmp_path / "communique.db").touch()
    late = check_clock(now - 2 * DAY, tmp_path)
    assert (late.verdict, "2 days behind our own files" in late.text) == ("warn", True)
