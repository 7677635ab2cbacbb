"""After an upgrade that reads words better, older posts are indexed again; killed at any moment, nothing is lost."""

import json
import random
import signal
from functools import partial
from pathlib import Path

from storage.archive import full_text
from storage.archive.database import Archive
from storage.archive.packed_words import FOLDED
from storage.language.fold import fold
from storage.language.version import FOLD_VERSION
from tests.desk import Desk, Until

POSTS = 1_500
CONFIG = """
[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
"""


def age(database: Path) -> None:
    """Make every text what an older version, which cut words at dots, had made of it."""
    with Archive(database) as archive, archive.writing() as writer:
        writer.execute("INSERT INTO posts_index (posts_index) VALUES ('delete-all')")
        worse = f"replace({FOLDED.format('')}, 'kia', 'k i a')"
        writer.execute(f"UPDATE texts SET fold_version = 1, folded = {worse}, packed = NULL")
        writer.execute("INSERT INTO posts_index (posts_index) VALUES ('rebuild')")


def texts(database: Path) -> list[tuple[int, str, str]]:
    with Archive(database) as archive:
        with archive.reading() as reader:
            rows = reader.rows(f"SELECT fold_version, {FOLDED.format('')}, text FROM texts ORDER BY id")
        assert full_text.agrees(archive)
    return [tuple(row) for row in rows]


def done(database: Path) -> int:
    with Archive(database).reading() as reader:
        return int(reader.value("SELECT count(*) FROM texts WHERE fold_version = :now", {"now": FOLD_VERSION}))


def has_done(database: Path, wanted: int) -> bool:
    return done(database) >= wanted


def test_older_posts_are_found_before_while_and_after_they_are_indexed_again(desk: Desk, until: Until) -> None:
    desk.write(CONFIG)
    lines = [
        {
            "native_id": str(number),
            "posted_at": "2026-11-20T01:00:00Z",
            "text": f"{number}: the KIA left the town. {'Nothing else is known. ' * 20}",
        }
        for number in range(1, POSTS + 1)
    ]
    (desk.directory / "posts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    desk.run("run", "--once")
    age(desk.database)

    def indexing() -> dict[str, int] | None:
        found: dict[str, int] | None = json.loads(desk.run("status", "--json").stdout)["indexing"]
        return found

    assert indexing() == {"done": 0, "total": POSTS}
    assert "index       0 of 1,500 texts" in desk.run("status").stdout
    found = desk.run("search", "KIA", "--count")
    assert found.stdout == f"{POSTS}\n"
    assert "being indexed again" in found.stderr

    chance = random.Random(7)
    for _ in range(3):
        daemon = desk.start("run")
        try:
            wanted = done(desk.database) + chance.randrange(1, 250)
            until(partial(has_done, desk.database, wanted), "some texts that are indexed again")
        finally:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        for version, folded, text in texts(desk.database):
            assert folded == (fold(text) if version == FOLD_VERSION else fold(text).replace("kia", "k i a"))

    done_at_last = desk.run("run", "--once")
    assert indexing() is None
    found = desk.run("search", "KIA", "--count")
    assert (found.stdout, found.stderr) == (f"{POSTS}\n", "")
    assert "the index of all posts is up to date" in done_at_last.stderr
    assert all((version, folded) == (FOLD_VERSION, fold(text)) for version, folded, text in texts(desk.database))
