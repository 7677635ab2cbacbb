"""The page /search: what it finds, how it narrows, where it points at a mistake."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from threading import Event

import pytest
from starlette.testclient import TestClient

from bot.clock import Clock
from storage.archive.database import Archive, Reader
from storage.language.query import parse
from storage.search import newest, search
from tests.web.archive import Seeded
from tests.web.serving import asking, opened

QUERIES = (
    "command", "NOT command", "command OR bridge", "တိုင်းစစ်ဌာနချုပ်", "lang:my", "has:photo", "has:forward OR has:edit",
    "side:junta", "source:hill*", "NOT side:press bridge", "date:[2025-11-22 TO 2025-11-22] command", "/comm.nd/",
    "comm*", "brigde~", "军区司令部", "in:ocr statement", "rule:bridges", "tag:public -tag:press", "has:voice lang:en",
)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_what_the_index_is_sure_of_is_what_the_evaluator_finds(seeded: Seeded, query: str) -> None:
    parsed = parse(query)
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        found = newest.find_newest(reader, parsed.root, most=1000)
        expected = [one.post_id for one in search.search(reader, parsed, limit=None)]
        assert (found.ids, found.reached) == (expected, None)
        pages, before = list[int](), None
        while (page := newest.find_newest(reader, parsed.root, most=2, before=before)).ids:
            pages += page.ids
            before = page.reached
            if before is None:
                break
        assert pages == expected
        facets = newest.count_facets(reader, found.ids)
        assert sum(facets.sources.values()) == sum(facets.quarters.values()) == len(expected)
        for name, count in facets.languages.items():
            narrowed = search.search(reader, parse(f"({query}) lang:{name}"), limit=None)
            assert sum(1 for _ in narrowed) == count
        for name, count in facets.kinds.items():
            assert sum(1 for _ in search.search(reader, parse(f"({query}) has:{name}"), limit=None)) == count


def test_a_search_that_is_enough_says_how_far_it_came(seeded: Seeded) -> None:
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        root = parse("/./").root
        first = newest.find_newest(reader, root, most=1000, enough=lambda: True)
        rest = newest.find_newest(reader, root, most=1000, before=first.reached)
        whole = newest.find_newest(reader, root, most=1000)
        assert first.reached is not None or first.ids == whole.ids
        assert first.ids + (rest.ids if first.reached is not None else []) == whole.ids


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


def ids_on(page: str) -> list[int]:
    return [int(one) for one in re.findall(r'data-open href="/post/(\d+)"', page)]


def test_the_hits_are_marked_newest_first_in_every_script(ask: TestClient) -> None:
    for query, marked in (("command", "command"), ("军区司令部", "军区司令部"), ("တိုင်းစစ်ဌာနချုပ်", "တိုင်းစစ်ဌာနချုပ်")):
        page = ask.get("/search", params={"q": query}).text
        found = ids_on(page)
        assert found
        assert found == sorted(found, reverse=True)
        assert f"<mark>{marked}</mark>" in page


@pytest.mark.parametrize(("query", "said"), [("/zqzq/", "0 posts"), ("convoy", "1 post")])
def test_a_count_that_took_too_long_says_no_less_than_the_page_shows(seeded: Seeded, query: str, said: str) -> None:
    ticks = itertools.count()  # a second from look to look: enough for a page, too much for the count
    with opened(seeded) as room:
        slow = replace(room, clock=Clock(now=lambda: seeded.now, monotonic=lambda: float(next(ticks))))
        with asking(slow) as client:
            page = client.get("/search", params={"q": query}).text
    assert f"<strong>{said}</strong>" in page
    assert "newest 0 posts" not in page


def test_words_that_a_machine_read_are_named_so(ask: TestClient) -> None:
    page = ask.get("/search?q=in:ocr+command").text
    assert '<p class="words" lang="" dir="auto"><span class="label">What is written in the picture:</span>' in page


def test_pages_follow_each_other_without_a_hole_and_without_a_repeat(ask: TestClient) -> None:
    page = ask.get("/search").text
    seen = ids_on(page)
    while following := re.search(r'rel="next" data-key="next" href="([^"]+)"', page):
        page = ask.get(unescape(following[1])).text
        seen += ids_on(page)
    assert len(seen) == len(set(seen)) > 20
    assert seen == sorted(seen, reverse=True)


def test_each_facet_leads_to_as_many_posts_as_it_says(ask: TestClient) -> None:
    page = ask.get("/search", params={"q": "command OR bridge OR တံတား"}).text
    links = re.findall(r'<li><a href="(/search[^"]+)"><bdi>[^<]+</bdi></a> <span class="number">(\d+)', page)
    assert {name for address, _ in links for name in ("source", "side", "lang", "kind", "day") if f"{name}=" in address} == {
        "source", "side", "lang", "kind", "day",
    }  # fmt: skip
    for address, count in links:
        narrowed = ask.get(unescape(address)).text
        said = re.search(r"<strong>([\d,]+) posts?</strong>", narrowed)
        assert said
        assert said[1] == count, address


def test_where_much_is_counted_hits_come_first_and_their_number_is_a_second_look(seeded: Seeded) -> None:
    go_on = Event()

    def count(_: Reader) -> None:
        go_on.wait(60)

    with opened(seeded) as room, asking(room) as client:
        assert client.portal
        for _ in range(2):
            client.portal.start_task_soon(room.reading.count, room.owner, count)
        everything = client.get("/search").text
        few = client.get("/search", params={"q": "bridge has:forward"}).text
        go_on.set()
        assert len(ids_on(everything)) == 20
        assert "Counting…" in everything
        assert "</bdi></a> <span" not in everything
        assert "Counting…" not in few
        assert re.search(r"<strong>\d+ posts?</strong>", few)
        link = re.search(r'hx-get="([^"]+)"', everything.partition('id="facets"')[2])
        assert link
        assert f'<a href="{link[1]}">' in everything  # the same without scripts
        counted = client.get(unescape(link[1])).text
        assert ids_on(counted) == ids_on(everything)
        assert re.search(r"<strong>\d+ posts</strong>", counted)
        assert "</bdi></a> <span" in counted
        assert "Counting…" not in client.get("/search").text  # nobody else is counting any more


def test_a_mistake_is_shown_under_its_letter(ask: TestClient) -> None:
    refused = ask.get("/search", params={"q": 'lashio OR (bridge AND "x'})
    assert refused.status_code == 400
    assert 'lashio OR (bridge AND <mark class="here">&#34;</mark>x' in refused.text


def test_of_a_parameter_that_comes_twice_the_first_counts_and_a_wrong_one_is_a_sentence(ask: TestClient) -> None:
    assert ids_on(ask.get("/search?q=command&q=bridge").text) == ids_on(ask.get("/search?q=command").text)
    assert "is not a day" in ask.get("/search?day=yesterday").text
    assert ask.get("/search?before=x&lang=%00&kind=car").status_code == 400
