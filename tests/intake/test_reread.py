"""A better reader comes: what it finds in stored bytes is found from then on, and nothing of that is an event."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.clock import MINUTE, Clock
from bot.contracts.source import SourceSettings, Want
from bot.errors import Later, Never
from bot.intake.poll import Intake, Round
from bot.intake.reread import Rereading
from storage.archive.database import Archive
from storage.posts import reading
from storage.posts.progress import count_reread
from storage.records import Batch, Checked, FetchedMedia, FetchedPost, Link, Raw, StoredRaw
from storage.sources import states

NOW = 1_763_800_000_000_000
Document = dict[str, Any]


class Board:
    """A notice board whose readers grow: the first reads `text`, the second `more`, `link`, `file` and `at` too."""

    pages = False
    checks = False

    def __init__(self, reader_number: int = 1) -> None:
        self.settings = SourceSettings(name="board", kind="feed")
        self.reader_number = reader_number
        self.notices: list[Document] = []
        self.fails = False

    def show(self, *notices: Document) -> None:
        self.notices = list(notices)

    def read(self, raw: Raw) -> FetchedPost:
        document = json.loads(raw.data)
        post = FetchedPost(str(document["id"]), raw, document["text"], posted_at=NOW, posted_raw="a time")
        if self.reader_number == 1:
            return post
        return replace(
            post,
            text=f"{document['text']} {document.get('more', '')}".strip(),
            links=tuple(Link(url, url) for url in document.get("link", ())),
            media=tuple(FetchedMedia("photo", url, url) for url in document.get("file", ())),
            posted_at=document.get("at", NOW),
            attached=tuple(document.get("beside", ())),
        )

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        assert want.kind == "newest"
        raws = [Raw(json.dumps(notice).encode(), "application/json") for notice in self.notices]
        return Batch(posts=tuple(self.read(raw) for raw in raws), cursor=cursor or "-")

    async def check(self, native_id: str) -> Checked:
        raise Never(f"a board cannot be asked for {native_id}")

    async def reread(self, stored: Sequence[StoredRaw]) -> list[FetchedPost | None]:
        if self.fails:
            raise Later("not now")
        return [None if b"unreadable" in one.raw.data else self.read(one.raw) for one in stored]


Rounds = Callable[[Board], Awaitable[Round]]


def play(archive: Archive, step: Callable[[AsyncArchive, Rounds], Awaitable[None]]) -> None:
    """Run `step`; its second argument makes one round, each of a process of its own."""

    async def go() -> None:
        clock, store = Clock(now=lambda: NOW), AsyncArchive(archive)
        await store.run(states.declare, [states.Declared("board", "feed")], NOW)

        async def round_(board: Board) -> Round:
            row = await store.read(states.find_source, "board")
            assert row is not None
            return await Intake(store, clock, lambda: None, lambda: 0.5, list).round(board, row, MINUTE)

        try:
            await step(store, round_)
        finally:
            await store.aclose()

    asyncio.run(go())


async def reread_all(store: AsyncArchive, board: Board) -> int:
    """The background job to its end, each step in a process of its own; how many steps did something."""
    steps = 0
    while await Rereading(store, Clock(now=lambda: NOW), {"board": board}).do_some():
        steps += 1
        assert steps < 100
    return steps


def found(archive: Archive, word: str) -> list[str]:
    with archive.reading() as reader:
        return reader.column(
            "SELECT p.native_id FROM posts_index i JOIN posts p ON p.id = i.rowid WHERE posts_index MATCH :word "
            "ORDER BY p.native_id",
            {"word": f"- earlier : {word}"},
        )


def count(archive: Archive, what: str) -> int:
    with archive.reading() as reader:
        return int(reader.value(f"SELECT count(*) FROM {what}"))


def clear_decisions(archive: Archive) -> None:
    with archive.writing() as writer:
        writer.execute("DELETE FROM jobs")


NOTICE: Document = {"id": 1, "text": "The bridge is open.", "more": "The ferry has left.", "at": NOW - MINUTE}


def test_what_only_a_better_reader_sees_is_found_and_is_no_event(archive: Archive) -> None:
    notice = NOTICE | {"link": ["https://example.org/a"], "file": ["https://example.org/a.jpg"]}

    async def step(_: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        for each in (board, better):
            each.show(notice)
        await round_(board)
        clear_decisions(archive)
        for _turn in range(2):
            after = await round_(better)
            assert (after.new, after.revised, after.unchanged) == (0, 0, 1)

    play(archive, step)
    assert found(archive, "ferry") == found(archive, "bridge") == ["1"]
    assert (count(archive, "revisions"), count(archive, "jobs"), count(archive, "rereadings")) == (1, 0, 1)
    with archive.reading() as reader:
        [post] = reading.read_posts(reader, reader.column("SELECT id FROM posts"))
        assert reader.value("SELECT count(*) FROM texts WHERE text = 'The bridge is open.' AND current = 0") == 1
    assert post.text == "The bridge is open. The ferry has left."
    assert (post.links, post.posted_at) == (
        (Link("https://example.org/a", "https://example.org/a"),),
        NOW - MINUTE,
    )
    assert (len(post.media), post.reread_at, post.revisions) == (1, NOW, 1)


def test_a_better_reader_that_finds_the_same_leaves_no_mark_that_people_see(archive: Archive) -> None:
    """It says that it looked for words beside the text, and later such words are an edit."""
    notice = {"id": 1, "text": "The bridge is open."}

    async def step(_: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        for each in (board, better):
            each.show(notice)
            await round_(each)
        clear_decisions(archive)
        with archive.reading() as reader:
            [post] = reading.read_posts(reader, reader.column("SELECT id FROM posts"))
            assert (post.reread_at, post.text) == (None, "The bridge is open.")
        better.show(notice | {"beside": ["The ferry has left."]})
        assert (await round_(better)).revised == 1

    play(archive, step)


def test_bytes_that_change_without_an_edit_are_compared_by_what_the_better_reader_reads(archive: Archive) -> None:
    async def step(_: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        board.show(NOTICE | {"views": 1})
        better.show(NOTICE | {"views": 2})
        await round_(board)
        assert (await round_(better)).revised == 0

    play(archive, step)
    assert found(archive, "ferry") == ["1"]


def test_a_true_edit_is_an_edit_of_what_the_better_reader_reads(archive: Archive) -> None:
    async def step(_: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        board.show(NOTICE)
        better.show(NOTICE | {"text": "The bridge is closed."})
        await round_(board)
        assert (await round_(better)).revised == 1

    play(archive, step)
    with archive.reading() as reader:
        before = reader.value("SELECT text FROM revisions_readable WHERE number = 1")
        after = reader.value("SELECT text FROM revisions_readable WHERE number = 2")
    assert (before, after) == ("The bridge is open. The ferry has left.", "The bridge is closed. The ferry has left.")


def test_posts_that_nothing_shows_any_more_are_read_again_in_steps_that_may_end_anywhere(archive: Archive) -> None:
    async def step(store: AsyncArchive, round_: Rounds) -> None:
        board = Board(1)
        board.show(*(NOTICE | {"id": number} for number in range(90)))
        await round_(board)
        clear_decisions(archive)
        assert await reread_all(store, Board(1)) == 0
        better = Board(2)
        assert await Rereading(store, Clock(now=lambda: NOW), {"board": better}).do_some()
        progress = await store.read(count_reread)
        assert progress is not None
        assert (0 < progress.done < 90, progress.total) == (True, 90)
        assert await reread_all(store, better) == 1
        assert await store.read(count_reread) is None

    play(archive, step)
    assert len(found(archive, "ferry")) == 90
    assert (count(archive, "revisions"), count(archive, "jobs"), count(archive, "rereadings")) == (90, 0, 90)


def test_a_source_that_cannot_be_read_again_now_holds_up_no_other(archive: Archive) -> None:
    async def step(store: AsyncArchive, _: Rounds) -> None:
        clock = Clock(now=lambda: NOW)
        await store.run(states.declare, [states.Declared("board", "feed"), states.Declared("other", "feed")], NOW)
        for name, word in (("board", "ferry"), ("other", "bridge")):
            board = Board(1)
            board.show({"id": 1, "text": "Closed", "more": word})
            row = await store.read(states.find_source, name)
            assert row is not None
            await Intake(store, clock, lambda: None, lambda: 0.5, list).round(board, row, MINUTE)
        clear_decisions(archive)
        failing, better = Board(2), Board(2)
        failing.fails = True
        rereading = Rereading(store, clock, {"board": failing, "other": better})
        assert [await rereading.do_some() for _ in range(2)] == [True, False]

    play(archive, step)
    assert (found(archive, "bridge"), found(archive, "ferry")) == (["1"], [])


def test_a_post_that_rules_have_not_seen_waits_for_them(archive: Archive) -> None:
    async def step(store: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        board.show(NOTICE)
        await round_(board)
        assert await reread_all(store, better) == 0
        clear_decisions(archive)
        assert await reread_all(store, better) == 1

    play(archive, step)


def test_bytes_that_cannot_be_read_again_stay_as_they_were_read_and_alert_nobody(archive: Archive) -> None:
    async def step(store: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        notice = NOTICE | {"text": "An unreadable notice."}
        board.show(notice)
        await round_(board)
        clear_decisions(archive)
        await reread_all(store, better)
        assert found(archive, "unreadable") == ["1"]
        assert found(archive, "ferry") == []
        assert await store.read(count_reread) is None
        better.show(notice | {"views": 2})
        assert (await round_(better)).revised == 0
        better.show(notice | {"text": "It was edited."})
        assert (await round_(better)).revised == 1

    play(archive, step)


def test_a_failure_to_read_again_ends_the_round_before_anything_is_compared(archive: Archive) -> None:
    async def step(store: AsyncArchive, round_: Rounds) -> None:
        board, better = Board(1), Board(2)
        board.show(NOTICE)
        better.show(NOTICE | {"views": 2})
        await round_(board)
        clear_decisions(archive)
        better.fails = True
        assert isinstance((await round_(better)).error, Later)
        assert await reread_all(store, better) == 0
        better.fails = False
        after = await round_(better)
        assert (after.error, after.revised) == (None, 0)

    play(archive, step)


def test_the_archive_refuses_to_change_what_was_read_again(archive: Archive) -> None:
    async def step(_: AsyncArchive, round_: Rounds) -> None:
        for board in (Board(1), Board(2)):
            board.show(NOTICE)
            await round_(board)

    play(archive, step)
    for statement in ("UPDATE rereadings SET text = 'x'", "DELETE FROM rereadings"):
        with pytest.raises(Exception, match="never changed or removed"), archive.writing() as writer:
            writer.execute(statement)
