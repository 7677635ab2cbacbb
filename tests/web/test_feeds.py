"""Feeds of a search and of a rule, and the list of sources: as feed readers read them, and for whom a token is good."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from bot.foreign.opml import read_opml
from storage.archive.database import Archive
from storage.people import tokens
from storage.posts import saving
from storage.records import Checked
from storage.rows import PostRow
from tests.web.archive import FETCHED, MINUTE, Seeded
from tests.web.letting_in import guarded
from tests.web.serving import asking, opened
from tests.web.test_stream import day_after, delete

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def client(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


def entries(text: str) -> list[dict[str, str]]:
    return [
        {part.tag.removeprefix(ATOM): part.text or "" for part in entry}
        for entry in ET.fromstring(text).iter(f"{ATOM}entry")
    ]


def test_a_search_is_an_atom_feed_and_a_json_feed_with_the_same_entries(client: TestClient) -> None:
    atom = client.get("/feeds/search.atom?q=command")
    assert atom.headers["content-type"].startswith("application/atom+xml")
    found = client.get("/feeds/search.json?q=command").json()
    assert [one["id"] for one in entries(atom.text)] == [one["id"] for one in found["items"]] != []
    assert [one["title"] for one in entries(atom.text)] == [one["title"] for one in found["items"]]
    assert (
        client.get("/feeds/search.atom?q=command", headers={"If-None-Match": atom.headers["etag"]}).status_code == 304
    )


def test_a_deletion_says_so_and_an_edit_is_an_update_of_the_same_entry(client: TestClient, seeded: Seeded) -> None:
    deleted = client.get("/feeds/search.json?q=convoy").json()["items"]
    gone = next(one for one in deleted if one["_communique"]["deleted_at"])
    assert gone["title"].startswith("[deleted] ")
    assert "was deleted" in gone["content_text"]
    assert "The convoy left the barracks" in gone["content_text"]
    assert gone["date_modified"] >= gone["_communique"]["deleted_at"][:19]
    post = client.get(f"/api/v1/posts/{seeded.posts['edited']}").json()
    [edited] = client.get(f"/feeds/search.json?q=id:{seeded.posts['edited']}").json()["items"]
    assert edited["date_modified"][:19] == post["edited_at"][:19] > edited["date_published"][:19]
    assert "revision 3" in edited["content_text"]


def test_a_post_that_comes_back_is_an_update_too(copy_of_seeded: Callable[[], Seeded]) -> None:
    seeded = copy_of_seeded()
    seeded = replace(seeded, posts=dict(seeded.posts))
    seen = []
    with Archive(seeded.data_dir / "communique.db") as archive, opened(seeded) as room, asking(room) as client:
        day = day_after(seeded, archive)

        def look() -> None:
            [entry] = client.get("/feeds/search.json?q=quarry").json()["items"]
            seen.append((entry["date_modified"], entry["_communique"]["deleted_at"] is not None))

        post = day.say("hill-rangers", "new", "The quarry is closed.")
        look()
        delete(day, post)
        look()
        day.now += MINUTE
        with archive.writing() as writer:
            saving.save_check(writer, post, Checked("1001", "present", "page", fetch=FETCHED), day.now, apart=MINUTE)
        look()
    assert [is_gone for _, is_gone in seen] == [False, True, False]
    assert sorted({at for at, _ in seen}) == [at for at, _ in seen]


def test_an_edit_that_takes_the_words_away_is_an_update_and_not_the_end_of_an_entry(client: TestClient) -> None:
    [edited] = client.get('/feeds/search.json?q="two men were hurt"').json()["items"]
    assert "revision 3" in edited["content_text"]
    assert "Five men were killed" in edited["content_text"]
    assert edited["date_modified"] > edited["date_published"]


def test_every_feed_has_an_id_of_its_own_and_its_address_without_the_token(client: TestClient) -> None:
    asked = ("search.atom?q=bridge", "search.atom?q=bridge&source=hill-rangers", "search.atom?q=bridge&tag=public",
             "search.atom?q=bridge&source=valley-radio&source=hill-rangers", "rules/bridges.atom",
             "search.atom?q=%E1%80%90&tag=a%26b")  # fmt: skip
    feeds = [ET.fromstring(client.get(f"/feeds/{one}").text) for one in asked]
    assert len({feed.findtext(f"{ATOM}id") for feed in feeds}) == len(asked)
    for one, feed in zip(asked, feeds, strict=True):
        [own] = [link for link in feed.findall(f"{ATOM}link") if link.get("rel") == "self"]
        assert (
            urljoin(f"http://room.example/feeds/secret/{one}", own.get("href"))
            == f"http://room.example/feeds/secret/{one}"
        )
    assert "cmq_" not in client.get("/feeds/search.atom?q=bridge&token=cmq_secret").text


def test_a_feed_of_a_rule_has_what_the_rule_finds_in_its_sources(client: TestClient) -> None:
    replayed = client.get("/api/v1/rules/replay?rule=voice-of-the-spokesman&samples=50").json()["samples"]
    feed = client.get("/feeds/rules/voice-of-the-spokesman.json").json()["items"]
    assert {one["url"] for one in feed} == {one["url"] for one in replayed} != set()
    assert client.get("/feeds/rules/nowhere.atom").status_code == 404
    assert client.get("/feeds/search.rss?q=command").status_code == 404


def test_feedparser_reads_it(client: TestClient) -> None:
    feedparser: Any = pytest.importorskip("feedparser", reason="feedparser is missing; make setup-web brings it")
    read = feedparser.parse(client.get("/feeds/search.atom?q=the").content)
    assert not read.bozo
    assert len(read.entries) > 20
    assert all(one.id and one.title and one.updated_parsed and one.content[0].value for one in read.entries)


def test_words_of_strangers_are_words_in_a_feed() -> None:
    from bot.web.feeds.entries import make_entries, newest_update
    from bot.web.feeds.writing import write_atom

    hostile = "<script>alert(1)</script>]]>\x00\x0b\x1b[31m\ufffe & \u202e \ud800".encode(errors="replace").decode()
    at = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1_000_000
    post = PostRow(
        id=1, source=hostile, native_id=hostile, url='javascript:"><x>', title=hostile, author=hostile, posted_at=None,
        posted_raw=hostile, collected_at=at, edited_at=None, deleted_at=None, text=hostile, language="my",
        forward=None, reply_to=None, raw_sha256="", links=(), media=(), texts=(), rules=(), revisions=1,
    )  # fmt: skip
    made = make_entries([post], {})
    read = ET.fromstring(write_atom("urn:x", hostile, newest_update(made), made))
    assert not list(read.iter("script"))
    assert not list(read.iter(f"{ATOM}link"))
    assert "<script>alert(1)</script>" in (read.findtext(f"{ATOM}entry/{ATOM}title") or "")


def test_the_sources_are_a_list_for_feed_readers(client: TestClient) -> None:
    found = {one.title for one in read_opml(client.get("/feeds/sources.opml").text)}
    assert found == {"valley-radio", "border-daily"}


def test_a_token_opens_feeds_until_it_is_revoked_and_only_for_what_its_owner_reads(
    seeded: Seeded, tmp_path: Path
) -> None:
    with guarded(seeded, tmp_path) as here, asking(here.room) as client:
        person = here.add("ann", "reader", "source:valley-radio")
        token = here.token(person, "feeds")
        assert client.get(f"/feeds/{token}/search.json?q=bulletin").json()["items"]
        assert client.get(f"/feeds/search.json?q=bulletin&token={token}").json()["items"]
        assert client.get(f"/feeds/{token}/search.json?q=convoy").json()["items"] == []
        assert client.get(f"/feeds/{token}/rules/voice-of-the-spokesman.json").status_code == 404
        assert [one.title for one in read_opml(client.get(f"/feeds/{token}/sources.opml").text)] == ["valley-radio"]
        assert client.get("/feeds/cmq_wrong/search.json?q=bulletin").status_code == 404
        assert client.get("/api/v1/posts", headers={"Authorization": f"Bearer {token}"}).status_code == 403
        with here.people.writing() as writer:
            [row] = tokens.list_tokens(writer)
            tokens.revoke_token(writer, row.id, here.now)
        assert client.get(f"/feeds/{token}/search.json?q=bulletin").status_code == 404
