"""What breaks is said once when it begins and once when it is over: by whom it began may be dead by then."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.incidents import Incidents
from storage.archive.connections import connect
from storage.archive.database import REVISIONS, Archive
from storage.migrations import migrate

EARS = "engine ears"


def in_one_process(archive: Any, *steps: tuple[str, ...]) -> list[str]:
    """What a process says on stderr in which engines and files fare so."""
    said: list[str] = []

    async def live() -> None:
        store = AsyncArchive(archive)
        incidents = Incidents(store, Clock(), said.append, ["desk"])
        for about, *what in steps:
            await (incidents.begin(about, *what) if what else incidents.end(about))
        await store.aclose()

    asyncio.run(live())
    return said


def noticed(archive: Any) -> list[tuple[str, int]]:
    """The notices, each with the number of messages to the target that is marked health."""
    with archive.reading() as reader:
        rows = reader.execute(
            "SELECT text, (SELECT count(*) FROM deliveries WHERE json_extract(payload, '$.text') = text) AS sent "
            "FROM notices ORDER BY id"
        ).fetchall()
    return [(row["text"], row["sent"]) for row in rows]


def test_a_trouble_that_outlives_processes_is_said_once_and_so_is_its_end(archive: Any) -> None:
    assert in_one_process(archive, (EARS, "is deaf"), (EARS, "is deaf")) == ["engine ears is deaf"]
    assert in_one_process(archive, (EARS, "is deaf")) == ["engine ears is deaf"], "a new stderr hears of it"
    assert noticed(archive) == [("engine ears is deaf", 1)]
    assert in_one_process(archive, (EARS,), (EARS,)) == ["engine ears works again"]
    assert noticed(archive)[1:] == [("engine ears works again", 1)]


def test_where_nothing_was_wrong_nothing_is_said(archive: Any) -> None:
    assert in_one_process(archive, (EARS,), ("files",)) == []
    assert noticed(archive) == []


def test_it_may_break_again_in_other_words_and_the_same(archive: Any) -> None:
    steps = [
        (EARS, "is deaf"),
        (EARS, "has no model"),
        (EARS,),
        (EARS, "is deaf"),
        ("files of x", "wait"),
        ("files of x",),
    ]
    sentences = [
        "engine ears is deaf", "engine ears has no model", "engine ears works again", "engine ears is deaf",
        "files of x wait", "files of x are fetched again",
    ]  # fmt: skip
    assert in_one_process(archive, *steps) == sentences
    assert [text for text, _ in noticed(archive)] == sentences


def test_a_trouble_whose_words_end_like_good_news_lasts(archive: Any) -> None:
    assert in_one_process(archive, (EARS, "is not what works again")) == ["engine ears is not what works again"]
    assert in_one_process(archive, (EARS,)) == ["engine ears works again"]


def test_an_archive_of_the_version_before_keeps_its_open_troubles(tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=0, steps=migrate.Steps(REVISIONS[: REVISIONS.index("0005")]))
        with closing(connect(archive.path, mode="rw")) as old:
            for about, text in (
                ("engine ears", "engine ears is deaf"),
                ("engine eyes", "engine eyes is blind"),
                ("engine eyes", "engine eyes works again"),
                ("files", "files go on"),
                ("source x", "source x: failing"),
            ):
                old.execute("INSERT INTO notices (at, about, text) VALUES (0, ?, ?)", (about, text))
        migrate.ensure(archive, now=0)
        assert in_one_process(archive, (EARS,), ("engine eyes",), ("files",)) == ["engine ears works again"]
