"""After the upgrade of an older archive its full-text index is moved by `run`, and search finds the same all the time."""

import asyncio
import json

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.daemon.moving_index import MovingIndex
from storage.archive.database import REVISIONS, Archive
from storage.migrations import migrate
from storage.records import FetchedPost, Raw
from tests.desk import Desk
from tests.older_archive import OlderSource, write_archive

NOW = 1_764_000_000_000_000
CONFIG = """
[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
"""


def test_the_index_moves_while_the_daemon_runs_and_waits_for_room_on_the_disk(desk: Desk) -> None:
    desk.write(CONFIG)
    (desk.directory / "posts.jsonl").write_text("")
    posts = [
        FetchedPost(str(number), Raw(b"{}", "application/json"), f"{number}: the army left", number, NOW)
        for number in range(1, 601)
    ]
    write_archive(desk.database, REVISIONS[-2], NOW, [OlderSource("wire", "replay", posts)], [])
    with Archive(desk.database) as archive:
        migrate.ensure(archive, now=NOW)
        said: list[str] = []
        moving = MovingIndex(AsyncArchive(archive), Clock(), said.append, lambda: 150_000_000)
        assert [asyncio.run(moving.do_some()) for _ in range(2)] == [False, False]
        [lacks] = said
        assert "50 MB more than is free" in lacks

    def answer(*words: str) -> str:
        return desk.run(*words).stdout

    found = json.loads(answer("status", "--json"))["moving_index"]
    assert 50_000_000 < found.pop("lacking_bytes") < 60_000_000
    assert found == {"done": 0, "total": 600, "seconds_left": None}
    assert "more of free disk is needed to move it" in answer("status")
    assert answer("search", "army -navy", "--count") == "600\n"
    ran = desk.run("run", "--once")
    assert "the full-text index is moved to a new form" in ran.stderr
    assert "the full-text index has its new form" in ran.stderr
    assert json.loads(answer("status", "--json"))["moving_index"] is None
    assert answer("search", "army -navy", "--count") == "600\n"
