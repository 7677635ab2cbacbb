from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.archive.database import Archive
from storage.posts import lookup, post_history, reading, saving
from storage.records import Batch, FetchedMedia, FetchedPost, Forward, LedgerChange, Link, Poll, Raw
from storage.sources import states

NOW = 1_763_800_000_000_000
HOUR = 3_600_000_000


def fetched(native_id: str, text: str = "words", *, at: int | None = NOW, **more: object) -> FetchedPost:
    return FetchedPost(native_id, Raw(f"{native_id}: {text}".encode(), "text/plain"), text, posted_at=at, **more)  # type: ignore[arg-type]


def save(archive: Archive, name: str, given: Sequence[FetchedPost], *, now: int = NOW) -> tuple[int, ...]:
    with archive.writing() as writer:
        known = states.find_source(writer, name)
        if known is None:
            there = [states.Declared(row.name, row.kind, row.tags) for row in states.list_sources(writer)]
            states.declare(writer, [*there, states.Declared(name, "replay", (f"tag-of-{name}",))], now)
            known = states.find_source(writer, name)
        assert known is not None
        return saving.save(writer, known.id, Batch(tuple(given)), now=now, method="replay", alerts=False).new


def test_a_post_is_found_by_id_by_name_and_by_address(archive: Archive) -> None:
    [post_id] = save(archive, "desk", [fetched("https://example.org/a/b", url="https://example.org/a/b")])
    with archive.reading() as reader:
        assert reading.find_post(reader, str(post_id)) == post_id
        assert reading.find_post(reader, "desk/https://example.org/a/b") == post_id
        assert reading.find_post(reader, "https://example.org/a/b") == post_id
        assert reading.find_post(reader, "example.org/a/b") == post_id
        assert reading.find_post(reader, "desk/none") is None


def test_a_link_finds_the_post_of_its_channel_and_the_album_of_its_picture(archive: Archive) -> None:
    album = tuple(FetchedMedia("photo", f"photo:{number}") for number in (41, 42))
    given = [fetched("7", number=7), fetched("41", number=41, group="41", media=album), fetched("45", number=45)]
    single, together, _ = save(archive, "desk", given)
    with archive.writing() as writer:
        known = states.find_source(writer, "desk")
        assert known is not None
        states.advance(writer, known.id, Batch(channel_id="1500", handle="Hill_Desk"), LedgerChange(), NOW)
    with archive.reading() as reader:
        for number, found in ((7, single), (41, together), (42, together), (43, None), (8, None)):
            assert lookup.find_in_channel(reader, number, handle="hill_DESK") == found
            assert lookup.find_in_channel(reader, number, channel_id="1500") == found
        assert lookup.find_in_channel(reader, 7, handle="other_desk") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it is only read
@given(key=st.text(max_size=40))
def test_any_key_is_found_or_not_and_never_an_error(archive: Archive, key: str) -> None:
    with archive.reading() as reader:
        assert reading.find_post(reader, key) is None


def test_posts_come_in_the_order_that_was_asked_and_unknown_ids_are_left_out(archive: Archive) -> None:
    first, second = save(archive, "desk", [fetched("1"), fetched("2", at=NOW + HOUR)])
    with archive.reading() as reader:
        assert [post.id for post in reading.read_posts(reader, [second, 7, first])] == [second, first]
        assert reading.read_posts(reader, []) == []


def test_a_post_comes_with_everything_of_its_current_revision(archive: Archive) -> None:
    old = fetched("1", "as it was", media=(FetchedMedia("photo", "old", url="http://127.0.0.1/o.jpg"),))
    new = fetched(
        "1",
        "as it is",
        title="A title",
        author="A person",
        forward=Forward("Elsewhere"),
        links=(Link("here", "https://example.org/"),),
        media=(FetchedMedia("document", "new", name="list.pdf", reason="needs an account"),),
        poll=Poll("Shall we?", ("yes", "no")),
    )
    [post_id] = save(archive, "desk", [old])
    save(archive, "desk", [new], now=NOW + HOUR)
    with archive.reading() as reader:
        [post] = reading.read_posts(reader, [post_id])
    assert (post.text, post.title, post.revisions, post.edited_at) == ("as it is", "A title", 2, NOW + HOUR)
    assert post.links == (Link("here", "https://example.org/"),)
    assert [(item.kind, item.name, item.state) for item in post.media] == [("document", "list.pdf", "not downloadable")]


def test_history_is_told_from_the_beginning(archive: Archive) -> None:
    [post_id] = save(archive, "desk", [fetched("1", "one")])
    save(archive, "desk", [fetched("1", "two")], now=NOW + HOUR)
    with archive.reading() as reader:
        told = post_history.read_history(reader, post_id)
    assert [(revision.number, revision.text) for revision in told.revisions] == [(0, "one"), (1, "two")]


def test_raw_bytes_come_back_as_they_were_received(archive: Archive) -> None:
    data = bytes(range(256)) * 100
    [post_id] = save(archive, "desk", [FetchedPost("1", Raw(data, "application/octet-stream"), "x", posted_at=NOW)])
    with archive.reading() as reader:
        [post] = reading.read_posts(reader, [post_id])
        assert reading.read_raw(reader, post.raw_sha256) == data
        with pytest.raises(KeyError):
            reading.read_raw(reader, "0" * 64)


def test_the_newest_are_those_published_last_and_arrivals_those_archived_last(archive: Archive) -> None:
    [late] = save(archive, "desk", [fetched("late")])
    with archive.reading() as reader:
        mark = reading.read_arrival_mark(reader)
    [early] = save(archive, "river", [fetched("early", at=NOW - HOUR)], now=NOW + HOUR)
    save(archive, "desk", [fetched("late", "edited")], now=NOW + HOUR)
    with archive.reading() as reader:
        assert reading.find_newest(reader, limit=5) == (early, late)
        assert reading.find_newest(reader, limit=1) == (late,)
        assert reading.find_newest(reader, limit=5, sources=["river"]) == (early,)
        assert reading.find_newest(reader, limit=5, tags=["tag-of-desk"]) == (late,)
        assert reading.find_newest(reader, limit=5, sources=["river"], tags=["tag-of-desk"]) == ()
        assert reading.find_arrived(reader, mark, reading.read_arrival_mark(reader)) == (early,)
        assert reading.find_arrived(reader, mark, reading.read_arrival_mark(reader), sources=["desk"]) == ()
