"""First contact with a source that delivers in parts, and is interrupted between two of them."""

import asyncio
import json
from pathlib import Path

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.clock import MINUTE, Clock
from bot.contracts.source import Source, SourceTools, Want
from bot.errors import Later
from bot.http import Http, HttpRules
from bot.intake.poll import Intake, Round
from storage.archive.database import Archive
from storage.records import Batch
from storage.sources import states

LINES = 350  # a reply of a file holds 200


def written(native_id: str) -> str:
    return json.dumps({"native_id": native_id, "posted_at": None, "text": f"post {native_id}"}) + "\n"


class Interrupted:
    """A source that is cut off after its first reply."""

    def __init__(self, source: Source) -> None:
        self.settings, self.pages, self.checks = source.settings, source.pages, source.checks
        self._source, self._replies = source, 0

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        self._replies += 1
        if self._replies > 1:
            raise Later("cut off")
        return await self._source.fetch(want, cursor)

    check = None


class Flickering:
    """A source that fails, and leaves something for its next fetch."""

    def __init__(self, source: Source) -> None:
        self.settings, self.pages, self.checks = source.settings, source.pages, source.checks
        self.given: list[str | None] = []

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        self.given.append(cursor)
        raise Later("it alternates", cursor="seen once" if cursor is None else None)

    check = None


def test_what_a_failure_leaves_is_given_to_the_next_fetch_and_to_those_after_it(
    archive: Archive, tmp_path: Path
) -> None:
    async def live() -> list[str | None]:
        clock, store = Clock(), AsyncArchive(archive)
        http = Http(HttpRules("tests"), clock)
        settings = kinds.settings_of("replay").model_validate({"name": "it", "kind": "replay", "path": "it.jsonl"})
        source = Flickering(kinds.build(settings, SourceTools(http, clock, tmp_path)))
        await store.run(states.declare, [states.Declared("it", "replay")], clock.now())
        try:
            for _ in range(3):
                row = await store.read(states.find_source, "it")
                assert row is not None
                intake = Intake(store, clock, lambda: None, lambda: 0.5, list)
                await intake.round(source, row, MINUTE)  # type: ignore[arg-type]  # a file cannot be checked
        finally:
            await http.aclose()
            await store.aclose()
        return source.given

    assert asyncio.run(live()) == [None, "seen once", "seen once"]


def test_a_first_contact_in_parts_takes_every_part_though_it_is_interrupted_and_alerts_nobody(
    archive: Archive, tmp_path: Path
) -> None:
    lines = [written(str(number)) for number in range(LINES)]
    (tmp_path / "past.jsonl").write_text("".join(lines), encoding="utf-8")

    async def live() -> None:
        clock, store = Clock(), AsyncArchive(archive)
        http = Http(HttpRules("tests"), clock)
        entry = {"name": "past", "kind": "replay", "path": "past.jsonl", "backfill": 100}
        settings = kinds.settings_of("replay").model_validate(entry)
        source = kinds.build(settings, SourceTools(http, clock, tmp_path))
        await store.run(states.declare, [states.Declared("past", "replay")], clock.now())

        async def round_(asked: Source) -> Round:
            row = await store.read(states.find_source, "past")
            assert row is not None
            return await Intake(store, clock, lambda: None, lambda: 0.5, list).round(asked, row, MINUTE)

        try:
            first = await round_(Interrupted(source))  # type: ignore[arg-type]  # a file cannot be checked
            assert (first.new, str(first.error)) == (200, "cut off")
            assert (await round_(source)).new == LINES - 200, "as much as a first contact in one go"
            with (tmp_path / "past.jsonl").open("a", encoding="utf-8") as file:
                file.write(written("new"))
            assert (await round_(source)).new == 1
        finally:
            await http.aclose()
            await store.aclose()

    asyncio.run(live())
    with archive.reading() as reader:
        assert reader.column("SELECT native_id FROM posts WHERE alerts = 1") == ["new"]
        assert reader.value("SELECT count(*) FROM posts WHERE alerts = 0") == LINES
