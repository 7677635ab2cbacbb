"""The page of one post: the words as published, and beside them what became of them."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256

import pytest
from starlette.testclient import TestClient

from tests.web.archive import Seeded
from tests.web.serving import asking, opened


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


def page_of(ask: TestClient, seeded: Seeded, name: str) -> str:
    answer = ask.get(f"/post/{seeded.posts[name]}")
    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    return answer.text


def test_zawgyi_is_shown_as_published_and_beside_it_in_unicode(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "zawgyi")
    published, converted = re.findall(r'<div class="body[^"]*" lang="my" dir="auto">([^<]+)</div>', page)
    assert published != converted
    assert "တိုင်းစစ်ဌာနချုပ်" in converted
    assert "written in Zawgyi" in page


def test_an_edit_shows_the_words_that_changed(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "edited")
    assert re.search(r"<del>[^<]+</del>", page)
    assert re.search(r"<ins>[^<]+</ins>", page)


def test_a_deletion_is_said_before_the_words(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "deleted")
    assert page.index("gone from its source") < page.index('<div class="body"')
    assert "established as deleted" in page


def test_a_copy_names_the_others_and_an_answer_the_other_side(ask: TestClient, seeded: Seeded) -> None:
    assert f'href="/post/{seeded.posts["claim"]}"' in page_of(ask, seeded, "copy")
    assert "The other side says" in page_of(ask, seeded, "denial")
    assert f'href="/post/{seeded.posts["claim"]}"' in page_of(ask, seeded, "forward")


def test_words_of_machines_are_apart_with_engine_and_confidence(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "recording")
    assert re.search(r"by [^<]+", page)
    assert "sure to" in page
    assert re.search(r'<a class="second" data-seek="[\d.]+" href="/api/v1/files/[0-9a-f]{64}#t=[\d.]+">', page)
    assert '<img src="/api/v1/files/' in page_of(ask, seeded, "picture")


def test_it_is_cited_in_one_line_and_as_csl(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "claim")
    line = re.search(r'<p class="citation"><bdi>([^<]+)</bdi>', page)
    assert line
    item = ask.get(f"/post/{seeded.posts['claim']}/cite.json").json()[0]
    assert item["issued"]["date-parts"][0] == [2025, 11, 22]
    for part in ("published 2025-11-22", "archived 2025-11-22", "SHA-256", f"/post/{seeded.posts['claim']}"):
        assert part in line[1]
    assert item["archive_location"] == f"http://127.0.0.1/post/{seeded.posts['claim']}"
    assert item["URL"] == "https://river-alliance.example/1"
    assert json.dumps(item)


def test_the_bytes_are_those_of_the_hash_and_of_no_other_post(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "claim")
    found = re.search(r'href="(/post/\d+/raw/([0-9a-f]{64}))"', page)
    assert found
    answer = ask.get(found[1])
    assert sha256(answer.content).hexdigest() == found[2]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert ask.get(f"/post/{seeded.posts['copy']}/raw/{found[2]}").status_code == 404


def test_a_post_is_found_by_its_source_and_number_and_what_there_is_not_is_404(ask: TestClient, seeded: Seeded) -> None:
    page = page_of(ask, seeded, "claim")
    number = re.search(r"<bdi>(river-alliance/\d+)</bdi>", page)
    assert number
    assert ask.get(f"/post/{number[1]}").headers["location"] == f"/post/{seeded.posts['claim']}"
    for nothing in ("/post/1", "/post/river-alliance/999999", f"/post/{10**30}", "/post/nobody/1"):
        assert ask.get(nothing).status_code == 404


def test_an_open_page_learns_that_its_post_has_changed(ask: TestClient, seeded: Seeded) -> None:
    address = re.search(r'hx-get="(/post/\d+/fresh[?]mark=[0-9a-f]+)"', page_of(ask, seeded, "claim"))
    assert address
    assert ask.get(address[1]).status_code == 204
    assert "load it again" in ask.get(address[1] + "0").text
