"""What becomes of a file that was not read: given up, tried again, or put behind others."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import DAY, MINUTE, Clock
from bot.contracts.engine import EngineTools
from bot.enrich.choice import Choice
from bot.enrich.engines import build
from bot.enrich.engines.program import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.enrich.worker import FILES, Enricher
from bot.http import HttpRules
from bot.incidents import Incidents
from bot.world.files import ogg
from storage import jobs
from storage.jobs import NewJob
from storage.media import crashes
from storage.media import rows as media_rows
from storage.media.shelf import Shelf
from storage.records import FetchedMedia
from tests.enrich.test_sandbox import Hurried


@dataclass
class Ward:
    """Two fresh voice notes, an engine, and a clock that is set by hand."""

    desk: Any
    folder: Path
    time: int
    up_s: float = 100.0  # how long the process has been healthy
    said: list[str] = field(default_factory=list)

    def read(self, body: str, *, times: int = 1, clock_s: float | None = None, until: int = 0, **keys: Any) -> int:
        """How many jobs a worker does with this program."""
        program = self.folder / "program.py"
        program.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
        program.chmod(0o755)
        fields = {"name": "own", "kind": "program", "program": [str(program), "{file}"]} | keys
        engine: Any = build(Settings.model_validate(fields), EngineTools(self.folder))
        engine = engine if clock_s is None else Hurried(engine, clock_s)

        async def live() -> int:
            store = AsyncArchive(self.desk.archive)
            clock = Clock(now=lambda: self.time, monotonic=lambda: up_s)
            up_s = 0.0
            claims = Claims(clock)
            up_s = self.up_s
            enricher = Enricher(
                store=store,
                clock=clock,
                claims=claims,
                sandbox=Sandbox(self.folder, HttpRules("test")),
                choice=Choice((engine,), {"spokesman": ()}, {"spokesman": ()}),
                hotwords=(),
                stored=lambda: None,
                incidents=Incidents(store, clock, self.said.append, ["desk"]),
            )
            done = 0
            for _ in range(times):
                done += await enricher.work(until or self.time, FILES)
                self.time += DAY if times > 2 else 0
            await store.aclose()
            return done

        return asyncio.run(live())

    def jobs(self) -> list[tuple[str, int, int, int]]:
        """Of each that waits: its file, how often it failed, whether it is behind, and the minutes until it is due."""
        found = self.desk.rows(
            "SELECT slot, attempts, patient, due_at FROM jobs WHERE kind = 'transcript' AND claimed_until IS NULL ORDER BY slot"
        )
        return [(slot, attempts, behind, (due - self.time) // MINUTE) for slot, attempts, behind, due in found]

    def given_up(self) -> list[str]:
        return [reason for (reason,) in self.desk.rows("SELECT reason FROM given_up")]


@pytest.fixture
def ward(desk: Any, make_post: Callable[..., Any], tmp_path: Path, now: int) -> Ward:
    folder = tmp_path / "data"
    note = FetchedMedia("voice", "v", url="https://cdn.example/v.ogg")
    desk.save(make_post(1, media=(note,)), make_post(2, media=(note,)))
    with Shelf(folder).arriving(1) as sink:
        sink.write(ogg(2))
        kept = sink.keep()
    with desk.archive.writing() as writer:
        for media_id in (1, 2):
            media_rows.mark_stored(writer, media_id, kept, now)
            post_id = writer.value(f"SELECT post_id FROM media WHERE id = {media_id}")
            jobs.enqueue(writer, [NewJob("transcript", post_id, now, str(media_id), background=False)])
    return Ward(desk, folder, now)


def test_a_file_that_the_clock_ended_is_tried_later_behind_others_and_its_engine_reads_on(ward: Ward) -> None:
    assert ward.read("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", clock_s=3) == 1
    assert ward.jobs() == [("1", 0, 0, 0), ("2", 0, 1, 10)]
    assert ward.read("print('words')", times=2) == 1
    ward.time += 11 * MINUTE
    assert ward.read("print('words')") == 1
    assert (ward.jobs(), ward.given_up(), ward.said) == ([], [], [])


def test_a_file_that_the_clock_ends_again_and_again_is_never_given_up_and_people_hear_of_it_once(ward: Ward) -> None:
    hangs = "import sys, time\nif b'x' not in b'': time.sleep(100)"
    assert ward.read(hangs, clock_s=2, times=5) == 5
    assert [(slot, attempts, behind) for slot, attempts, behind, _ in ward.jobs()] == [("1", 0, 0), ("2", 0, 1)]
    assert ward.given_up() == []
    [said] = ward.said
    assert "is tried again and again: not finished after 2 s" in said


def test_a_file_whose_reading_costs_too_much_is_given_up_after_three_times(ward: Ward) -> None:
    assert ward.read("while True: pass", timeout="1s", times=3, until=ward.time + 400 * DAY) == 3
    [said] = ward.given_up()  # by our own count or by the kernel's, whichever is first
    assert said.startswith("engine own: ")
    assert said.endswith("exceeded its processor time")


def test_a_file_during_whose_reading_the_process_died_twice_waits_until_the_process_is_healthy(ward: Ward) -> None:
    for _ in range(2):
        with ward.desk.archive.writing() as writer:
            crashes.begin_reading(writer, 2, ward.time)
            crashes.count(writer, ward.time)
    ward.up_s = 10
    assert ward.read("print('words')", times=2) == 2
    assert ward.jobs() == [("2", 0, 0, 0)]  # it is due in 50 seconds
    assert ward.desk.rows("SELECT id FROM media WHERE read_by IS NOT NULL") == [(1,)]
    ward.up_s, ward.time = 100, ward.time + MINUTE
    assert ward.read("print('words')") == 1
    assert ward.jobs() == []
    assert ward.desk.rows("SELECT id FROM media WHERE read_by IS NOT NULL AND crashes IS NULL") == [(1,), (2,)]
