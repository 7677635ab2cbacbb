"""Files through the whole line: heard of at once, fetched, heard, told as a reply; and kill -9 at every turn."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.world import Faults, World, run_in_thread
from bot.world.state import WorldFile
from storage.records import MediaKind
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD, world_of

CONFIG = (
    HEAD
    + """\
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
alert_on = ["voice"]
alert_targets = ["hook"]
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[[engines]]
name = "ears"
kind = "program"
program = ["{program}", "{{file}}"]
timeout = "60s"
[[engines]]
name = "eyes"
kind = "program"
makes = "ocr"
program = ["{program}", "{{file}}"]
timeout = "60s"
"""
)
HEARS = """
import json, sys
words = "We lost contact with the regional command."
print(json.dumps({"text": words, "language": "en", "confidence": 0.9, "model": "stub",
                  "segments": [{"start_s": 1.5, "end_s": 4, "text": words}]}))
"""


def program(desk: Desk, body: str) -> Path:
    path = desk.directory / "ears.py"
    path.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    path.chmod(0o755)
    return path


def spoken(world: World, name: str = "note.ogg") -> int:
    return world.publish("spokesman_office", "", attachments=[WorldFile("voice", name, duration="0:04")])


def rows(desk: Desk, statement: str) -> list[dict[str, Any]]:
    with desk.archive.reading() as reader:
        return [dict(row) for row in reader.execute(statement)]


def test_a_voice_note_alerts_with_its_bytes_stored_and_its_words_follow(
    desk: Desk, sink: Sink, until: Until, check_invariants: Callable[..., None]
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, HEARS)))
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        number = spoken(world)
        until(lambda: len(sink.ids()) == 2, "the alert and what the note says")
        desk.stop()
    first, second = (document["data"] for _, document in sink.received)
    assert (first["rule"], second["rule"]) == ("media:spokesman", "command")
    [file] = first["post"]["media"]
    assert file["state"] == "stored"
    stored = desk.directory / "data" / file["path"]
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == file["sha256"]
    assert second["matched"][0] == {"text": "regional", "start": 25, "end": 33, "in": "transcript"} or (
        second["matched"][0]["in"] == "transcript"
    )
    assert "Traceback" not in desk.said()
    found = desk.run("search", 'in:transcript "regional command"', "--json")
    assert json.loads(found.stdout)[0]["native_id"] == str(number)
    assert "0:01  We lost contact" in desk.run("show", f"spokesman/{number}").stdout
    check_invariants(desk.archive)


def test_one_pass_does_it_all(desk: Desk, sink: Sink) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, HEARS)))
        desk.run("run", "--once")
        spoken(world)
        world.publish("spokesman_office", "", attachments=[WorldFile("photo", "page.png")])
        desk.run("run", "--once")
    assert [document["data"]["rule"] for _, document in sink.received].count("media:spokesman") == 1
    assert len(sink.ids()) == 3
    assert {row["kind"] for row in rows(desk, "SELECT kind FROM texts WHERE engine IS NOT NULL")} == {
        "transcript",
        "ocr",
    }


@pytest.mark.parametrize(
    ("kind", "file", "made", "alerts"),
    [("voice", "note.ogg", "transcript", ["media:spokesman", "command"]), ("photo", "page.png", "ocr", ["command"])],
)
def test_a_kill_during_a_job_has_it_done_again_once(
    kind: MediaKind,
    file: str,
    made: str,
    alerts: list[str],
    desk: Desk,
    sink: Sink,
    until: Until,
    check_invariants: Callable[..., None],
) -> None:
    """The first program marks its folder and hangs; the next one answers. A second death would leave the file alone."""
    world = world_of("spokesman_office")
    hangs = "import time\nopen('begun', 'w').close()\ntime.sleep(100)\n"
    begun: set[Path] = set()

    def begins() -> bool:
        new = set((desk.directory / "data" / "work").glob("*/begun")) - begun
        begun.update(new)
        return bool(new)

    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, hangs)))
        desk.run("run", "--once")
        world.publish("spokesman_office", "", attachments=[WorldFile(kind, file)])
        desk.start("run")
        until(begins, "the job")
        desk.kill()
        program(desk, HEARS)
        desk.start("run")
        until(lambda: len(sink.ids()) == len(alerts), "the alerts")
        desk.stop()
    assert [row["kind"] for row in rows(desk, "SELECT kind FROM texts WHERE engine IS NOT NULL")] == [made]
    assert rows(desk, "SELECT * FROM given_up") == []
    assert not any((desk.directory / "data" / "work").iterdir())
    assert [document["data"]["rule"] for _, document in sink.received] == alerts
    check_invariants(desk.archive)


def test_a_kill_during_a_fetch_leaves_no_orphan_and_fetches_again(
    desk: Desk, sink: Sink, until: Until, check_invariants: Callable[..., None]
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, HEARS)))
        desk.run("run", "--once")
        for number in range(5):
            for part in range(4):
                spoken(world, f"note-{number}-{part}.ogg")
            desk.start("run")
            until(
                lambda count=number: len(rows(desk, "SELECT id FROM media")) > count * 4,  # type: ignore[misc]
                "new files",
            )
            desk.kill()
        desk.run("run", "--once")
    stored = rows(desk, "SELECT * FROM media")
    assert {row["state"] for row in stored} == {"stored"}
    root = desk.directory / "data" / "media"
    blobs = [path for path in root.rglob("*") if path.is_file()]
    assert {path.name for path in blobs} == {row["sha256"] for row in stored}
    for path in blobs:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        assert path.stat().st_nlink == 1
    check_invariants(desk.archive)


def test_bad_input_50_a_program_that_fails_three_times_costs_one_file_and_is_told(desk: Desk, sink: Sink) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, "raise SystemExit(7)")))
        desk.run("run", "--once")
        spoken(world)
        for _ in range(3):
            desk.run("run", "--once")
            with desk.archive.writing() as writer:
                writer.execute("UPDATE jobs SET due_at = 0 WHERE kind = 'transcript'")
    [given_up] = rows(desk, "SELECT * FROM given_up")
    assert given_up["kind"] == "transcript"
    assert "exit code 7" in given_up["reason"]
    [notice] = rows(desk, "SELECT text FROM notices WHERE text LIKE '%exit code 7%'")
    assert "to try again, run `communique media read" in notice["text"]
    assert len(sink.ids()) == 1, "the file itself has alerted"


def test_a_source_that_fails_holds_up_no_file_and_files_no_source(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url, program=program(desk, HEARS)))
        desk.run("run", "--once")
        spoken(world)
        desk.run("run", "--once")
        world.set_faults("spokesman_office", Faults(status=503))
        with desk.archive.writing() as writer:
            writer.execute("UPDATE media SET state = 'pending', sha256 = NULL, next_try_at = 0")
        desk.run("run", "--once", code=1)
    assert [row["state"] for row in rows(desk, "SELECT state FROM media")] == ["stored"]
