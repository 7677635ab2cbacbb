"""How things came to us is kept beside them: once for each fetch, and never changed."""

from collections.abc import Callable
from typing import Any

import pytest

from storage.archive.sqlite import sqlite3
from storage.posts import saving
from storage.posts.post_history import read_history
from storage.records import Batch, Checked, Fetch, FetchedPost
from storage.sources import states

MINUTE = 60_000_000
FETCH = Fetch(
    "telegram_web",
    "HTTP/1.1 200 OK",
    "https://example.org/s/spokesman",
    (("server", "nginx"), ("etag", '"နေ့"')),
    "ab" * 32,
)
Make = Callable[..., FetchedPost]


def save(desk: Any, at: int, fetch: Fetch | None, *posts: FetchedPost) -> None:
    with desk.archive.writing() as writer:
        saving.save(writer, desk.source_id, Batch(posts=posts, fetch=fetch), now=at, method="telegram_web", alerts=True)


def fetches(desk: Any, post_id: int) -> list[Fetch | None]:
    with desk.archive.reading() as reader:
        return [revision.fetch for revision in read_history(reader, post_id).revisions]


def test_every_revision_says_how_it_came_and_a_fetch_is_one_row(desk: Any, make_post: Make, now: int) -> None:
    save(desk, now, FETCH, make_post(1, "One."), make_post(2, "Two."))
    save(desk, now + MINUTE, Fetch("telegram_web", "HTTP/1.1 200 OK"), make_post(1, "One."), make_post(2, "Two."))
    [(first,), (second,)] = desk.rows("SELECT id FROM posts ORDER BY number")
    look = Checked("1", "present", "embed page", post=make_post(1, "Won."), fetch=Fetch("embed page", layer=229))
    with desk.archive.writing() as writer:
        assert saving.save_check(writer, first, look, now + 2 * MINUTE, apart=MINUTE) == "revised"
    assert fetches(desk, first) == [FETCH, Fetch("embed page", layer=229)]
    assert fetches(desk, second) == [FETCH]
    assert desk.rows("SELECT count(*) FROM fetches") == [(2,)]  # a page without news leaves nothing


def test_an_absence_says_how_the_answer_came(desk: Any, make_post: Make, now: int) -> None:
    save(desk, now, None, make_post(1, "One."))
    [(post_id,)] = desk.rows("SELECT id FROM posts")
    for minute, fetch in ((1, FETCH), (2, None), (3, FETCH)):
        gone = Checked("1", "absent", "embed page", control=True, fetch=fetch)
        with desk.archive.writing() as writer:
            saving.save_check(writer, post_id, gone, now + minute * MINUTE, apart=10 * MINUTE)
    with desk.archive.reading() as reader:
        assert [seen.fetch for seen in read_history(reader, post_id).observations] == [FETCH, None, FETCH]
    shown = desk.rows("SELECT fetch ->> 'url', fetch ->> 'certificate_sha256' FROM observations_readable")
    assert shown == [(FETCH.url, FETCH.certificate), (None, None), (FETCH.url, FETCH.certificate)]
    assert desk.rows("SELECT count(*) FROM fetches") == [(1,)]


def test_what_came_without_such_facts_has_none(desk: Any, make_post: Make, now: int) -> None:
    save(desk, now, None, make_post(1, "One."))
    [(post_id,)] = desk.rows("SELECT id FROM posts")
    assert fetches(desk, post_id) == [None]


@pytest.mark.parametrize("change", ["UPDATE fetches SET status = 'HTTP/1.1 404'", "DELETE FROM fetches"])
def test_the_file_refuses_to_change_how_something_came(desk: Any, make_post: Make, now: int, change: str) -> None:
    save(desk, now, FETCH, make_post(1, "One."))
    with pytest.raises(sqlite3.IntegrityError, match="never changed or removed"), desk.archive.writing() as writer:
        writer.execute(change)


def test_a_stretch_of_watching_knows_its_longest_pause(desk: Any, now: int) -> None:
    def looked(at: int, outcome: str = "ok") -> None:
        with desk.archive.writing() as writer:
            states.settle(
                writer, desk.source_id, outcome=outcome, detail=None, now=at, next_poll_at=at + MINUTE,
                hold_until=None, failures=0, posts=0,
            )  # fmt: skip

    for minute in (0, 1, 5, 6):
        looked(now + minute * MINUTE)
    looked(now + 60 * MINUTE)  # much later than planned: another stretch
    looked(now + 61 * MINUTE, "failing")
    assert desk.rows("SELECT rounds, longest_pause FROM runs ORDER BY id") == [(4, 4 * MINUTE), (1, 0), (1, 0)]
    with desk.archive.writing() as writer:
        writer.execute("UPDATE runs SET longest_pause = NULL")  # as of an archive of the version before
    looked(now + 62 * MINUTE, "failing")
    assert desk.rows("SELECT rounds, longest_pause FROM runs ORDER BY id")[-1] == (2, None)
