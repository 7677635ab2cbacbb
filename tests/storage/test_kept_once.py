"""What a post says is kept once, and every reader still finds what was saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.archive import full_text
from storage.archive.columns import storable, storable_or_none
from storage.archive.database import Archive
from storage.archive.errors import ArchiveDamaged
from storage.archive.integrity import find_problems
from storage.archive.packed_words import columns, unpack
from storage.archive.restricted import RestrictedReaders
from storage.language.fold import fold
from storage.media.rehash import rehash_raw
from storage.posts import saving
from storage.posts.reading import read_raw
from storage.records import Batch, FetchedMedia, FetchedPost, Link, Poll, Raw
from storage.search.documents import load_documents
from storage.sources import states

Make = Callable[..., FetchedPost]
MINUTE = 60_000_000
ANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.text(st.sampled_from("aß \n\x00\ud800😀ကျ\u0301’"), max_size=8)
wordings = st.lists(
    st.tuples(st.none() | words, words, st.booleans(), st.sampled_from(["", "poll", "link", "file"])),
    min_size=1,
    max_size=5,
)


def worded(post: FetchedPost, wording: tuple[str | None, str, bool, str]) -> FetchedPost:
    title, text, edited, what = wording
    post = replace(post, title=title, text=text, edited=edited)
    if what == "poll":
        return replace(post, poll=Poll(text, ("yes", text)))
    if what == "link":
        return replace(post, links=(Link(text, "https://example.org"),))
    return replace(post, media=(FetchedMedia("photo", "1", name=text),)) if what == "file" else post


@given(wordings=wordings)
@ANY
def test_every_revision_says_what_was_saved_whatever_its_title_and_its_other_texts_are(
    desk: Any, make_post: Make, now: int, wordings: list[Any]
) -> None:
    native_id = str(desk.rows("SELECT count(*) FROM posts")[0][0])
    said: list[tuple[str | None, str]] = []
    for number, wording in enumerate(wordings):
        post = worded(make_post(native_id), wording)
        saved = desk.save(post, at=now + number * MINUTE)
        if saved.new or saved.revised:
            said.append((storable_or_none(post.title), storable(post.text)))
    asked = "FROM revisions_readable WHERE native_id = :id ORDER BY number"
    assert desk.rows(f"SELECT title, text {asked}", id=native_id) == said


def test_words_that_a_text_holds_are_not_stored_again(desk: Any, make_post: Make, now: int) -> None:
    plain, titled = make_post(1, "The bridge fell"), make_post(2, "It fell at noon", title="The bridge")
    desk.save(plain, titled, make_post(3, "", title="No more than a title"))
    desk.save(replace(plain, text="The bridge holds"), replace(titled, links=(Link("a", "b:"),)), at=now + MINUTE)
    kept = "SELECT post_id, title, text, text_number FROM revisions ORDER BY post_id, number"
    assert [row[1:] for row in desk.rows(kept)] == [
        (None, "", 0), (None, "", 1), ("The bridge", "", 0), ("The bridge", "", 0), ("No more than a title", "", None),
    ]  # fmt: skip


@given(text=st.text(max_size=60) | st.text("the Bridge’s ကျောင်း.", max_size=300))
@settings(max_examples=300, deadline=None)
def test_a_folded_text_comes_back_from_what_it_does_not_share_with_its_text(text: str) -> None:
    text = storable(text)
    for folded in (fold(text), "", text, f"{text}{text}", "x" * 40_000):
        kept = columns(folded, text, plain=False)
        packed = kept["packed"]
        assert folded == (kept["folded"] if packed is None else unpack(packed, text.encode()))  # type: ignore[arg-type]


def test_a_damaged_text_is_folded_when_it_is_read_and_the_index_says_that_it_is_damaged(
    desk: Any, make_post: Make, now: int
) -> None:
    [post_id] = desk.save(make_post(1, "The Bridge fell, they said")).new
    assert desk.rows("SELECT folded, packed IS NULL FROM texts") == [("", 0)]
    assert full_text.agrees(desk.archive)
    with desk.archive.writing() as writer:
        writer.execute("UPDATE texts SET packed = x'00ff'")
    with desk.archive.reading() as reader:
        [text] = load_documents(reader, [post_id])[post_id].texts
    assert text.folded == fold("The Bridge fell, they said")
    assert not full_text.agrees(desk.archive)
    edit = make_post(1, "The Bridge holds, they say", edited=True)
    assert desk.save(edit, at=now + MINUTE).revised == (post_id,)


def test_a_text_whose_bytes_are_damaged_is_said_to_be_damaged_by_all_who_need_it(desk: Any, make_post: Make) -> None:
    desk.save(make_post(1, "The bridge fell", raw=Raw(b"<p>The bridge fell</p>", "text/html")))
    with desk.archive.writing() as writer:
        writer.execute("DROP TRIGGER texts_stay_as_they_are")
        writer.execute("UPDATE texts SET text = CAST(x'fffe41' AS TEXT)")
    assert any("full-text index does not agree" in problem for problem in find_problems(desk.archive))
    assert "cannot be decompressed" in rehash_raw(desk.archive, None).faults[0]
    with pytest.raises(ArchiveDamaged, match="restore a backup"), desk.archive.reading() as reader:
        load_documents(reader, reader.column("SELECT id FROM posts"))


def test_a_text_that_is_missing_is_named_by_what_leans_on_it(desk: Any, make_post: Make) -> None:
    desk.save(make_post(1, "The bridge fell"))
    assert find_problems(desk.archive) == []
    with desk.archive.writing() as writer:
        writer.execute("DROP TRIGGER texts_stay")
        writer.execute("DELETE FROM texts")
    assert {f"a row of {table} refers to a missing row of texts" for table in ("revisions", "raw")} <= {
        *find_problems(desk.archive)
    }


def test_bytes_that_two_sources_showed_are_read_by_whoever_may_read_either(archive: Archive, make_post: Make) -> None:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared(name, "replay") for name in ("one", "two")], 1)
        for number in (1, 2):
            batch = Batch(
                posts=(make_post(number, "The bridge fell", raw=Raw(b"<p>The bridge fell</p>", "text/html")),)
            )
            saving.save(writer, number, batch, now=number, method="replay", alerts=False)
        [sha256] = writer.column("SELECT sha256 FROM raw WHERE text_id IS NOT NULL")
    for number in (1, 2):
        readers = RestrictedReaders(archive.path)
        with readers.reading(frozenset({number})) as reader:
            assert read_raw(reader, sha256) == b"<p>The bridge fell</p>"
            assert len(reader.column("SELECT text FROM texts")) == 1
        readers.close()
