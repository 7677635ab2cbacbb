import http.server
import json
import os
import re
import shutil
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
from storage.archive.connections import connect
from storage.archive.database import Archive
from storage.media.shelf import Shelf
from storage.posts.raw import address_of, save_raw
from storage.records import Raw

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
    connection.execute("INSERT INTO posts_index(rowid, body) VALUES (1, 'a word that no text holds')")
    connection.close()
    ran = inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data))
    assert ran.returncode == 1
    verdict, text = verdicts(ran)["index"]
    assert verdict == "fail"
    assert text.endswith("; communique doctor --rebuild-index")
    mended = inside("doctor", "--json", "--rebuild-index", COMMUNIQUE_DATA_DIR=str(data))
    assert verdicts(mended)["index"] == ("ok", "the full-text index was built again and agrees with the texts; ")


def test_the_process_that_holds_the_archive_is_named_and_not_disturbed(inside: Program, data: Path) -> None:
    import os

    with Lock(data):
        found = verdicts(inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(data)))
        refused = inside("doctor", "--json", "--rebuild-index", COMMUNIQUE_DATA_DIR=str(data))
    assert found["lock"] == ("ok", f"process {os.getpid()} is running; ")
    assert found["index"] == ("ok", "not checked while a process is running; ")
    assert refused.returncode == 1
    running = f"process {os.getpid()} is running; stop it first: kill {os.getpid()}"
    assert verdicts(refused)["index"] == ("fail", f"the full-text index was not built again: {running}")


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


@pytest.fixture
def collected(data_dir: Path, tmp_path: Path) -> Path:
    """A copy of the collected archive, with a stored file."""
    data = tmp_path / "data"
    shutil.copytree(data_dir, data)
    with Archive(data / "communique.db") as archive, archive.writing() as writer:
        writer.execute("DROP TRIGGER raw_stay_as_they_are")
        [voice] = writer.column("SELECT id FROM media WHERE kind = 'voice'")
        shelf = Shelf(data)
        with shelf.arriving(voice) as arriving:
            arriving.write(b"OggS and what was said")
            kept = arriving.keep()
        shelf.forget(voice)
        writer.execute(
            "UPDATE media SET state = 'stored', sha256 = :sha256, path = :path, size = :size WHERE id = :id",
            {"sha256": kept.sha256, "path": kept.path, "size": kept.size, "id": voice},
        )
    return data


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replies(data: Path) -> int:
    with Archive(data / "communique.db") as archive, archive.reading() as reader:
        return int(reader.value("SELECT count(*) FROM raw"))


def test_stored_bytes_are_compared_with_their_hashes(inside: Program, collected: Path) -> None:
    total = replies(collected)
    for options in ((), ("--all",)):
        found = verdicts(inside("doctor", "--json", *options, COMMUNIQUE_DATA_DIR=str(collected)))
        assert found["raw"] == ("ok", f"{total} of {total} stored replies compared with their hashes: all are whole; ")
        assert found["files"] == ("ok", "1 of 1 stored files compared with their hashes: all are whole; ")


@pytest.mark.parametrize("options", [(), ("--all",)])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("zstd = CAST('no frame' AS BLOB)", "cannot be decompressed"),
        ("zstd = CAST('' AS BLOB)", "cannot be decompressed"),
        ("(zstd, text_id) = (SELECT zstd, text_id FROM raw WHERE bytes > 1000 LIMIT 1)", "does not have its 67 bytes"),
        (
            "(zstd, bytes, text_id) = (SELECT zstd, bytes, text_id FROM raw WHERE bytes > 1000 LIMIT 1)",
            "does not hold what its hash says",
        ),
    ],
)
def test_damaged_raw_bytes_are_named_with_their_post(
    inside: Program, collected: Path, damage: str, said: str, options: tuple[str, ...]
) -> None:
    with Archive(collected / "communique.db") as archive, archive.writing() as writer:
        where = "sha256 = (SELECT raw_sha256 FROM revisions_readable WHERE native_id = '2')"
        writer.execute(f"UPDATE raw SET {damage} WHERE {where}")
        [sha256] = writer.column("SELECT raw_sha256 FROM revisions_readable WHERE native_id = '2'")
    ran = inside("doctor", "--json", *options, COMMUNIQUE_DATA_DIR=str(collected))
    assert ran.returncode == 1
    verdict, text = verdicts(ran)["raw"]
    assert verdict == "fail"
    assert re.sub(r"its \d+ bytes", "its 67 bytes", text).startswith(
        f"1 of {replies(collected)} stored replies damaged: spokesman/2 ({sha256[:12]}…) {said}; check the disk"
    )


@pytest.mark.parametrize("options", [(), ("--all",)])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "cannot be read (No such file or directory)"),
        (lambda path: path.write_bytes(b"OggS and what was sAid"), "does not hold what its name says"),
        (lambda path: path.write_bytes(b"OggS"), "has 4 of 22 bytes"),
        (
            lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
            "cannot be read (Too many levels of symbolic links)",
        ),
        (make_pipe, "is not a file"),
    ],
)
def test_a_damaged_file_is_named_with_its_post(
    inside: Program, collected: Path, damage: Callable[[Path], object], said: str, options: tuple[str, ...]
) -> None:
    [path] = [path for path in (collected / "media").rglob("*") if path.is_file()]
    path.chmod(0o600)
    damage(path)
    ran = inside("doctor", "--json", *options, COMMUNIQUE_DATA_DIR=str(collected))
    assert ran.returncode == 1
    verdict, text = verdicts(ran)["files"]
    assert (verdict, text.partition("; ")[0]) == ("fail", f"1 of 1 stored files damaged: spokesman/1: {path} {said}")


def test_the_first_damaged_ones_are_named_and_the_others_counted(inside: Program, collected: Path) -> None:
    with Archive(collected / "communique.db") as archive, archive.writing() as writer:
        writer.execute("UPDATE raw SET zstd = CAST('no frame' AS BLOB)")
    verdict, text = verdicts(inside("doctor", "--json", COMMUNIQUE_DATA_DIR=str(collected)))["raw"]
    assert (verdict, text.count("cannot be decompressed")) == ("fail", 3)
    total = replies(collected)
    assert f"{total} of {total} stored replies damaged" in text
    assert f"; and {total - 3} more; " in text


def test_a_sample_is_some_hundred_and_all_is_all(inside: Program, fresh: Archive) -> None:
    with fresh.writing() as writer:
        raws = [Raw(f"{number}".encode(), "text/plain") for number in range(1200)]
        save_raw(writer, [(address_of(raw), raw, None) for raw in raws])
    fresh.close()
    data = str(fresh.path.parent)
    for options, compared in (((), "300"), (("--all",), "1,200")):
        found = verdicts(inside("doctor", "--json", *options, COMMUNIQUE_DATA_DIR=data))
        assert found["raw"][1].startswith(f"{compared} of 1,200 stored replies compared")
